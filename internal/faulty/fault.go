package faulty

import "fmt"

// A Fault is one thing that a server can do wrong; the zero Fault is none. A comment says what the client sees, and what
// that asks of the client. A close is the end of the stream, after a close_notify of TLS, and a reset is ECONNRESET.
// What was sent before either is read first, on every network.
type Fault uint8

const (
	None Fault = iota

	// On accept, before TLS: for request −1 only. The end is orderly only if no byte of the client has come: the kernel
	// makes a reset of a close with bytes unread. A client of TLS sends at once, so CloseInHandshake is exact for it and
	// this is not.
	CloseAccepted
	ResetAccepted // a client that is still in connect sees that fail

	// In the TLS handshake, when the client's hello was read: for request −1 only.
	CloseInHandshake
	ResetInHandshake
	SilentInHandshake // until the client goes
	AlertInHandshake  // fatal: handshake_failure; then a close
	NotTLS            // an HTTP response in plain text; then a close

	// While the conn is idle: for request −1 before any request, else after the answer, as soon as Server.Idle has
	// passed. The client must not send its next request before it sees the fault; within Server.Idle that calls the
	// fault off. Where bytes are to come alone, the server waits until the client has read the answer.
	CloseIdle
	ResetIdle     // at −1, without TLS: a client that is still in connect, which Server.Idle may prevent, sees that fail
	HalfCloseIdle // our direction is shut down, the socket stays open until the client goes
	BytesIdle     // "hello", in a read of its own; then the server serves on
	TimeoutIdle   // a response 408 that nobody asked for, in a read of its own; then a close

	// Instead of an answer.
	CloseUnanswered
	ResetUnanswered
	HalfCloseUnanswered // as HalfCloseIdle
	NeverAnswer         // silence until the client goes

	// In the middle of the answer.
	CloseInHead
	CloseInBody
	ResetInHead
	ResetInBody
	HalfAnswer // half the head; then silence until the client goes
	DripFeed   // half the head; then a byte every 5 ms until the client goes

	// A whole answer that a client may not like.
	CloseAnnounced // Connection: close, and a close
	HTTP10         // of HTTP/1.0, which implies a close, and a close
	BodyUntilClose // neither length nor chunks, and a close
	BytesBehind    // "hello" behind the body, in the same write; then the server serves on
	BodyAfterHead  // the body after all, in the same write; then the server serves on
	BodyAfterLater // the body after all, when the client has read the head; then the server serves on
	Status405      // then the server serves on
	Status408      // Connection: close, and a close
	Status503      // then the server serves on

	// A malformed response that breaks the rule of internal/http1 that has the same name, and none before it; then
	// silence until the client goes.
	HeadTooLarge // 128 KiB of it
	TooManyInterim
	Unexpected101
	NotHTTP
	LeadingBlank
	BadVersion
	BadStatusLine
	BadStatusCode
	BareCR
	NUL
	ControlCharacter
	NoColon
	SpaceBeforeColon
	BadFieldName
	BadFold
	BadContentLength
	ContentLengthRange
	ContentLengthConflict
	BadTransferEncoding
	BadChunkedCoding
	BadChunkSize
	ChunkSizeRange
	ChunkLineTooLong
	BadChunkEnd
	TrailerTooLarge

	numFaults
)

// All returns each fault, without None.
func All() []Fault {
	all := make([]Fault, 0, numFaults-1)
	for f := None + 1; f < numFaults; f++ {
		all = append(all, f)
	}
	return all
}

// String names the fault in lower case; a malformed response as the rule that it breaks.
func (f Fault) String() string {
	if f >= numFaults {
		return fmt.Sprintf("Fault(%d)", uint8(f))
	}
	return acts[f].name
}

// Malformed reports whether f is a response that breaks a rule of HTTP/1.1, or a bound.
func (f Fault) Malformed() bool { return HeadTooLarge <= f && f < numFaults }

// Method returns "HEAD" if only the answer to HEAD can have the fault, "GET" if only the answer to another method can,
// and "" if the method does not matter.
func (f Fault) Method() string { return acts[f].method }

// Possible returns nil if a server can carry out f at a request (−1: before the first) on a network ("tcp", "unix" or
// "memory"), and otherwise the reason why not.
func (f Fault) Possible(network string, overTLS bool, request int) error {
	if f >= numFaults {
		return fmt.Errorf("there is no %v", f)
	}
	a := &acts[f]
	switch {
	case f == None:
		return nil
	case (a.when == accepting || a.when == shaking) && request >= 0:
		return fmt.Errorf("%q is for request -1", f)
	case a.when == answering && request < 0:
		return fmt.Errorf("%q needs a request", f)
	case a.when == shaking && !overTLS:
		return fmt.Errorf("%q needs TLS", f)
	case a.then == reset && network == "unix":
		return possibleOnUnix(a, overTLS, request)
	}
	return nil
}

// possibleOnUnix says where a unix socket can be reset: its kernel does that only if the server closes with bytes
// unread.
func possibleOnUnix(a *act, overTLS bool, request int) error {
	switch {
	case !unixResets:
		return fmt.Errorf("%q on a unix socket is known of Linux only", a.name)
	case a.when == accepting || a.when == idling && request < 0:
		return fmt.Errorf("%q on a unix socket needs bytes of the client that are left unread", a.name)
	case a.when != shaking && overTLS:
		return fmt.Errorf("%q on a unix socket needs a byte of the request that is left unread; TLS reads it whole", a.name)
	}
	return nil
}
