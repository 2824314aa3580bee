package http1

import "bytes"

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
		return p.fail(NotHTTP, Quote(raw)+" (a TLS alert: does the server expect https?)")
	default:
		return p.fail(NotHTTP, Quote(raw))
	}
}

// statusLine takes "HTTP/1.1 200 OK", RFC 9112 §4. That it begins with "HTTP/" was seen before.
func (p *Parser) statusLine(line []byte) error {
	const version = len("HTTP/1.1")
	if len(line) < version || string(line[:version-1]) != "HTTP/1." || !isDigit(line[version-1]) {
		return p.fail(BadVersion, Quote(line))
	}
	rest := line[version:]
	if len(rest) < 1 || rest[0] != ' ' {
		return p.fail(BadStatusLine, Quote(line))
	}
	code := rest[1:]
	if len(code) < 3 || !isDigit(code[0]) || !isDigit(code[1]) || !isDigit(code[2]) || len(code) > 3 && code[3] != ' ' {
		return p.fail(BadStatusCode, Quote(line))
	}
	if c := firstControl(code[3:]); c >= 0 {
		return p.control(line, code[3+c])
	}
	p.http10 = line[version-1] == '0'
	p.status = int16(code[0]-'0')*100 + int16(code[1]-'0')*10 + int16(code[2]-'0')
	p.state = stateField
	switch {
	case p.status == 101:
		return p.fail(Unexpected101, Quote(line))
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
		return p.fail(BadFold, Quote(line))
	case bytes.IndexByte(next, ':') < 0:
		return p.fail(NoColon, Quote(line))
	case n > 0 && trim(next)[0] == ':':
		return p.fail(SpaceBeforeColon, Quote(line))
	default:
		return p.fail(BadFieldName, Quote(line))
	}
}

// control refuses a line for its control character c.
func (p *Parser) control(line []byte, c byte) error {
	switch c {
	case '\r':
		return p.fail(BareCR, Quote(line))
	case 0:
		return p.fail(NUL, Quote(line))
	default:
		return p.fail(ControlCharacter, Quote(line))
	}
}
