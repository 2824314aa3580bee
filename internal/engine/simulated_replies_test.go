package engine

import (
	"strings"
	"sync"

	"example.com/holdfast/internal/http1"
)

// A reply is bytes that the simulated server sends, and what a client that has the first so many of them must make of
// it. The parser finds that out beforehand, byte by byte: which bytes are what is http1's to get right, and tested there.
type reply struct {
	raw      []byte
	headEnd  int // the final response's head is so long
	whole    int // so many bytes are a complete response; 0: it is never complete, or when the server closes
	breaks   int // so many bytes break HTTP; 0: they do not
	statusAt int // from so many bytes on the status is known

	cause Cause // of a response that breaks HTTP
	rule  string

	untilClose bool
	keep       bool // the conn may be used again
	bodyless   bool // no body, in answer to GET either
	status     int
	interim    int
}

func newReply(toHead bool, headers, body string) *reply {
	r := &reply{raw: []byte(headers + body), headEnd: len(headers)}
	var p http1.Parser
	p.Reset(toHead)
	for i := range r.raw {
		_, done, err := p.Feed(r.raw[i : i+1])
		if r.statusAt == 0 && p.Status() >= 200 {
			r.statusAt = i + 1
		}
		if err != nil {
			r.breaks = i + 1
			r.cause, r.rule = causeOfSyntax(err)
			return r
		}
		if done {
			r.whole = i + 1
			break
		}
	}
	if r.whole == 0 {
		r.untilClose, _ = p.EOF()
	}
	r.keep, r.bodyless, r.status, r.interim = p.KeepAlive(), p.Bodyless(), p.Status(), p.Interim()
	return r
}

// A catalogue is what a server has to say to one method.
type catalogue struct {
	usual     []*reply // and nothing is wrong with them
	bodies    []*reply // those of usual that have one
	large     *reply   // more than one read
	unwanted  []*reply
	announced []*reply // the last on their conn
	malformed []*reply
	endless   *reply // a head too large
	interims  *reply // too many
	switching *reply
	more      []*reply // a response, and bytes after it
	late      *reply   // 408, because no request came
	stray     *reply   // bytes that are no response
}

var catalogues = sync.OnceValue(func() map[bool]*catalogue {
	return map[bool]*catalogue{false: newCatalogue(false), true: newCatalogue(true)}
})

func newCatalogue(toHead bool) *catalogue {
	c := &catalogue{}
	each := func(list *[]*reply, all [][2]string) {
		for _, parts := range all {
			if toHead {
				parts[1] = ""
			}
			r := newReply(toHead, parts[0], parts[1])
			if list == &c.malformed && r.breaks == 0 || list == &c.announced && r.keep {
				continue // it is what it should be only with a body
			}
			*list = append(*list, r)
		}
	}
	each(&c.usual, usualReplies)
	for _, r := range c.usual {
		if r.whole > r.headEnd {
			c.bodies = append(c.bodies, r)
		}
	}
	each(&c.unwanted, unwantedReplies)
	each(&c.announced, announcedReplies)
	each(&c.malformed, malformedReplies)
	const ok11 = "HTTP/1.1 200 OK\r\n"
	large := strings.Repeat("x", 70<<10)
	if c.large = newReply(false, ok11+"Content-Length: 71680\r\n\r\n", large); toHead {
		c.large = newReply(true, ok11+"Content-Length: 71680\r\n\r\n", "")
	}
	c.endless = newReply(toHead, ok11+strings.Repeat("A: "+strings.Repeat("x", 95)+"\r\n", 700), "")
	c.interims = newReply(toHead, strings.Repeat("HTTP/1.1 103 \r\n\r\n", 20)+ok11+"\r\n", "")
	c.switching = newReply(toHead, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", "")
	c.more = []*reply{
		newReply(toHead, ok11+"Content-Length: 0\r\n\r\n", "xyz"),
		newReply(toHead, "HTTP/1.1 204 No Content\r\n\r\n", "<html>"),
	}
	if toHead { // the body that HEAD must not have
		c.more = append(c.more, newReply(true, ok11+"Content-Length: 2\r\n\r\n", "ok"))
	}
	c.late = newReply(toHead, "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", "")
	c.stray = &reply{raw: []byte("x\x00nothing that HTTP knows"), breaks: 1, cause: Malformed, rule: http1.NotHTTP.String()}
	return c
}

var usualReplies = [][2]string{
	{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", "ok"},
	{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", "ok"},
	{"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ""},
	{"HTTP/1.1 200 OK\r\nDate: Mon, 02 Nov 2026 10:00:00 GMT\r\nContent-Length: 300\r\n\r\n", strings.Repeat("x", 300)},
	{"HTTP/1.1 204 No Content\r\n\r\n", ""},
	{"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", ""},
	{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n"},
	{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "1;a=b\r\nx\r\n0\r\nTrailer: y\r\n\r\n"},
	{"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\n", "x"},
	{"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n", "x"},
	{"HTTP/1.1 100 \r\n\r\nHTTP/1.1 102 \r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ""},
}

var unwantedReplies = [][2]string{
	{"HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\n", "not found"},
	{"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n", ""},
	{"HTTP/1.1 503 Service Unavailable\r\nTransfer-Encoding: chunked\r\n\r\n", "0\r\n\r\n"},
	{"HTTP/1.1 999 \r\nContent-Length: 1\r\n\r\n", "x"},
	{"HTTP/1.1 000 \r\nContent-Length: 1\r\n\r\n", "x"},
}

var announcedReplies = [][2]string{
	{"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n", "ok"},
	{"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n", "ok"},
	{"HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n0\r\n\r\n"},
	{"HTTP/1.1 200 OK\r\nServer: x\r\n\r\n", "until close"},
	{"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", ""},
	{"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", ""},
}

var malformedReplies = [][2]string{
	{"SSH-2.0-OpenSSH\r\n", ""},
	{"\r\nHTTP/1.1 200 OK\r\n\r\n", ""},
	{"HTTP/2.0 200 OK\r\n\r\n", ""},
	{"HTTP/1.1  200 OK\r\n\r\n", ""},
	{"HTTP/1.10 200 OK\r\n\r\n", ""},
	{"HTTP/1.1 200 OK\r\nA: b\r\r\n\r\n", ""},
	{"HTTP/1.1 200 OK\r\nA: b\x00\r\n\r\n", ""},
	{"HTTP/1.1 200 OK\r\nA: b\x1b\r\n\r\n", ""},
	{"HTTP/1.1 200 OK\r\nContent-Length\r\n\r\n", ""},
	{"HTTP/1.1 200 OK\r\nContent-Length : 1\r\n\r\n", "x"},
	{"HTTP/1.1 200 OK\r\n: 1\r\n\r\n", "x"},
	{"HTTP/1.1 200 OK\r\n A: b\r\n\r\n", ""},
	{"HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n", "hello"},
	{"HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775808\r\n\r\n", "x"},
	{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", "hello"},
	{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", "0\r\n\r\n"},
	{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "x\r\n"},
	{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "8000000000000000\r\n"},
	{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nx0\r\n\r\n"},
	{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "0\r\nnonsense\r\n\r\n"},
}
