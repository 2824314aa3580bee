package http1

import "bytes"

// Bounds on what a response may make this package read or store.
const (
	maxHead      = 64 << 10 // octets of a head, and of a trailer section
	maxChunkLine = 4 << 10  // octets of a chunk-size line with extensions and line end
	maxInterim   = 16       // responses 1xx before the final one
	maxKept      = 4 << 10  // octets of capacity that a parser keeps for its next response
)

// A Parser is the resumable state of one response on one conn. It stores a line that arrived in part and nothing else,
// so its value can be moved (a, b = b, a); of two copies only one may be used. Call Reset before each response.
type Parser struct {
	line []byte // an incomplete line of the head or the trailer section

	err       *SyntaxError // set in stateFailed
	badLength *SyntaxError // what is wrong with Content-Length; judged at the end of the head

	length int64 // Content-Length, -1 if there is none
	left   int64 // octets to come of the body or of the chunk; while its line is read, the chunk's size so far
	body   int64

	room    int32 // octets that the head, the trailer section or the chunk-size line may still have
	status  int16
	state   state
	coding  coding
	fold    fold
	interim uint8

	head      bool // the request was HEAD
	started   bool
	bodiless  bool // rule 1 of RFC 9112 §6.3
	empty     bool // a response to HEAD says that its length is 0
	http10    bool
	close     bool // the conn ends with this response
	keepAlive bool // Connection says keep-alive
}

// A state says what the next octet belongs to. The order is that of the octets of a response.
type state uint8

const (
	stateUnready state = iota // Reset was never called
	stateStatus
	stateField
	stateLength     // body of known length
	stateUntilClose // body that ends when the peer closes
	stateChunkSize  // first digit of a chunk size
	stateChunkMore  // further digits
	stateChunkSpace // white space after the size
	stateChunkExt   // extensions
	stateChunkLF    // the LF that ends the line
	stateChunkData
	stateChunkCR  // CR after the data
	stateChunkEnd // LF after the data
	stateTrailer
	stateDone
	stateFailed
)

// Reset makes p ready for the next response; head says that the request was HEAD.
func (p *Parser) Reset(head bool) {
	line := p.line[:0]
	if cap(line) > maxKept {
		line = nil
	}
	*p = Parser{line: line, head: head}
	p.begin()
}

// begin awaits a head: the first, or the one after an interim response.
func (p *Parser) begin() {
	p.state = stateStatus
	p.room = maxHead
	p.length = -1
	p.badLength = nil
	p.coding = codingNone
	p.fold = foldNothing
	p.bodiless, p.empty, p.http10, p.close, p.keepAlive = false, false, false, false, false
}

// Feed takes the next bytes of the conn, up to the end of the response, and returns how many it used. The result is the
// same however the bytes are split over calls. done: the final response is complete; data[n:] is no part of it. After a
// *SyntaxError, which is final, n is the offset of the line or octet that was refused, or of what followed it.
func (p *Parser) Feed(data []byte) (n int, done bool, err error) {
	if len(data) > 0 && p.state != stateDone {
		p.started = true
	}
	for {
		switch p.state {
		case stateStatus, stateField, stateTrailer:
			n, err = p.lines(data, n)
		case stateLength:
			if n = p.skip(data, n); p.left == 0 {
				p.state = stateDone
			}
		case stateUntilClose:
			p.body += int64(len(data) - n)
			n = len(data)
		case stateDone:
			return n, true, nil
		case stateFailed:
			return n, false, p.err
		case stateUnready:
			panic("http1: Parser used before Reset")
		default:
			n, err = p.chunked(data, n)
		}
		if err != nil || n == len(data) {
			return n, p.state == stateDone, err
		}
	}
}

// skip passes over body octets.
func (p *Parser) skip(data []byte, n int) int {
	k := min(p.left, int64(len(data)-n))
	p.left -= k
	p.body += k
	return n + int(k)
}

