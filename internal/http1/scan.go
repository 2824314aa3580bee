package http1

import (
	"encoding/binary"
	"math/bits"
	"strings"
)

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
