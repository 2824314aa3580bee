package engine

import "runtime"

// A Cause is why an attempt failed or a conn was lost. One per loss, always. The zero Cause means none.
type Cause uint8

const (
	CauseNone Cause = iota

	// An attempt that never was established.
	ConnectRefused
	ConnectUnreachable
	ConnectReset  // by the server, the TLS handshake included
	ConnectClosed // by the server, before the TLS handshake was over
	ConnectTimedOut
	ConnectError    // any other failure to connect
	TLSAlert        // the server refused the handshake, with an alert
	TLSCertificate  // we refused the server's certificate
	NotTLS          // what the server sent is not TLS
	TLSFailed       // any other failure of the handshake
	LocalExhaustion // of descriptors, ports or memory: the generator's fault, never the server's
	Abandoned       // the run was cancelled, or reopening ended, while it was in flight

	// A conn that was established, and lost.
	ClosedUnused      // by the server, before any byte of a request had reached it
	ClosedBeforeFirst // by the server, after a request and before any byte of the conn's first response
	ClosedIdle        // by the server, between a response and the next request
	ClosedAnnounced   // after a response that said so (Connection: close, HTTP/1.0, body until close)
	ClosedWaiting     // by the server, after a request was sent and before any byte of its response
	ClosedInHead      // by the server, in the middle of a response's head
	ClosedInBody      // by the server, in the middle of a response's body
	HalfClosed        // the server ended its direction and keeps its socket open
	ResetBeforeFirst  // before the conn's first response
	ResetIdle
	ResetWriting     // the keep-alive race: the server had closed or reset the conn before any of the request reached it
	ResetWritingLate // the same, and the request left later than planned: the generator's fault
	ResetWaiting     // before any byte of the response, the request perhaps not yet sent whole
	ResetInResponse
	ResponseTimedOut   // no byte of it came in time
	ResponseUnfinished // it had begun
	Malformed          // the response breaks HTTP/1.1; Rule says which rule
	HeadTooLarge       // the head of a response exceeds the parser's bound
	TooManyInterim     // so do the interim responses
	Unexpected101      // Switching Protocols, which nobody asked for
	IdleBytes          // on a conn with no request outstanding, or behind the end of a response
	BodyAfterHead      // a response to HEAD has none
	RequestTimeout     // the server sent 408, because no request had come
	OpenExhaustion     // of this host, on an established conn: the generator's fault
	TLSBroken          // an alert, or a record that cannot be read
	TransportError     // any other error of read or write
	GeneratorDied      // the process that had the conn did: the generator's fault

	numCauses
)

// A Fate is the class of Conns that a cause leads to.
type Fate uint8

const (
	NoFate Fate = iota
	ConnectFailed
	ConnectAbandoned
	ConnLost
)

var causes = [numCauses]struct {
	name  string
	fate  Fate
	blame Blame
}{
	CauseNone:          {"none", NoFate, BlameGenerator},
	ConnectRefused:     {"connect refused", ConnectFailed, blameOfRefused(runtime.GOOS)},
	ConnectUnreachable: {"unreachable", ConnectFailed, BlameEither},
	ConnectReset:       {"connect reset", ConnectFailed, BlameEither},
	ConnectClosed:      {"closed in handshake", ConnectFailed, BlameEither},
	ConnectTimedOut:    {"connect timed out", ConnectFailed, BlameWait},
	ConnectError:       {"connect failed", ConnectFailed, BlameEither},
	TLSAlert:           {"TLS alert", ConnectFailed, BlameServer},
	TLSCertificate:     {"TLS certificate refused", ConnectFailed, BlameServer},
	NotTLS:             {"not TLS", ConnectFailed, BlameServer},
	TLSFailed:          {"TLS handshake failed", ConnectFailed, BlameEither},
	LocalExhaustion:    {"local exhaustion", ConnectFailed, BlameGenerator},
	Abandoned:          {"abandoned", ConnectAbandoned, BlameGenerator},
	ClosedUnused:       {"closed before first request", ConnLost, BlameEither},
	ClosedBeforeFirst:  {"closed before first response", ConnLost, BlameEither},
	ClosedIdle:         {"closed while idle", ConnLost, BlameEither},
	ClosedAnnounced:    {"closed as announced", ConnLost, BlameEither},
	ClosedWaiting:      {"closed while waiting", ConnLost, BlameEither},
	ClosedInHead:       {"closed in head", ConnLost, BlameEither},
	ClosedInBody:       {"closed in body", ConnLost, BlameEither},
	HalfClosed:         {"half-closed", ConnLost, BlameEither},
	ResetBeforeFirst:   {"reset before first response", ConnLost, BlameEither},
	ResetIdle:          {"reset while idle", ConnLost, BlameEither},
	ResetWriting:       {"reset while writing", ConnLost, BlameEither},
	ResetWritingLate:   {"reset while writing late", ConnLost, BlameGenerator},
	ResetWaiting:       {"reset while waiting", ConnLost, BlameEither},
	ResetInResponse:    {"reset in response", ConnLost, BlameEither},
	ResponseTimedOut:   {"response timed out", ConnLost, BlameWait},
	ResponseUnfinished: {"response unfinished", ConnLost, BlameWait},
	Malformed:          {"malformed response", ConnLost, BlameServer},
	HeadTooLarge:       {"response head too large", ConnLost, BlameServer},
	TooManyInterim:     {"too many interim responses", ConnLost, BlameServer},
	Unexpected101:      {"unexpected 101", ConnLost, BlameServer},
	IdleBytes:          {"bytes while idle", ConnLost, BlameServer},
	BodyAfterHead:      {"body after HEAD", ConnLost, BlameServer},
	RequestTimeout:     {"408 while idle", ConnLost, BlameEither},
	OpenExhaustion:     {"local exhaustion while open", ConnLost, BlameGenerator},
	TLSBroken:          {"TLS broken", ConnLost, BlameEither},
	TransportError:     {"transport error", ConnLost, BlameEither},
	GeneratorDied:      {"generator process died", ConnLost, BlameGenerator},
}

func (c Cause) String() string { return causes[c].name }

// Fate returns the class of Conns that c leads to; no other code decides that.
func (c Cause) Fate() Fate { return causes[c].fate }

// Blame returns who can have brought a loss of this cause about; no other code decides that. A close that was announced may
// come of load: Apache and lighttpd end keep-alive when their workers are all busy, or their conns many.
func (c Cause) Blame() Blame { return causes[c].blame }

// ByGenerator reports whether c is the generator's fault, never the server's.
func (c Cause) ByGenerator() bool { return c != CauseNone && c.Blame() == BlameGenerator }

// ParseCause is the inverse of [Cause.String]; unknown names give CauseNone.
func ParseCause(s string) Cause {
	for c, row := range causes {
		if row.name == s {
			return Cause(c)
		}
	}
	return CauseNone
}

// Causes returns all causes but CauseNone.
func Causes() []Cause {
	all := make([]Cause, 0, numCauses-1)
	for c := CauseNone + 1; c < numCauses; c++ {
		all = append(all, c)
	}
	return all
}
