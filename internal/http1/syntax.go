package http1

import (
	"encoding/binary"
	"errors"
	"math/bits"
	"strconv"
	"strings"
)

// A Rule is a rule of HTTP/1.1 that a response broke, or a bound of this package that it exceeded.
type Rule uint8

const (
	NotHTTP               Rule = iota + 1 // the first octets are not "HTTP/"
	LeadingBlank                          // a line end where the status line should begin
	BadVersion                            // neither HTTP/1.0 nor HTTP/1.x
	BadStatusLine                         // no single space between version and status code
	BadStatusCode                         // not three digits
	Unexpected101                         // Switching Protocols, which nobody asked for
	TooManyInterim                        // more than 16 responses 1xx before the final one
	HeadTooLarge                          // more than 64 KiB from status line to blank line
	BareCR                                // CR that is not followed by LF
	NUL                                   // NUL in a line
	ControlCharacter                      // any other control character in a line, except HTAB
	NoColon                               // a field line without colon
	SpaceBeforeColon                      // white space between field name and colon
	BadFieldName                          // empty, or not a token
	BadFold                               // obs-fold of a field that frames, or of no field at all
	BadContentLength                      // not a decimal number
	ContentLengthRange                    // beyond 2⁶³−1
	ContentLengthConflict                 // several values that differ
	BadTransferEncoding                   // not a list of transfer codings
	BadChunkedCoding                      // chunked more than once, or with parameters
	BadChunkSize                          // not a hexadecimal number, or followed by neither extension nor CRLF
	ChunkSizeRange                        // beyond 2⁶³−1
	ChunkLineTooLong                      // more than 4 KiB of chunk size and extensions
	BadChunkEnd                           // chunk data not followed by CRLF
	TrailerTooLarge                       // more than 64 KiB after the last chunk

	numRules
)

var ruleNames = [numRules]string{
	NotHTTP:               "not an HTTP response",
	LeadingBlank:          "blank line before the status line",
	BadVersion:            "unsupported HTTP version",
	BadStatusLine:         "malformed status line",
	BadStatusCode:         "malformed status code",
	Unexpected101:         "unexpected 101 Switching Protocols",
	TooManyInterim:        "too many interim responses",
	HeadTooLarge:          "head too large",
	BareCR:                "bare CR",
	NUL:                   "NUL",
	ControlCharacter:      "control character",
	NoColon:               "field line without colon",
	SpaceBeforeColon:      "white space before the colon of a field",
	BadFieldName:          "malformed field name",
	BadFold:               "misplaced line folding",
	BadContentLength:      "malformed Content-Length",
	ContentLengthRange:    "Content-Length out of range",
	ContentLengthConflict: "contradictory Content-Length",
	BadTransferEncoding:   "malformed Transfer-Encoding",
	BadChunkedCoding:      "chunked coding applied twice or with parameters",
	BadChunkSize:          "malformed chunk size",
	ChunkSizeRange:        "chunk size out of range",
	ChunkLineTooLong:      "chunk-size line too long",
	BadChunkEnd:           "chunk not followed by CRLF",
	TrailerTooLarge:       "trailer section too large",
}

// String names the rule in lower case, the same for every response that breaks it.
func (r Rule) String() string {
	if r == 0 || r >= numRules {
		return "Rule(" + strconv.Itoa(int(r)) + ")"
	}
	return ruleNames[r]
}

// A SyntaxError says that a response broke a rule, and with what. Rule depends on the response's bytes alone; Detail
// quotes at most 60 of them and may show fewer when they came in pieces.
type SyntaxError struct {
	Rule   Rule
	Detail string // "" where the rule says it all
}

func (e *SyntaxError) Error() string {
	if e.Detail == "" {
		return "malformed response: " + e.Rule.String()
	}
	return "malformed response: " + e.Rule.String() + ": " + e.Detail
}

// ErrTruncated matches, by errors.Is, every [*TruncatedError].
var ErrTruncated = errors.New("response cut short")

