package loadtest

import "example.com/holdfast/internal/engine"

// A Cause is why a conn was lost or an attempt to open it failed: one of the Cause constants, each loss has exactly one.
// It reads as what happened: "closed while idle".
type Cause string

// Causes of attempts that failed.
const (
	CauseConnectRefused     Cause = "connect refused"         // nobody listens there
	CauseConnectUnreachable Cause = "unreachable"             // there is no route to the address
	CauseConnectReset       Cause = "connect reset"           // by the server, in the TLS handshake too
	CauseConnectClosed      Cause = "closed in handshake"     // by the server, before the TLS handshake was over
	CauseConnectTimedOut    Cause = "connect timed out"       // not up, TLS included, within Config.ConnectTimeout
	CauseConnectError       Cause = "connect failed"          // any other error, such as one of Config.DialContext's own
	CauseTLSAlert           Cause = "TLS alert"               // the server refused the handshake
	CauseTLSCertificate     Cause = "TLS certificate refused" // the client did not trust the server's
	CauseNotTLS             Cause = "not TLS"                 // the server answered the handshake with something else
	CauseTLSFailed          Cause = "TLS handshake failed"    // for any other reason
	CauseLocalExhaustion    Cause = "local exhaustion"        // of this host's descriptors, ports or memory: the generator's fault
	CauseAbandoned          Cause = "abandoned"               // in flight when the run was cancelled, or reopening ended with the sweep
)

// Causes of the loss of conns that were established.
const (
	CauseClosedUnused       Cause = "closed before first request"  // by the server, before any byte of a request had reached it
	CauseClosedBeforeFirst  Cause = "closed before first response" // by the server, with a request and without any answer
	CauseClosedIdle         Cause = "closed while idle"            // by the server, between a response and the next request
	CauseClosedAnnounced    Cause = "closed as announced"          // Connection: close, HTTP/1.0, or a body that ends with the conn
	CauseClosedWaiting      Cause = "closed while waiting"         // by the server, with a request and without any byte of its response
	CauseClosedInHead       Cause = "closed in head"               // by the server, in the middle of a response's head
	CauseClosedInBody       Cause = "closed in body"               // by the server, in the middle of a response's body
	CauseHalfClosed         Cause = "half-closed"                  // the server ended its direction only; told on Linux, of servers on this machine
	CauseResetBeforeFirst   Cause = "reset before first response"  // as a server that speaks HTTP/2 alone does
	CauseResetIdle          Cause = "reset while idle"
	CauseResetWriting       Cause = "reset while writing"      // the keep-alive race: the server ended the conn before the request reached it
	CauseResetWritingLate   Cause = "reset while writing late" // the same, and the request left later than planned: the generator's fault
	CauseResetWaiting       Cause = "reset while waiting"      // before any byte of the response
	CauseResetInResponse    Cause = "reset in response"
	CauseResponseTimedOut   Cause = "response timed out"  // no byte of it within Config.ResponseTimeout
	CauseResponseUnfinished Cause = "response unfinished" // it had begun, and was not complete within Config.ResponseTimeout
	CauseMalformed          Cause = "malformed response"  // it broke HTTP/1.1; Rule says what it broke
	CauseHeadTooLarge       Cause = "response head too large"
	CauseTooManyInterim     Cause = "too many interim responses"
	CauseUnexpected101      Cause = "unexpected 101"              // Switching Protocols, which was not asked for
	CauseIdleBytes          Cause = "bytes while idle"            // on a conn without a request, or behind the end of a response
	CauseBodyAfterHead      Cause = "body after HEAD"             // a response to HEAD has none
	CauseRequestTimeout     Cause = "408 while idle"              // the server gave up waiting for a request, and said so
	CauseOpenExhaustion     Cause = "local exhaustion while open" // of this host's memory: the generator's fault
	CauseTLSBroken          Cause = "TLS broken"                  // an alert, or a record that cannot be read
	CauseTransportError     Cause = "transport error"             // any other error of read or write
	CauseGeneratorDied      Cause = "generator process died"      // the one that had the conn: the generator's fault
)

// ByGenerator reports whether c is the fault of this process or its host, never of the server.
func (c Cause) ByGenerator() bool { return engine.ParseCause(string(c)).ByGenerator() }

// fate returns the class of [Conns] that c leads to.
func (c Cause) fate() engine.Fate { return engine.ParseCause(string(c)).Fate() }

func causeOf(c engine.Cause) Cause { return Cause(c.String()) }
