package engine

// A Cause is why an attempt failed or a conn was lost. One per loss, always. The zero Cause means none.
type Cause uint8

const (
	CauseNone Cause = iota

	// An attempt that never was established.
	ConnectRefused
	ConnectUnreachable
	ConnectReset
	ConnectTimedOut
	ConnectError    // any other failure to connect
	TLSFailed       // the TCP connection was there, the handshake failed
	LocalExhaustion // of descriptors, ports or memory: the generator's fault, never the server's
	Abandoned       // the run was cancelled while it was in flight

	// A conn that was established, and lost.
	ClosedBeforeFirst // by the server, before it answered anything
	ClosedIdle        // by the server, between a response and the next request
	ClosedAnnounced   // after a response that said so (Connection: close, HTTP/1.0, body until close)
	ClosedWaiting     // by the server, after a request was sent and before any byte of its response
	ClosedInResponse  // by the server, in the middle of a response
	ResetIdle
	ResetWriting // while the request was written: the keep-alive race
	ResetWaiting
	ResponseTimedOut
	Malformed       // the response breaks HTTP/1.1; Detail says which rule
	HeadTooLarge    // the head of a response exceeds the parser's bound
	UnexpectedBytes // bytes on a conn with no request outstanding, or after the end of a response
	TransportError  // any other error of read or write

	numCauses
)

var causeNames = [numCauses]string{
	CauseNone:          "none",
	ConnectRefused:     "connect refused",
	ConnectUnreachable: "unreachable",
	ConnectReset:       "connect reset",
	ConnectTimedOut:    "connect timed out",
	ConnectError:       "connect failed",
	TLSFailed:          "TLS handshake failed",
	LocalExhaustion:    "local exhaustion",
	Abandoned:          "abandoned",
	ClosedBeforeFirst:  "closed before first response",
	ClosedIdle:         "closed while idle",
	ClosedAnnounced:    "closed as announced",
	ClosedWaiting:      "closed while waiting",
	ClosedInResponse:   "closed in response",
	ResetIdle:          "reset while idle",
	ResetWriting:       "reset while writing",
	ResetWaiting:       "reset while waiting",
	ResponseTimedOut:   "response timed out",
	Malformed:          "malformed response",
	HeadTooLarge:       "response head too large",
	UnexpectedBytes:    "unexpected bytes",
	TransportError:     "transport error",
}

func (c Cause) String() string { return causeNames[c] }

// ParseCause is the inverse of [Cause.String]; unknown names give CauseNone.
func ParseCause(s string) Cause {
	for c, name := range causeNames {
		if name == s {
			return Cause(c)
		}
	}
	return CauseNone
}
