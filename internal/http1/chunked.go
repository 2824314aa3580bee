package http1

import (
	"math"
	"strconv"
)

// beginChunk awaits a chunk-size line.
func (p *Parser) beginChunk() {
	p.state = stateChunkSize
	p.left = 0
	p.room = maxChunkLine
}

// chunked passes over a chunked body, RFC 9112 §7.1, until its trailer section: chunk data at once, all else octet by
// octet, so that nothing of it is stored.
func (p *Parser) chunked(data []byte, n int) (int, error) {
	for n < len(data) && p.state != stateTrailer {
		if p.state == stateChunkData {
			if n = p.skip(data, n); p.left == 0 {
				p.state = stateChunkCR
			}
			continue
		}
		if rule := p.chunkOctet(data[n]); rule != 0 {
			return n, p.fail(rule, "octet "+strconv.QuoteRuneToASCII(rune(data[n])))
		}
		n++
	}
	return n, nil
}

// chunkOctet takes an octet that is not chunk data.
func (p *Parser) chunkOctet(c byte) (broken Rule) {
	switch p.state {
	case stateChunkCR:
		if c != '\r' {
			return BadChunkEnd
		}
		p.state = stateChunkEnd
		return 0
	case stateChunkEnd:
		if c != '\n' {
			return BadChunkEnd
		}
		p.beginChunk()
		return 0
	}
	if p.room--; p.room < 0 {
		return ChunkLineTooLong
	}
	switch p.state {
	case stateChunkSize, stateChunkMore:
		return p.sizeOctet(c)
	case stateChunkLF:
		return p.endOfSize(c)
	default:
		return p.extensionOctet(c)
	}
}

// sizeOctet takes a digit of the chunk size, or the octet after it.
func (p *Parser) sizeOctet(c byte) (broken Rule) {
	if digit, ok := hexDigit(c); ok {
		if p.left > math.MaxInt64>>4 {
			return ChunkSizeRange
		}
		p.left = p.left<<4 | int64(digit)
		p.state = stateChunkMore
		return 0
	}
	switch {
	case p.state == stateChunkSize:
		return BadChunkSize
	case c == '\r':
		p.state = stateChunkLF
	case c == ';':
		p.state = stateChunkExt
	case c == ' ' || c == '\t':
		p.state = stateChunkSpace // RFC 9112 §7.1.1: BWS before an extension's semicolon
	default:
		return BadChunkSize
	}
	return 0
}

// extensionOctet takes what lies between the size and the line end. RFC 9112 §7.1.1: unrecognized extensions MUST be
// ignored; all of them are.
func (p *Parser) extensionOctet(c byte) (broken Rule) {
	switch {
	case p.state == stateChunkSpace && c == ';':
		p.state = stateChunkExt
	case p.state == stateChunkSpace && c != ' ' && c != '\t':
		return BadChunkSize
	case c == '\r':
		p.state = stateChunkLF
	case c == 0:
		return NUL
	case c == '\n':
		return BadChunkSize
	case c < 0x20 && c != '\t' || c == 0x7f:
		return ControlCharacter
	}
	return 0
}

// endOfSize takes the LF after a chunk-size line. RFC 9112 §2.2 lets a lone LF end lines of the head, not this one.
func (p *Parser) endOfSize(c byte) (broken Rule) {
	switch {
	case c != '\n':
		return BareCR
	case p.left > 0:
		p.state = stateChunkData
	default:
		p.state = stateTrailer
		p.room = maxHead
		p.fold = foldNothing
	}
	return 0
}

func hexDigit(c byte) (digit byte, ok bool) {
	switch {
	case isDigit(c):
		return c - '0', true
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10, true
	default:
		return 0, false
	}
}
