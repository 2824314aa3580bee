package http1

import (
	"errors"
	"strings"
)

// An outcome is all that a caller learns of a response that is followed by the peer's close.
type outcome struct {
	Done      bool
	Rule      Rule   // broken
	Detail    string // of the rule; not of NotHTTP, which shows what there was when it was found
	Cut       string // "head" or "body": closed too early
	Status    int
	Body      int64
	Interim   int
	KeepAlive bool
	Started   bool
	Left      int // bytes after the response
}

// outcomeOf feeds p one response in parts, and then the end of the stream.
func outcomeOf(p *Parser, head bool, parts ...[]byte) outcome {
	p.Reset(head)
	total, used := 0, 0
	var done bool
	var err error
	for _, part := range parts {
		total += len(part)
		if !done && err == nil {
			var n int
			n, done, err = p.Feed(part)
			used += n
		}
	}
	if !done && err == nil {
		done, err = p.EOF()
	}
	o := outcome{
		Done: done, Status: p.Status(), Body: p.BodyBytes(), Interim: p.Interim(),
		KeepAlive: p.KeepAlive(), Started: p.Started(),
	}
	if done {
		o.Left = total - used
	}
	if broken := (*SyntaxError)(nil); errors.As(err, &broken) {
		o.Rule = broken.Rule
		if o.Rule != NotHTTP {
			o.Detail = broken.Detail
		}
	}
	if cut := (*TruncatedError)(nil); errors.As(err, &cut) {
		o.Cut = "head"
		if cut.InBody {
			o.Cut = "body"
		}
	}
	return o
}

// What a sample wants. A response that breaks a rule wants the rule alone, and the status if there was one.
func whole(status int, body int64) outcome {
	return outcome{Done: true, Status: status, Body: body, KeepAlive: true, Started: true}
}
func last(status int, body int64) outcome {
	return outcome{Done: true, Status: status, Body: body, Started: true}
}
func broken(rule Rule, status int) outcome { return outcome{Rule: rule, Status: status, Started: true} }
func cut(in string, status int, body int64) outcome {
	return outcome{Cut: in, Status: status, Body: body, Started: true}
}
func (o outcome) left(n int) outcome     { o.Left = n; return o }
func (o outcome) body(n int64) outcome   { o.Body = n; return o }
func (o outcome) interims(n int) outcome { o.Interim = n; return o }
func (o outcome) neverStarted() outcome  { o.Started = false; return o }
func (o outcome) withoutDetail() outcome { o.Detail = ""; return o }

// A sample is a response, valid or not, and what is to be made of it.
type sample struct {
	name string
	head bool
	raw  string
	want outcome
}

const (
	get  = false
	head = true
)

const (
	ok11    = "HTTP/1.1 200 OK\r\n"
	ok10    = "HTTP/1.0 200 OK\r\n"
	chunky  = ok11 + "Transfer-Encoding: chunked\r\n\r\n"
	coded   = ok11 + "Transfer-Encoding: " // and a value
	length  = ok11 + "Content-Length: "    // and a value
	hundred = "HTTP/1.1 100 Continue\r\n\r\n"
)

