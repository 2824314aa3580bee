package faulty

import "strings"

// An act is how a fault is carried out: the answer, bytes apart from it, the end.
type act struct {
	name   string
	when   when
	answer string // instead of the proper one; answering only
	apart  string // when the client has read all that came before
	then   then
	method string // see Fault.Method
}

// A when is where in the life of a conn a fault lies.
type when uint8

const (
	_ when = iota
	accepting
	shaking
	idling
	answering
)

// A then is what follows the bytes.
type then uint8

const (
	serveOn then = iota
	end
	reset
	halfClose
	silence
	drip
)

const (
	proper = properHead + properBody

	properHead = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
	properBody = "ok"

	half    = "HTTP/1.1 200 OK\r\nX-"
	status  = "HTTP/1.1 200 OK\r\n"
	chunked = status + "Transfer-Encoding: chunked\r\n\r\n"
	stray   = "hello"
	late    = "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"

	// RFC 8446 §6: alert, TLS 1.2 on the wire, 2 bytes: fatal, handshake_failure.
	alert = "\x15\x03\x03\x00\x02\x02\x28"
	plain = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
)

var acts = [numFaults]act{
	None: {name: "none"},

	CloseAccepted: {name: "close on accept", when: accepting, then: end},
	ResetAccepted: {name: "reset on accept", when: accepting, then: reset},

	CloseInHandshake:  {name: "close in the handshake", when: shaking, then: end},
	ResetInHandshake:  {name: "reset in the handshake", when: shaking, then: reset},
	SilentInHandshake: {name: "silence in the handshake", when: shaking, then: silence},
	AlertInHandshake:  {name: "alert in the handshake", when: shaking, answer: alert, then: end},
	NotTLS:            {name: "plain text instead of TLS", when: shaking, answer: plain, then: end},

	CloseIdle:     {name: "close while idle", when: idling, then: end},
	ResetIdle:     {name: "reset while idle", when: idling, then: reset},
	HalfCloseIdle: {name: "half-close while idle", when: idling, then: halfClose},
	BytesIdle:     {name: "bytes while idle", when: idling, apart: stray},
	TimeoutIdle:   {name: "408 while idle", when: idling, apart: late, then: end},

	CloseUnanswered:     {name: "close unanswered", when: answering, then: end},
	ResetUnanswered:     {name: "reset unanswered", when: answering, then: reset},
	HalfCloseUnanswered: {name: "half-close unanswered", when: answering, then: halfClose},
	NeverAnswer:         {name: "never answer", when: answering, then: silence},

	CloseInHead: {name: "close in the head", when: answering, answer: half, then: end},
	CloseInBody: {name: "close in the body", when: answering, answer: properHead + "o", then: end, method: "GET"},
	ResetInHead: {name: "reset in the head", when: answering, answer: half, then: reset},
	ResetInBody: {name: "reset in the body", when: answering, answer: properHead + "o", then: reset, method: "GET"},
	HalfAnswer:  {name: "half an answer", when: answering, answer: half, then: silence},
	DripFeed:    {name: "drip-feed", when: answering, answer: half, then: drip},

	// Content-Length 0, so that they are right in answer to any method.
	CloseAnnounced: {name: "close as announced", when: answering, then: end,
		answer: status + "Connection: close\r\nContent-Length: 0\r\n\r\n"},
	HTTP10:         {name: "HTTP/1.0", when: answering, answer: "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", then: end},
	BodyUntilClose: {name: "body until close", when: answering, answer: status + "\r\nok", then: end, method: "GET"},
	BytesBehind: {name: "bytes behind the answer", when: answering,
		answer: status + "Content-Length: 0\r\n\r\n" + stray},
	BodyAfterHead:  {name: "body after HEAD", when: answering, answer: proper, method: "HEAD"},
	BodyAfterLater: {name: "body after HEAD, later", when: answering, answer: properHead, apart: properBody, method: "HEAD"},
	Status405: {name: "405", when: answering,
		answer: "HTTP/1.1 405 Method Not Allowed\r\nAllow: PUT\r\nContent-Length: 0\r\n\r\n"},
	Status408: {name: "408", when: answering, answer: late, then: end},
	Status503: {name: "503", when: answering, answer: "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"},

	HeadTooLarge:   malformed("head too large", status+strings.Repeat("X-Fill: "+strings.Repeat("x", 118)+"\r\n", 1024)),
	TooManyInterim: malformed("too many interim responses", strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 17)),
	Unexpected101: malformed("unexpected 101 Switching Protocols",
		"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"),
	NotHTTP:          malformed("not an HTTP response", "SSH-2.0-OpenSSH_9.2\r\n"),
	LeadingBlank:     malformed("blank line before the status line", "\r\n"+properHead),
	BadVersion:       malformed("unsupported HTTP version", "HTTP/2.0 200 OK\r\n\r\n"),
	BadStatusLine:    malformed("malformed status line", "HTTP/1.1\t200 OK\r\n\r\n"),
	BadStatusCode:    malformed("malformed status code", "HTTP/1.1 2xx OK\r\n\r\n"),
	BareCR:           malformed("bare CR", status+"A: b\rc\r\n\r\n"),
	NUL:              malformed("NUL", status+"A: b\x00\r\n\r\n"),
	ControlCharacter: malformed("control character", status+"A: b\x07\r\n\r\n"),
	NoColon:          malformed("field line without colon", status+"Content-Length 2\r\n\r\n"),
	SpaceBeforeColon: malformed("white space before the colon of a field", status+"Content-Length : 2\r\n\r\n"),
	BadFieldName:     malformed("malformed field name", status+"Content Length: 2\r\n\r\n"),
	BadFold:          malformed("misplaced line folding", status+" folded: 1\r\n\r\n"),

	BadContentLength:      malformedBody("malformed Content-Length", status+"Content-Length: two\r\n\r\nok"),
	ContentLengthRange:    malformedBody("Content-Length out of range", status+"Content-Length: 9223372036854775808\r\n\r\nok"),
	ContentLengthConflict: malformedBody("contradictory Content-Length", status+"Content-Length: 2, 3\r\n\r\nok"),
	BadTransferEncoding:   malformedBody("malformed Transfer-Encoding", status+"Transfer-Encoding: ?\"\r\n\r\nok"),
	BadChunkedCoding: malformedBody("chunked coding applied twice or with parameters",
		status+"Transfer-Encoding: chunked, chunked\r\n\r\n"),
	BadChunkSize:     malformedBody("malformed chunk size", chunked+"two\r\nok\r\n0\r\n\r\n"),
	ChunkSizeRange:   malformedBody("chunk size out of range", chunked+"8000000000000000\r\nok"),
	ChunkLineTooLong: malformedBody("chunk-size line too long", chunked+"2;a="+strings.Repeat("x", 8<<10)+"\r\nok\r\n0\r\n\r\n"),
	BadChunkEnd:      malformedBody("chunk not followed by CRLF", chunked+"2\r\nokay\r\n0\r\n\r\n"),
	TrailerTooLarge:  malformedBody("trailer section too large", chunked+"0\r\n"+strings.Repeat("X-Fill: "+strings.Repeat("x", 118)+"\r\n", 1024)),
}

func malformed(name, answer string) act {
	return act{name: name, when: answering, answer: answer, then: silence}
}

// malformedBody is malformed in what the answer to HEAD does not have, or does not mean by it.
func malformedBody(name, answer string) act {
	a := malformed(name, answer)
	a.method = "GET"
	return a
}
