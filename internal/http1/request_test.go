package http1

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

func TestRequestBytes(t *testing.T) {
	for _, test := range []struct {
		name string
		r    Request
		want string
	}{
		{"HEAD", Request{Method: "HEAD", Target: "/", Host: "localhost:8080"},
			"HEAD / HTTP/1.1\r\nHost: localhost:8080\r\nUser-Agent: holdfast\r\n\r\n"},
		{"no host", Request{Method: "GET", Target: "/a?b=c"},
			"GET /a?b=c HTTP/1.1\r\nHost: \r\nUser-Agent: holdfast\r\n\r\n"},
		{"fields keep their order and their case", Request{Method: "GET", Target: "/", Host: "h",
			Fields: []Field{{"b", "1"}, {"A", ""}, {"b", "ä\t2"}}},
			"GET / HTTP/1.1\r\nHost: h\r\nUser-Agent: holdfast\r\nb: 1\r\nA: \r\nb: ä\t2\r\n\r\n"},
		{"User-Agent given", Request{Method: "GET", Target: "/", Host: "h", Fields: []Field{{"user-agent", "x"}}},
			"GET / HTTP/1.1\r\nHost: h\r\nuser-agent: x\r\n\r\n"},
		{"body", Request{Method: "POST", Target: "/", Host: "h", Body: []byte("a\r\n\r\nb")},
			"POST / HTTP/1.1\r\nHost: h\r\nUser-Agent: holdfast\r\nContent-Length: 6\r\n\r\na\r\n\r\nb"},
		{"body with GET", Request{Method: "GET", Target: "/", Host: "h", Body: []byte("x")},
			"GET / HTTP/1.1\r\nHost: h\r\nUser-Agent: holdfast\r\nContent-Length: 1\r\n\r\nx"},
		{"PUT without body", Request{Method: "PUT", Target: "/", Host: "h"},
			"PUT / HTTP/1.1\r\nHost: h\r\nUser-Agent: holdfast\r\nContent-Length: 0\r\n\r\n"},
		{"DELETE without body", Request{Method: "DELETE", Target: "/", Host: "h"},
			"DELETE / HTTP/1.1\r\nHost: h\r\nUser-Agent: holdfast\r\n\r\n"},
		{"Content-Length given", Request{Method: "POST", Target: "/", Host: "h", Body: []byte("xy"),
			Fields: []Field{{"content-length", "2"}}},
			"POST / HTTP/1.1\r\nHost: h\r\nUser-Agent: holdfast\r\ncontent-length: 2\r\n\r\nxy"},
	} {
		got, err := test.r.Bytes()
		require.NoError(t, err, test.name)
		require.Empty(t, cmp.Diff(test.want, string(got)), "%s (-want +got)", test.name)
	}
}

func TestRequestRefused(t *testing.T) {
	with := func(name, value string) Request {
		return Request{Method: "POST", Target: "/", Host: "h", Fields: []Field{{"Fine", "too"}, {name, value}}, Body: []byte("xy")}
	}
	for _, test := range []struct {
		r    Request
		want string
	}{
		{Request{Target: "/"}, `cannot send method "": a token such as HEAD is needed`},
		{Request{Method: "GE T", Target: "/"}, `cannot send method "GE T": a token such as HEAD is needed`},
		{Request{Method: "CONNECT", Target: "h:1"}, `cannot send method "CONNECT": it would turn the connection into a tunnel`},
		{Request{Method: "GET"}, `cannot send target "": a path of visible ASCII is needed; escape the rest as %XX`},
		{Request{Method: "GET", Target: "/ä"}, `cannot send target "/ä": a path of visible ASCII is needed; escape the rest as %XX`},
		{Request{Method: "GET", Target: "/ HTTP/1.1\r\nA: b"},
			`cannot send target "/ HTTP/1.1\r\nA: b": a path of visible ASCII is needed; escape the rest as %XX`},
		{Request{Method: "GET", Target: "/", Host: "h\r\nA: b"}, `cannot send host "h\r\nA: b": only visible ASCII may stand there`},
		{with("", "x"), `cannot send field name "": a token such as Accept is needed`},
		{with("A: b\r\nC", "x"), `cannot send field name "A: b\r\nC": a token such as Accept is needed`},
		{with("A", "b\r\nC: d"), `cannot send value of field A "b\r\nC: d": it has a control character`},
		{with("A", "b\n c"), `cannot send value of field A "b\n c": it has a control character`},
		{with("A", "\x00"), `cannot send value of field A "\x00": it has a control character`},
		{with("host", "x"), `cannot send field "host": the host is Request.Host, and is sent once`},
		{with("Transfer-Encoding", "chunked"), `cannot send field "Transfer-Encoding": the body is sent whole, with Content-Length`},
		{with("Content-Length", "3"), `cannot send Content-Length "3": the body has 2 bytes`},
	} {
		got, err := test.r.Bytes()
		require.EqualError(t, err, test.want)
		require.Nil(t, got)
	}
}
