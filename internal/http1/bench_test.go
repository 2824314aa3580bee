package http1

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Heads as nginx 1.22 and net/http send them.
const (
	nginxFields = "Server: nginx/1.22.1\r\nDate: Mon, 23 Nov 2026 15:45:20 GMT\r\nContent-Type: text/html\r\n" +
		"Content-Length: 615\r\nLast-Modified: Tue, 04 Oct 2022 15:46:44 GMT\r\nConnection: keep-alive\r\n" +
		"ETag: \"633c5504-267\"\r\nAccept-Ranges: bytes\r\n\r\n"
	nginxHead = "HTTP/1.1 200 OK\r\n" + nginxFields
	goHead    = "HTTP/1.1 200 OK\r\nDate: Mon, 23 Nov 2026 15:45:20 GMT\r\nContent-Length: 12\r\n" +
		"Content-Type: text/plain; charset=utf-8\r\n\r\n"
	chunkedHead = "HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Mon, 23 Nov 2026 15:45:20 GMT\r\n" +
		"Content-Type: text/plain\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n"
)

var chunk1KB = "400\r\n" + strings.Repeat("x", 1024) + "\r\n"

// exchange is a response as the engine meets it: in reads of at most 64 KiB.
type exchange struct {
	name  string
	head  bool
	reads []string
}

var exchanges = []exchange{
	{"head/nginx", true, []string{nginxHead}},
	{"get/nginx-615B", false, []string{nginxHead + strings.Repeat("x", 615)}},
	{"get/go-12B", false, []string{goHead + "hello, world"}},
	{"get/100KB", false, inReads(strings.Replace(nginxHead, "615", "102400", 1)+strings.Repeat("x", 102400), 64<<10)},
	{"get/chunked-4x1KB", false, []string{chunkedHead + strings.Repeat(chunk1KB, 4) + "0\r\n\r\n"}},
	{"head/nginx-in-two-reads", true, inReads(nginxHead, 100)},
}

func inReads(s string, size int) (reads []string) {
	for ; len(s) > size; s = s[size:] {
		reads = append(reads, s[:size])
	}
	return append(reads, s)
}

// reader returns a function that parses e once with a parser of its own, as an event loop does.
func (e exchange) reader(tb testing.TB) (parse func(), bytes int64) {
	tb.Helper()
	var reads [][]byte
	for _, r := range e.reads {
		reads = append(reads, []byte(r))
		bytes += int64(len(r))
	}
	var p Parser
	return func() {
		p.Reset(e.head)
		var done bool
		var err error
		for _, r := range reads {
			_, done, err = p.Feed(r)
		}
		if !done || err != nil || !p.KeepAlive() {
			tb.Fatalf("%s: done %v, error %v, keep-alive %v", e.name, done, err, p.KeepAlive())
		}
	}, bytes
}

func BenchmarkParser(b *testing.B) {
	for _, e := range exchanges {
		b.Run(e.name, func(b *testing.B) {
			parse, bytes := e.reader(b)
			b.SetBytes(bytes)
			b.ReportAllocs()
			for b.Loop() {
				parse()
			}
		})
	}
}

func TestParserAllocatesNothing(t *testing.T) {
	for _, e := range exchanges {
		parse, _ := e.reader(t)
		require.Zero(t, testing.AllocsPerRun(100, parse), e.name)
	}
}