// lines takes complete lines of data[n:] until the section ends; an incomplete one is kept for the next call.
func (p *Parser) lines(data []byte, n int) (_ int, err error) {
	for section := p.state; ; {
		if p.state == stateField && len(p.line) == 0 {
			if n, err = p.plainFields(data, n); err != nil {
				return n, err
			}
		}
		end := bytes.IndexByte(data[n:], '\n')
		if end < 0 {
			return len(data), p.keep(data[n:])
		}
		raw := data[n : n+end+1]
		n += len(raw)
		if len(p.line) > 0 {
			raw = p.join(raw)
			p.line = raw[:0]
		}
		if err = p.takeLine(raw); err != nil {
			return n, err
		}
		if p.state != section && p.state != stateField {
			return n, nil
		}
	}
}

// keep stores the part of a line. Only new octets are searched for its end, so a response that arrives octet by octet
// costs no more than its length.
func (p *Parser) keep(part []byte) error {
	if len(part) == 0 {
		return nil
	}
	p.line = p.join(part)
	return p.admit(p.line)
}

// join appends to the kept part of a line, at most one octet more than the section has room for: admit refuses the line
// then, and what follows does not matter.
func (p *Parser) join(part []byte) []byte {
	most := int(p.room) + 1 - len(p.line)
	return append(p.line, part[:min(len(part), most)]...)
}

// takeLine gives a line with its line end to the section that it is in. RFC 9112 §2.2: a single LF MAY end it.
func (p *Parser) takeLine(raw []byte) error {
	if err := p.admit(raw); err != nil {
		return err
	}
	p.room -= int32(len(raw))
	line := raw[:len(raw)-1]
	if k := len(line) - 1; k >= 0 && line[k] == '\r' {
		line = line[:k]
	}
	switch {
	case p.state == stateStatus:
		return p.statusLine(line)
	case len(line) > 0:
		return p.field(line)
	case p.state == stateTrailer:
		p.state = stateDone
		return nil
	default:
		return p.endOfHead()
	}
}

// admit checks what can be known of a line before it is complete.
func (p *Parser) admit(raw []byte) error {
	if p.state == stateStatus {
		if err := p.isResponse(raw); err != nil {
			return err
		}
	}
	if len(raw) <= int(p.room) {
		return nil
	}
	if p.state == stateTrailer {
		return p.fail(TrailerTooLarge, "more than 64 KiB")
	}
	return p.fail(HeadTooLarge, "more than 64 KiB")
}

// fail makes the response malformed for good. The line it came from is of no more use.
func (p *Parser) fail(rule Rule, detail string) error {
	p.err = &SyntaxError{Rule: rule, Detail: detail}
	p.state = stateFailed
	p.line = p.line[:0]
	return p.err
}

// EOF tells p that the peer closed. It completes a body that ends there; else the response is cut short, and err is a
// *TruncatedError, or the *SyntaxError that Feed returned.
func (p *Parser) EOF() (done bool, err error) {
	switch p.state {
	case stateDone:
		return true, nil
	case stateUntilClose:
		p.state = stateDone
		return true, nil
	case stateFailed:
		return false, p.err
	case stateStatus, stateField:
		return false, &TruncatedError{}
	default:
		return false, &TruncatedError{InBody: true}
	}
}

// Started reports whether any octet of a response, interim ones included, was taken since Reset.
func (p *Parser) Started() bool { return p.started }

// Status returns the status code of the latest status line, 0 before the first; of the final response once done.
func (p *Parser) Status() int { return int(p.status) }

// BodyBytes returns how many octets of the body were skipped, without chunk framing.
func (p *Parser) BodyBytes() int64 { return p.body }

// Bodyless reports, of a response to HEAD, that the same in answer to GET would have no body.
func (p *Parser) Bodyless() bool { return p.empty || p.status == 204 || p.status == 304 }

// Interim returns how many 1xx responses were skipped.
func (p *Parser) Interim() int { return int(p.interim) }

// KeepAlive reports whether the conn may be used again, RFC 9112 §9.3. It is false until the response is complete.
func (p *Parser) KeepAlive() bool {
	return p.state == stateDone && !p.close && (!p.http10 || p.keepAlive)
}
