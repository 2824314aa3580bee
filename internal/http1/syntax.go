package http1

import (
	"errors"
	"strconv"
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

// Quote shows an excerpt of what a peer sent.
func Quote(b []byte) string {
	const most = 60
	if len(b) > most {
		return strconv.Quote(string(b[:most])) + "…"
	}
	return strconv.Quote(string(b))
}
