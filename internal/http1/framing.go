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
		p.empty = p.head && string(trim(list)) == "0"
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
			p.badLength = &SyntaxError{Rule: rule, Detail: Quote(trim(whole))}
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
			return p.fail(rule, Quote(trim(whole)))
		}
	}
	if !found {
		return p.fail(BadTransferEncoding, Quote(whole))
	}
	return nil
}

// transferCoding takes one coding: a token, and parameters that are not looked at. A quoted one is refused: it might hide
// a comma.
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
