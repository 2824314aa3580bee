package http1

import (
	"errors"
	"strconv"
)

// A Field is one line of a head.
type Field struct{ Name, Value string }

// A Request is everything that a request's bytes are made of. It is sent as it stands, again and again.
type Request struct {
	Method string  // a token other than CONNECT
	Target string  // origin-form: path and query, already escaped
	Host   string  // host, or host:port; may be empty (RFC 9112 §3.2)
	Fields []Field // in this order; neither Host nor Transfer-Encoding
	Body   []byte
}

// userAgent names the sender, unless Fields does.
const userAgent = "holdfast"

// Bytes returns the request's head and body. Host comes first, then User-Agent and Content-Length unless Fields has them,
// then Fields. Content-Length is there if there is a body, or if the method anticipates one (RFC 9110 §8.6). An error
// names the part that cannot be sent; no part can add a line to the head.
func (r Request) Bytes() ([]byte, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	b := append([]byte(nil), r.Method...)
	b = append(b, ' ')
	b = append(b, r.Target...)
	b = append(b, " HTTP/1.1\r\n"...)
	b = appendField(b, "Host", r.Host)
	if !r.has("user-agent") {
		b = appendField(b, "User-Agent", userAgent)
	}
	if !r.has("content-length") && (len(r.Body) > 0 || r.anticipatesBody()) {
		b = appendField(b, "Content-Length", strconv.Itoa(len(r.Body)))
	}
	for _, f := range r.Fields {
		b = appendField(b, f.Name, f.Value)
	}
	b = append(b, "\r\n"...)
	return append(b, r.Body...), nil
}

func appendField(b []byte, name, value string) []byte {
	b = append(b, name...)
	b = append(b, ": "...)
	b = append(b, value...)
	return append(b, "\r\n"...)
}

func (r Request) anticipatesBody() bool {
	return r.Method == "POST" || r.Method == "PUT" || r.Method == "PATCH"
}

func (r Request) has(lower string) bool {
	for _, f := range r.Fields {
		if isFold([]byte(f.Name), lower) {
			return true
		}
	}
	return false
}

func (r Request) check() error {
	switch {
	case !token(r.Method):
		return unfit("method", r.Method, "a token such as HEAD is needed")
	case r.Method == "CONNECT":
		return unfit("method", r.Method, "it would turn the connection into a tunnel")
	case r.Target == "" || !visible(r.Target):
		return unfit("target", r.Target, "a path of visible ASCII is needed; escape the rest as %XX")
	case !visible(r.Host):
		return unfit("host", r.Host, "only visible ASCII may stand there")
	}
	for _, f := range r.Fields {
		if err := r.checkField(f); err != nil {
			return err
		}
	}
	return nil
}

func (r Request) checkField(f Field) error {
	name := []byte(f.Name)
	switch {
	case !token(f.Name):
		return unfit("field name", f.Name, "a token such as Accept is needed")
	case firstControl([]byte(f.Value)) >= 0:
		return unfit("value of field "+f.Name, f.Value, "it has a control character")
	case isFold(name, "host"):
		return unfit("field", f.Name, "the host is Request.Host, and is sent once")
	case isFold(name, "transfer-encoding"):
		return unfit("field", f.Name, "the body is sent whole, with Content-Length")
	case isFold(name, "content-length") && f.Value != strconv.Itoa(len(r.Body)):
		return unfit("Content-Length", f.Value, "the body has "+strconv.Itoa(len(r.Body))+" bytes")
	}
	return nil
}

func token(s string) bool {
	for i := range len(s) {
		if !isToken[s[i]] {
			return false
		}
	}
	return s != ""
}

// visible reports whether s is made of VCHAR alone.
func visible(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return true
}

func unfit(part, found, reason string) error {
	return errors.New("cannot send " + part + " " + Quote([]byte(found)) + ": " + reason)
}