// A TruncatedError says that the peer closed before the response was complete.
type TruncatedError struct {
	InBody bool // after the head; else in the head, or before any of it (see Parser.Started)
}

func (e *TruncatedError) Error() string {
	if e.InBody {
		return "response cut short: the peer closed in the body"
	}
	return "response cut short: the peer closed before the end of the head"
}

// Is reports whether target is ErrTruncated.
func (e *TruncatedError) Is(target error) bool { return target == ErrTruncated }

// quote shows an excerpt of what a peer sent.
func quote(b []byte) string {
	const most = 60
	if len(b) > most {
		return strconv.Quote(string(b[:most])) + "…"
	}
	return strconv.Quote(string(b))
}

// isToken has the octets of a token, RFC 9110 §5.6.2.
var isToken = func() (t [256]bool) {
	for c := range t {
		t[c] = '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z' || strings.IndexByte("!#$%&'*+-.^_`|~", byte(c)) >= 0
	}
	return t
}()

// tokenLen returns how many octets at the start of s are those of a token: letters and hyphens eight at a time, for field
// names have little else.
func tokenLen(s []byte) int {
	n := 0
	for len(s)-n >= 8 {
		if other := notLetters(binary.LittleEndian.Uint64(s[n:])); other != 0 {
			if n += bits.TrailingZeros64(other) / 8; s[n] == ':' {
				return n
			}
			break
		}
		n += 8
	}
	for n < len(s) && isToken[s[n]] {
		n++
	}
	return n
}

// notLetters sets, for each of eight octets that is neither a letter nor a hyphen, its top bit. Sums of seven-bit octets
// do not carry into the next one, so all bits are exact.
func notLetters(w uint64) uint64 {
	lower := (w | 0x20*ones) &^ tops
	letter := (lower + (0x80-'a')*ones) &^ (lower + (0x7f-'z')*ones)
	noHyphen := (w^'-'*ones)&^tops + 0x7f*ones
	return (noHyphen&^letter | w) & tops
}

// Octets of a word, for looking at eight at a time.
const (
	ones = 0x0101010101010101
	tops = 0x8080808080808080
)

// firstControl returns the index of the first control character except HTAB, or -1. It looks at eight octets at a time:
// field values are most of a head.
func firstControl(s []byte) int {
	i := 0
	for len(s)-i >= 8 {
		found := controls(binary.LittleEndian.Uint64(s[i:]))
		if found == 0 {
			i += 8
			continue
		}
		i += bits.TrailingZeros64(found) / 8
		if s[i] != '\t' {
			return i
		}
		i++
	}
	for ; i < len(s); i++ {
		if c := s[i]; c < 0x20 && c != '\t' || c == 0x7f {
			return i
		}
	}
	return -1
}

// controls sets, for each of eight octets that is below 0x20 or is 0x7f, its top bit: the zero-byte test of "Bit Twiddling
// Hacks". Only the lowest bit set can be relied on; a borrow may set bits above it.
func controls(w uint64) uint64 {
	del := w ^ 0x7f*ones
	return ((w-0x20*ones)&^w | (del-ones)&^del) & tops
}

// trim strips the OWS of RFC 9110 §5.6.3.
func trim(s []byte) []byte {
	for len(s) > 0 && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	for len(s) > 0 && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}

// isFold reports whether s is lower, a word of letters and hyphens, in any case. The octets that |0x20 takes for a hyphen
// or a letter without being one are control characters; s has none.
func isFold(s []byte, lower string) bool {
	if len(s) != len(lower) {
		return false
	}
	for i := range len(lower) {
		if s[i]|0x20 != lower[i] {
			return false
		}
	}
	return true
}

// cutElement splits a comma-separated list after its first element, which is trimmed.
func cutElement(list []byte) (element, rest []byte, more bool) {
	for i, c := range list {
		if c == ',' {
			return trim(list[:i]), list[i+1:], true
		}
	}
	return trim(list), nil, false
}