// samples has every rule of RFC 9112 §6.3 and every line of the table in doc.go. All are short; see largeSamples.
var samples = []sample{
	// Rule 1: no body whatever the fields say.
	{"HEAD, Content-Length", head, length + "615\r\n\r\n", whole(200, 0)},
	{"HEAD, chunked", head, chunky, whole(200, 0)},
	{"HEAD, neither", head, ok11 + "\r\n", whole(200, 0)},
	{"HEAD, body sent all the same", head, length + "2\r\n\r\nhi", whole(200, 0).left(2)},
	{"HEAD, broken Content-Length", head, length + "many\r\n\r\n", whole(200, 0)},
	{"HEAD, broken Transfer-Encoding", head, coded + "\"\r\n\r\n", whole(200, 0)},
	{"HEAD, close", head, ok11 + "Connection: close\r\n\r\n", last(200, 0)},
	{"204", get, "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", whole(204, 0)},
	{"204 with a body", get, "HTTP/1.1 204 No Content\r\n\r\nbody", whole(204, 0).left(4)},
	{"304", get, "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n", whole(304, 0)},
	{"304, contradictory lengths", get,
		"HTTP/1.1 304 M\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", whole(304, 0)},
	{"100, then 200", get, hundred + length + "1\r\n\r\nx", whole(200, 1).interims(1)},
	{"103 with fields of its own, then 204", get,
		"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nConnection: close\r\nContent-Length: 7\r\n\r\nHTTP/1.1 204 \r\n\r\n",
		whole(204, 0).interims(1)},
	{"199 to HEAD, then 200", head, "HTTP/1.1 199 \r\n\r\n" + ok11 + "\r\n", whole(200, 0).interims(1)},
	{"16 interim responses", get,
		strings.Repeat("HTTP/1.1 102\r\n\r\n", 16) + "HTTP/1.1 204\r\n\r\n", whole(204, 0).interims(16)},
	{"17 interim responses", get,
		strings.Repeat("HTTP/1.1 102\r\n\r\n", 17) + "HTTP/1.1 204\r\n\r\n", broken(TooManyInterim, 102).interims(16)},
	{"101", get, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n", broken(Unexpected101, 101)},
	{"closed after 100", get, hundred, cut("head", 100, 0).interims(1)},

	// Rules 3 and 4: Transfer-Encoding.
	{"chunked", get, chunky + "5\r\nhello\r\n0\r\n\r\n", whole(200, 5)},
	{"chunked, more after it", get, chunky + "5\r\nhello\r\n0\r\n\r\nHTTP", whole(200, 5).left(4)},
	{"chunked, empty", get, chunky + "0\r\n\r\n", whole(200, 0)},
	{"chunked, many zeros", get, chunky + "0005\r\nhello\r\n000\r\n\r\n", whole(200, 5)},
	{"chunked, hex of either case", get, chunky + "a\r\n0123456789\r\nB\r\n0123456789a\r\n0\r\n\r\n", whole(200, 21)},
	{"chunked, data that look like framing", get, chunky + "7\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n", whole(200, 7)},
	{"chunked, extensions", get, chunky + "1;a=b\r\nx\r\n1 ; c=\"d;\\\"\"\r\ny\r\n0;e\r\n\r\n", whole(200, 2)},
	{"chunked, trailers", get,
		chunky + "1\r\nx\r\n0\r\nETag: a\r\nContent-Length: 9\r\n\tb\r\nConnection: close\r\n\r\n", whole(200, 1)},
	{"chunked, trailers with bare LF", get, chunky + "0\r\nA: b\n\n", whole(200, 0)},
	{"chunked, Trailer announces a field that frames", get,
		ok11 + "Trailer: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", whole(200, 0)},
	{"chunked, 20 zeros", get, chunky + "000000000000000000001\r\nx\r\n0\r\n\r\n", whole(200, 1)},
	{"chunked in any case", get, ok11 + "tRANSFER-eNCODING: cHUNKED\r\n\r\n0\r\n\r\n", whole(200, 0)},
	{"chunked overrides Content-Length", get,
		length + "3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", whole(200, 0)},
	{"chunked overrides a broken Content-Length", get,
		coded + "chunked\r\nContent-Length: x\r\n\r\n0\r\n\r\n", whole(200, 0)},
	{"gzip, chunked", get, coded + "gzip, chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", whole(200, 1)},
	{"gzip and chunked in two fields", get,
		coded + "gzip\r\nTransfer-Encoding: , chunked ,\r\n\r\n0\r\n\r\n", whole(200, 0)},
	{"gzip alone", get, coded + "gzip;q=1\r\nContent-Length: 1\r\n\r\nuntil close", last(200, 11)},
	{"chunked, gzip", get, coded + "chunked, gzip\r\n\r\n0\r\n\r\n", last(200, 5)},
	{"identity", get, coded + "identity\r\n\r\nab", last(200, 2)},
	{"chunked twice", get, coded + "chunked, chunked\r\n\r\n0\r\n\r\n", broken(BadChunkedCoding, 200)},
	{"chunked twice, apart", get,
		coded + "chunked, gzip\r\nTransfer-Encoding: chunked\r\n\r\n", broken(BadChunkedCoding, 200)},
	{"chunked with a parameter", get, coded + "chunked;a=b\r\n\r\n", broken(BadChunkedCoding, 200)},
	{"chunked in quotes", get, coded + "\"chunked\"\r\n\r\n", broken(BadTransferEncoding, 200)},
	{"coding with a quoted parameter", get, coded + "a;b=\"c, chunked\"\r\n\r\n", broken(BadTransferEncoding, 200)},
	{"two codings without a comma", get, coded + "gzip chunked\r\n\r\n", broken(BadTransferEncoding, 200)},
	{"no coding", get, ok11 + "Transfer-Encoding:\r\n\r\n", broken(BadTransferEncoding, 200)},
	{"chunked in HTTP/1.0", get,
		ok10 + "Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", last(200, 1)},
	{"chunked in HTTP/1.0 to HEAD", head,
		ok10 + "Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n", last(200, 0)},

	// The chunked coding, broken.
	{"no chunk size", get, chunky + "\r\n", broken(BadChunkSize, 200)},
	{"chunk size +5", get, chunky + "+5\r\nhello\r\n0\r\n\r\n", broken(BadChunkSize, 200)},
	{"chunk size -1", get, chunky + "-1\r\n", broken(BadChunkSize, 200)},
	{"chunk size 0x5", get, chunky + "0x5\r\nhello\r\n0\r\n\r\n", broken(BadChunkSize, 200)},
	{"space before the chunk size", get, chunky + " 5\r\nhello\r\n0\r\n\r\n", broken(BadChunkSize, 200)},
	{"space after the chunk size", get, chunky + "5 \r\nhello\r\n0\r\n\r\n", broken(BadChunkSize, 200)},
	{"two chunk sizes", get, chunky + "5 5\r\nhello\r\n0\r\n\r\n", broken(BadChunkSize, 200)},
	{"largest chunk size", get, chunky + "7fffffffffffffff\r\nx", cut("body", 200, 1)},
	{"chunk size 2⁶³", get, chunky + "8000000000000000\r\n", broken(ChunkSizeRange, 200)},
	{"chunk size 2⁶⁴+5", get, chunky + "10000000000000005\r\nhello", broken(ChunkSizeRange, 200)},
	{"bare LF after the chunk size", get, chunky + "5\nhello\r\n0\r\n\r\n", broken(BadChunkSize, 200)},
	{"bare LF after an extension", get, chunky + "5;a\nhello\r\n0\r\n\r\n", broken(BadChunkSize, 200)},
	{"bare CR after the chunk size", get, chunky + "5\rhello\r\n0\r\n\r\n", broken(BareCR, 200)},
	{"NUL in an extension", get, chunky + "5;\x00\r\n", broken(NUL, 200)},
	{"control in an extension", get, chunky + "5;\x1b\r\n", broken(ControlCharacter, 200)},
	{"chunk longer than its size", get, chunky + "4\r\nhello\r\n0\r\n\r\n", broken(BadChunkEnd, 200).body(4)},
	{"chunk ends in bare LF", get, chunky + "5\r\nhello\n0\r\n\r\n", broken(BadChunkEnd, 200).body(5)},
	{"chunk ends in CR alone", get, chunky + "5\r\nhello\r0\r\n\r\n", broken(BadChunkEnd, 200).body(5)},
	{"trailer without colon", get, chunky + "0\r\nnonsense\r\n\r\n", broken(NoColon, 200)},
	{"folded line as first trailer", get, chunky + "0\r\n a: b\r\n\r\n", broken(BadFold, 200)},
	{"folded line as first trailer, after a field", get, coded + "chunked\r\nA: b\r\n\r\n0\r\n c\r\n\r\n", broken(BadFold, 200)},
	{"closed before the first chunk", get, chunky, cut("body", 200, 0)},
	{"closed in a chunk size", get, chunky + "5", cut("body", 200, 0)},
	{"closed in a chunk", get, chunky + "5\r\nhel", cut("body", 200, 3)},
	{"closed before the last chunk", get, chunky + "5\r\nhello\r\n", cut("body", 200, 5)},
	{"closed before the trailers", get, chunky + "0\r\n", cut("body", 200, 0)},
	{"closed in the trailers", get, chunky + "0\r\nA: b", cut("body", 200, 0)},

	// Rules 5 and 6: Content-Length.
	{"Content-Length", get, length + "5\r\n\r\nhello", whole(200, 5)},
	{"Content-Length, more after it", get, length + "5\r\n\r\nhello\r\n", whole(200, 5).left(2)},
	{"Content-Length 0", get, length + "0\r\n\r\n", whole(200, 0)},
	{"Content-Length without space, and with much", get,
		ok11 + "content-length:2\r\nCONTENT-LENGTH:\t 2 \t\r\n\r\nhi", whole(200, 2)},
	{"Content-Length 00000000000000000000005", get, length + "00000000000000000000005\r\n\r\nhello", whole(200, 5)},
	{"Content-Length 5, 5", get, length + "5, 5\r\n\r\nhello", whole(200, 5)},
	{"Content-Length 5 and 05", get, length + "5\r\nContent-Length: 05\r\n\r\nhello", whole(200, 5)},
	{"Content-Length 5, 6", get, length + "5, 6\r\n\r\nhello", broken(ContentLengthConflict, 200)},
	{"Content-Length 5 and 6", get,
		length + "5\r\nContent-Length: 6\r\n\r\nhello", broken(ContentLengthConflict, 200)},
	{"Content-Length 5,", get, length + "5,\r\n\r\nhello", broken(BadContentLength, 200)},
	{"Content-Length empty", get, length + "\r\n\r\n", broken(BadContentLength, 200)},
	{"Content-Length +5", get, length + "+5\r\n\r\nhello", broken(BadContentLength, 200)},
	{"Content-Length -5", get, length + "-5\r\n\r\nhello", broken(BadContentLength, 200)},
	{"Content-Length 0x5", get, length + "0x5\r\n\r\nhello", broken(BadContentLength, 200)},
	{"Content-Length 5 5", get, length + "5 5\r\n\r\nhello", broken(BadContentLength, 200)},
	{"Content-Length 5.0", get, length + "5.0\r\n\r\nhello", broken(BadContentLength, 200)},
	{"Content-Length bad, then good", get,
		length + "x\r\nContent-Length: 5\r\n\r\nhello", broken(BadContentLength, 200)},
	{"Content-Length 5 and 6, then bad", get, length + "5, 6\r\nContent-Length: x\r\n\r\n", broken(ContentLengthConflict, 200)},
	{"Content-Length 2⁶³−1", get, length + "9223372036854775807\r\n\r\nx", cut("body", 200, 1)},
	{"Content-Length 2⁶³", get, length + "9223372036854775808\r\n\r\n", broken(ContentLengthRange, 200)},
	{"Content-Length 2⁶⁴+5", get, length + "18446744073709551621\r\n\r\nhello", broken(ContentLengthRange, 200)},
	{"closed before the body", get, length + "5\r\n\r\n", cut("body", 200, 0)},
	{"closed in the body", get, length + "5\r\n\r\nhell", cut("body", 200, 4)},

	// Rule 8: until close.
	{"neither", get, ok11 + "\r\nuntil close", last(200, 11)},
	{"neither, though keep-alive", get, ok11 + "Connection: keep-alive\r\n\r\n", last(200, 0)},

	// Persistence, RFC 9112 §9.3.
	{"close", get, length + "0\r\nConnection: close\r\n\r\n", last(200, 0)},
	{"close in a list, in any case", get, length + "0\r\nconnection: te,\tClose \r\n\r\n", last(200, 0)},
	{"close wins over keep-alive", get,
		length + "0\r\nConnection: keep-alive, close\r\nConnection: keep-alive\r\n\r\n", last(200, 0)},
	{"closed is not close", get, length + "0\r\nConnection: closed, xclose\r\n\r\n", whole(200, 0)},
	{"HTTP/1.0", get, ok10 + "Content-Length: 0\r\n\r\n", last(200, 0)},
	{"HTTP/1.0 keep-alive", get, ok10 + "Content-Length: 0\r\nConnection: Keep-Alive\r\n\r\n", whole(200, 0)},
	{"HTTP/1.0 keep-alive, close", get,
		ok10 + "Content-Length: 0\r\nConnection: close, keep-alive\r\n\r\n", last(200, 0)},
	{"HTTP/1.2", get, "HTTP/1.2 200 OK\r\nContent-Length: 0\r\n\r\n", whole(200, 0)},

	// The status line.
	{"no reason phrase", get, "HTTP/1.1 204 \r\n\r\n", whole(204, 0)},
	{"no space, no reason phrase", get, "HTTP/1.1 204\r\n\r\n", whole(204, 0)},
	{"reason phrase in UTF-8 with HTAB", get, "HTTP/1.1 204 Schön\tgut  \r\n\r\n", whole(204, 0)},
	{"reason phrase begins with a space", get, "HTTP/1.1 204  No Content\r\n\r\n", whole(204, 0)},
	{"status 000", head, "HTTP/1.1 000 \r\n\r\n", whole(0, 0)},
	{"status 099", head, "HTTP/1.1 099 \r\n\r\n", whole(99, 0)},
	{"status 999", get, "HTTP/1.1 999 \r\nContent-Length: 1\r\n\r\nx", whole(999, 1)},
	{"status of two digits", get, "HTTP/1.1 20 OK\r\n\r\n", broken(BadStatusCode, 0)},
	{"status of four digits", get, "HTTP/1.1 2000 OK\r\n\r\n", broken(BadStatusCode, 0)},
	{"status +20", get, "HTTP/1.1 +20 OK\r\n\r\n", broken(BadStatusCode, 0)},
	{"no status", get, "HTTP/1.1 OK\r\n\r\n", broken(BadStatusCode, 0)},
	{"two spaces before the status", get, "HTTP/1.1  200 OK\r\n\r\n", broken(BadStatusCode, 0)},
	{"HTAB before the status", get, "HTTP/1.1\t200 OK\r\n\r\n", broken(BadStatusLine, 0)},
	{"HTAB after the status", get, "HTTP/1.1 200\tOK\r\n\r\n", broken(BadStatusCode, 0)},
	{"version alone", get, "HTTP/1.1\r\n\r\n", broken(BadStatusLine, 0)},
	{"HTTP/2.0", get, "HTTP/2.0 200 OK\r\n\r\n", broken(BadVersion, 0)},
	{"HTTP/2 200", get, "HTTP/2 200\r\n\r\n", broken(BadVersion, 0)},
	{"HTTP/0.9 in a status line", get, "HTTP/0.9 200 OK\r\n\r\n", broken(BadVersion, 0)},
	{"HTTP/1.10", get, "HTTP/1.10 200 OK\r\n\r\n", broken(BadStatusLine, 0)},
	{"HTTP/1.x", get, "HTTP/1.x 200 OK\r\n\r\n", broken(BadVersion, 0)},
	{"HTTP/ alone", get, "HTTP/\r\n\r\n", broken(BadVersion, 0)},
	{"http/1.1", get, "http/1.1 200 OK\r\n\r\n", broken(NotHTTP, 0)},
	{"HTTP/0.9", get, "<html>hello</html>\n", broken(NotHTTP, 0)},
	{"ICY", get, "ICY 200 OK\r\n\r\n", broken(NotHTTP, 0)},
	{"SSH without line end", get, "SSH-2.0-OpenSSH", broken(NotHTTP, 0)},
	{"TLS alert", get, "\x15\x03\x01\x00\x02\x02\x16", broken(NotHTTP, 0)},
	{"short line", get, "HT\n", broken(NotHTTP, 0)},
	{"CRLF before the status line", get, "\r\n" + ok11 + "\r\n", broken(LeadingBlank, 0)},
	{"LF before the status line", get, "\n" + ok11 + "\r\n", broken(LeadingBlank, 0)},
	{"bare CR in the reason phrase", get, "HTTP/1.1 200 O\rK\r\n\r\n", broken(BareCR, 0)},
	{"CR CR LF after the status line", get, "HTTP/1.1 200 OK\r\r\n\r\n", broken(BareCR, 0)},
	{"NUL in the reason phrase", get, "HTTP/1.1 200 O\x00K\r\n\r\n", broken(NUL, 0)},
	{"DEL in the reason phrase", get, "HTTP/1.1 200 O\x7fK\r\n\r\n", broken(ControlCharacter, 0)},

	// Field lines.
	{"bare LF throughout", get, "HTTP/1.1 200 OK\nContent-Length: 1\n\nx", whole(200, 1)},
	{"bare LF and CRLF mixed", get, length + "1\nA: b\r\nC: d\n\r\nx", whole(200, 1)},
	{"obs-text, HTAB and empty values", head,
		ok11 + "A: \xfc\xff\t\x80 long enough for a word\r\nB:\r\nC: \r\n\r\n", whole(200, 0)},
	{"name of every token character", head, ok11 + "!#$%&'*+-.^_`|~09azAZ: x\r\n\r\n", whole(200, 0)},
	{"names like those that frame", get,
		ok11 + "Content-Lengthy: 9\r\nContent_Length: 8\r\nContent-Length: 1\r\n\r\nx", whole(200, 1)},
	{"obs-fold", get, ok11 + "A: b\r\n c\r\n\t\r\n \td: e\r\nContent-Length: 1\r\n\r\nx", whole(200, 1)},
	{"obs-fold that looks like framing", get,
		ok11 + "A: b\r\n Content-Length: 5\r\nContent-Length: 1\r\n\r\nx", whole(200, 1)},
	{"obs-fold of Content-Length", get, length + "1\r\n 5\r\n\r\nx", broken(BadFold, 200)},
	{"obs-fold of Transfer-Encoding", get, coded + "gzip,\r\n chunked\r\n\r\n", broken(BadFold, 200)},
	{"obs-fold of Connection", head, ok11 + "Connection:\r\n close\r\n\r\n", broken(BadFold, 200)},
	{"obs-fold of no field", get, ok11 + " A: b\r\n\r\n", broken(BadFold, 200)},
	{"obs-fold of no field, after an interim one", get, "HTTP/1.1 103 \r\nA: b\r\n\r\n" + ok11 + " c\r\n\r\n",
		broken(BadFold, 200).interims(1)},
	{"NUL in an obs-fold", get, ok11 + "A: b\r\n \x00\r\n\r\n", broken(NUL, 200)},
	{"space before the colon", get, ok11 + "Content-Length : 1\r\n\r\nx", broken(SpaceBeforeColon, 200)},
	{"HTAB before the colon", get, ok11 + "Content-Length\t: 1\r\n\r\nx", broken(SpaceBeforeColon, 200)},
	{"space in a name", get, ok11 + "Content Length: 1\r\n\r\nx", broken(BadFieldName, 200)},
	{"empty name", get, ok11 + ": 1\r\n\r\n", broken(BadFieldName, 200)},
	{"name that is no token", get, ok11 + "Content(Length): 1\r\n\r\n", broken(BadFieldName, 200)},
	{"name with obs-text", get, ok11 + "L\xe4nge: 1\r\n\r\n", broken(BadFieldName, 200)},
	{"no colon", get, ok11 + "Content-Length\r\n\r\n", broken(NoColon, 200)},
	{"no colon, but spaces", get, ok11 + "Content Length  \r\n\r\n", broken(NoColon, 200)},
	{"bare CR in a value", get, ok11 + "A: b\rContent-Length: 5\r\n\r\n", broken(BareCR, 200)},
	{"bare CR in a name", get, ok11 + "A\r: b\r\n\r\n", broken(BareCR, 200)},
	{"CR CR LF as blank line", get, ok11 + "A: b\r\n\r\r\n", broken(BareCR, 200)},
	{"NUL in a value", get, ok11 + "A: b\x00\r\n\r\n", broken(NUL, 200)},
	{"NUL in a name", get, ok11 + "\x00A: b\r\n\r\n", broken(NUL, 200)},
	{"escape in a value", get, ok11 + "A: \x1b[31m\r\n\r\n", broken(ControlCharacter, 200)},
	{"vertical tab before chunked", get, coded + "\x0bchunked\r\n\r\n", broken(ControlCharacter, 200)},

	// Closed in the head.
	{"closed before anything", get, "", cut("head", 0, 0).neverStarted()},
	{"closed in HTTP", get, "HT", cut("head", 0, 0)},
	{"closed in the status line", get, "HTTP/1.1 200 OK", cut("head", 0, 0)},
	{"closed after the status line", get, ok11, cut("head", 200, 0)},
	{"closed in a field", head, ok11 + "Content-Le", cut("head", 200, 0)},
	{"closed in the blank line", head, ok11 + "A: b\r\n\r", cut("head", 200, 0)},

	{"nginx, HEAD", head, nginxHead, whole(200, 0)},
	{"nginx, GET", get, nginxHead + strings.Repeat("x", 615), whole(200, 615)},
	{"net/http, GET", get, goHead + "hello, world", whole(200, 12)},
}

// padded returns a head of size octets, or as near below as fields of 100 octets allow, then filled by a last one.
func padded(size int, end string) string {
	const field = "A: " // and 95 x and CRLF: 100 octets
	s := ok11
	for size-len(s)-len(end) > 200 {
		s += field + strings.Repeat("x", 95) + "\r\n"
	}
	return s + field + strings.Repeat("x", size-len(s)-len(end)-5) + "\r\n" + end
}

// largeSamples are at the bounds. Splitting them everywhere would take long.
var largeSamples = []sample{
	{"head of 64 KiB", head, padded(64<<10, "\r\n"), whole(200, 0)},
	{"head of 64 KiB and 1", head, padded(64<<10+1, "\r\n"), broken(HeadTooLarge, 200)},
	{"one field of 64 KiB", head, ok11 + "A: " + strings.Repeat("x", 64<<10-17-3-4) + "\r\n\r\n", whole(200, 0)},
	{"one field beyond 64 KiB", head,
		ok11 + "A: " + strings.Repeat("x", 64<<10-17-3-3) + "\r\n\r\n", broken(HeadTooLarge, 200)},
	{"line without end", get, ok11 + strings.Repeat("x", 70<<10), broken(HeadTooLarge, 200)},
	{"reason without end", get, "HTTP/1.1 200 " + strings.Repeat("x", 70<<10), broken(HeadTooLarge, 0)},
	{"each interim head has its own bound", get,
		strings.Replace(padded(60<<10, "\r\n"), "200", "103", 1) + padded(60<<10, "Content-Length: 0\r\n\r\n"),
		whole(200, 0).interims(1)},
	{"chunk-size line of 4 KiB", get,
		chunky + "1;" + strings.Repeat("x", 4<<10-4) + "\r\nx\r\n0\r\n\r\n", whole(200, 1)},
	{"chunk-size line of 4 KiB and 1", get,
		chunky + "1;" + strings.Repeat("x", 4<<10-3) + "\r\nx\r\n0\r\n\r\n", broken(ChunkLineTooLong, 200)},
	{"chunk size of zeros without end", get, chunky + strings.Repeat("0", 5<<10), broken(ChunkLineTooLong, 200)},
	{"trailers of 64 KiB", get, chunky + "0\r\n" + padded(64<<10+17, "\r\n")[17:], whole(200, 0)},
	{"trailers of 64 KiB and 1", get, chunky + "0\r\n" + padded(64<<10+18, "\r\n")[17:], broken(TrailerTooLarge, 200)},
	{"100 KB", get, strings.Replace(nginxHead, "615", "102400", 1) + strings.Repeat("x", 102400), whole(200, 102400)},
	{"100 KB until close", get, ok11 + "\r\n" + strings.Repeat("x", 102400), last(200, 102400)},
	{"much framing for few octets", get,
		chunky + strings.Repeat("1;"+strings.Repeat("x", 2000)+"\r\nx\r\n", 20) + "0\r\n\r\n", whole(200, 20)},
	{"many chunks", get,
		chunky + strings.Repeat("64\r\n"+strings.Repeat("x", 100)+"\r\n", 500) + "0\r\n\r\n", whole(200, 50000)},
}
