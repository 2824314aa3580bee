package http1

import (
	"bytes"
	"math"
)

// A coding is what Transfer-Encoding said so far.
type coding uint8

const (
	codingNone    coding = iota
	codingOther          // codings, none of them chunked
	codingChunked        // the last is chunked
	codingInside         // chunked, and another coding after it
)

// A fold says what a line that begins with white space would continue.
type fold uint8

const (
	foldNothing fold = iota // no field came yet
	foldSkipped             // a field that means nothing here
	foldRefused             // a field that frames
)

// isResponse checks the first octets of a response, all that are there of them: a server that speaks something else is
// told at once, not when its answer times out for want of a line end.
func (p *Parser) isResponse(raw []byte) error {
	const name = "HTTP/"
	k := min(len(raw), len(name))
	switch {
	case string(raw[:k]) == name[:k]:
		return nil
	case raw[0] == '\r' || raw[0] == '\n':
		return p.fail(LeadingBlank, "")
	case raw[0] == 0x15:
		return p.fail(NotHTTP, quote(raw)+" (a TLS alert: does the server expect https?)")
	default:
		return p.fail(NotHTTP, quote(raw))
	}
}

// statusLine takes "HTTP/1.1 200 OK", RFC 9112 §4. That it begins with "HTTP/" was seen before.
func (p *Parser) statusLine(line []byte) error {
	const version = len("HTTP/1.1")
	if len(line) < version || string(line[:version-1]) != "HTTP/1." || !isDigit(line[version-1]) {
		return p.fail(BadVersion, quote(line))
	}
	rest := line[version:]
	if len(rest) < 1 || rest[0] != ' ' {
		return p.fail(BadStatusLine, quote(line))
	}
	code := rest[1:]
	if len(code) < 3 || !isDigit(code[0]) || !isDigit(code[1]) || !isDigit(code[2]) || len(code) > 3 && code[3] != ' ' {
		return p.fail(BadStatusCode, quote(line))
	}
	if c := firstControl(code[3:]); c >= 0 {
		return p.control(line, code[3+c])
	}
	p.http10 = line[version-1] == '0'
	p.status = int16(code[0]-'0')*100 + int16(code[1]-'0')*10 + int16(code[2]-'0')
	p.state = stateField
	switch {
	case p.status == 101:
		return p.fail(Unexpected101, quote(line))
	case p.status/100 == 1 && p.interim == maxInterim:
		return p.fail(TooManyInterim, "more than 16")
	}
	p.bodiless = p.head || p.status/100 == 1 || p.status == 204 || p.status == 304
	return nil
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// plainFields takes field lines of data[n:] as long as they are complete, well-formed and end in CRLF, in one pass over
// their octets. It leaves everything else, where it is, to field.
func (p *Parser) plainFields(data []byte, n int) (int, error) {
	for {
		colon := n + tokenLen(data[n:])
		if colon == n || colon == len(data) || data[colon] != ':' {
			return n, nil
		}
		value := data[colon+1:]
		end := firstControl(value)
		if end < 0 || value[end] != '\r' || end+1 == len(value) || value[end+1] != '\n' {
			return n, nil
		}
		size := colon + 1 + end + 2 - n
		if size > int(p.room) {
			return n, nil
		}
		p.room -= int32(size)
		if err := p.framing(data[n:colon], value[:end]); err != nil {
			return n, err
		}
		n += size
	}
}

// field takes a field line, RFC 9112 §5, of the head or the trailer section.
func (p *Parser) field(line []byte) error {
	n := tokenLen(line)
	if n == 0 || n == len(line) || line[n] != ':' {
		return p.notField(line, n)
	}
	value := line[n+1:]
	if c := firstControl(value); c >= 0 {
		return p.control(line, value[c])
	}
	return p.framing(line[:n], value)
}

// framing takes a field for what it says about the end of the response.
func (p *Parser) framing(name, value []byte) error {
	p.fold = foldSkipped
	if p.state == stateTrailer {
		return nil // RFC 9110 §6.5.1: a trailer field never frames
	}
	// The length alone tells most fields from those that frame.
	switch len(name) {
	case len("connection"):
		if isFold(name, "connection") {
			p.connection(value)
		}
	case len("content-length"):
		if isFold(name, "content-length") {
			p.contentLength(value)
		}
	case len("transfer-encoding"):
		if isFold(name, "transfer-encoding") {
			return p.transferEncoding(value)
		}
	}
	return nil
}

// notField takes a line that does not begin with n octets of name and a colon. It is a folded one, or broken.
func (p *Parser) notField(line []byte, n int) error {
	if c := firstControl(line); c >= 0 {
		return p.control(line, line[c])
	}
	next := line[n:]
	switch blank := len(next) > 0 && (next[0] == ' ' || next[0] == '\t'); {
	case n == 0 && blank && p.fold == foldSkipped:
		return nil // RFC 9112 §5.2: the line belongs to the value before it
	case n == 0 && blank:
		return p.fail(BadFold, quote(line))
	case bytes.IndexByte(next, ':') < 0:
		return p.fail(NoColon, quote(line))
	case n > 0 && trim(next)[0] == ':':
		return p.fail(SpaceBeforeColon, quote(line))
	default:
		return p.fail(BadFieldName, quote(line))
	}
}

// control refuses a line for its control character c.
func (p *Parser) control(line []byte, c byte) error {
	switch c {
	case '\r':
		return p.fail(BareCR, quote(line))
	case 0:
		return p.fail(NUL, quote(line))
	default:
		return p.fail(ControlCharacter, quote(line))
	}
}

// connection takes the options of Connection, RFC 9110 §7.6.1. Those other than close and keep-alive mean nothing here.
func (p *Parser) connection(list []byte) {
	p.fold = foldRefused
	if string(list) == " keep-alive" {
		p.keepAlive = true // what nearly all servers that say anything say
		return
	}
	for more := true; more; {
		var option []byte
		option, list, more = cutElement(list)
		p.close = p.close || isFold(option, "close")
		p.keepAlive = p.keepAlive || isFold(option, "keep-alive")
	}
}

// contentLength takes a value, or several that must be the same: RFC 9110 §8.6. A fault waits for the end of the head,
// where Transfer-Encoding may make it void.
func (p *Parser) contentLength(list []byte) {
	p.fold = foldRefused
	if p.bodiless || p.badLength != nil {
		return
	}
	whole := list
	for more := true; more; {
		var value []byte
		value, list, more = cutElement(list)
		n, rule := decimal(value)
		if rule == 0 && p.length >= 0 && p.length != n {
			rule = ContentLengthConflict
		}
		if rule != 0 {
			p.badLength = &SyntaxError{Rule: rule, Detail: quote(trim(whole))}
			return
		}
		p.length = n
	}
}

// decimal reads 1*DIGIT.
func decimal(s []byte) (n int64, broken Rule) {
	if len(s) == 0 {
		return 0, BadContentLength
	}
	for _, c := range s {
		if !isDigit(c) {
			return 0, BadContentLength
		}
		d := int64(c - '0')
		if n > (math.MaxInt64-d)/10 {
			broken = ContentLengthRange // unless an octet to come is no digit at all
			continue
		}
		n = n*10 + d
	}
	return n, broken
}

// transferEncoding takes transfer codings in the order in which they were applied, RFC 9112 §6.1.
func (p *Parser) transferEncoding(list []byte) error {
	p.fold = foldRefused
	if p.http10 {
		p.close = true // RFC 9112 §6.1: the framing counts as faulty, MUST close after processing the message
	}
	if p.bodiless {
		return nil
	}
	whole := list
	found := false
	for more := true; more; {
		var element []byte
		element, list, more = cutElement(list)
		if len(element) == 0 {
			continue // RFC 9110 §5.6.1.2: empty elements MUST be ignored
		}
		found = true
		if rule := p.transferCoding(element); rule != 0 {
			return p.fail(rule, quote(trim(whole)))
		}
	}
	if !found {
		return p.fail(BadTransferEncoding, quote(whole))
	}
	return nil
}

// transferCoding takes one coding: a token, and parameters that are not looked at. A quoted one is refused, for it might
// hide a comma.
func (p *Parser) transferCoding(element []byte) (broken Rule) {
	n := tokenLen(element)
	parameters := trim(element[n:])
	switch {
	case n == 0, len(parameters) > 0 && parameters[0] != ';':
		return BadTransferEncoding
	case !isFold(element[:n], "chunked"):
		if bytes.IndexByte(parameters, '"') >= 0 {
			return BadTransferEncoding
		}
		if p.coding == codingChunked {
			p.coding = codingInside
		} else if p.coding == codingNone {
			p.coding = codingOther
		}
	case len(parameters) > 0, p.coding == codingChunked, p.coding == codingInside:
		return BadChunkedCoding
	default:
		p.coding = codingChunked
	}
	return 0
}

// endOfHead decides what follows the blank line: RFC 9112 §6.3, in its order.
func (p *Parser) endOfHead() error {
	switch {
	case p.status/100 == 1:
		p.interim++
		p.begin()
	case p.bodiless:
		p.state = stateDone
	case p.coding == codingChunked:
		p.beginChunk()
	case p.coding != codingNone:
		p.untilClose()
	case p.badLength != nil:
		return p.fail(p.badLength.Rule, p.badLength.Detail)
	case p.length > 0:
		p.left = p.length
		p.state = stateLength
	case p.length == 0:
		p.state = stateDone
	default:
		p.untilClose()
	}
	return nil
}

func (p *Parser) untilClose() {
	p.state = stateUntilClose
	p.close = true
}
