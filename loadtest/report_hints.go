package loadtest

import (
	"fmt"
	"net/http"
	"time"

	"example.com/holdfast/internal/engine"
)

// hints say what a person can look at first, by cause; none where the cause says it all. Those that depend on the run are
// in dropHint.
var hints = map[Cause]string{
	CauseConnectRefused:     "nobody listens at that address, or its accept queue is full and the host refuses",
	CauseConnectUnreachable: "there is no route to that address: is the URL's host the right one?",
	CauseConnectReset:       "the server, or something before it, reset the conn before it was up: see its log",
	CauseConnectClosed:      "the server closed in the TLS handshake without a word: see its log",
	CauseTLSAlert:           "the server refused the handshake: are version, client certificate and server name what it wants? see Config.TLS",
	CauseTLSCertificate:     "does Config.TLS trust the server's certificate, for the name in the URL?",
	CauseNotTLS:             "the server does not speak TLS there: write http://, or another port",
	CauseTLSFailed:          "see Config.TLS",
	CauseClosedUnused: "the server closed before a request came: is it at its limit of conns, or has it a timeout for the " +
		"first request?",
	CauseClosedBeforeFirst: "the server took the first request and closed: does it speak HTTP/1.1 there, and is it below its " +
		"limit of conns?",
	CauseClosedAnnounced:  "the server ends keep-alive itself: Connection: close, HTTP/1.0, or a limit of requests per conn",
	CauseClosedWaiting:    "the server took the request and closed without an answer: did it crash or restart? see its log",
	CauseClosedInHead:     "the server closed in the middle of a response: did it crash or restart? see its log",
	CauseClosedInBody:     "the body ended before its length: did the handler fail, or the server restart? see its log",
	CauseHalfClosed:       "the server ended its direction without an answer, and keeps its socket",
	CauseResetBeforeFirst: "the server resets what it has not answered: does it speak only HTTP/2, or TLS? is it at its limit of conns?",
	CauseResetWriting:     "the server closed as the request left: the keep-alive race, no fault of either",
	CauseResetWritingLate: "the server closed before our request reached it, and that was late: the generator's fault, not " +
		"the server's; see lag",
	CauseResetWaiting:    "the server reset the conn instead of answering: did it crash or restart? see its log",
	CauseResetInResponse: "the server reset the conn in the middle of a response: did it crash or restart? see its log",
	CauseHeadTooLarge:    "more than 64 KiB of header: is that what the server should send?",
	CauseTooManyInterim:  "more than 16 interim responses before a final one",
	CauseUnexpected101:   "the server switches protocols without having been asked: is the path a WebSocket's?",
	CauseRequestTimeout:  "the server waits for a request for less long than the Cadence pauses: is its timeout shorter than Config.IdleTimeout?",
	CauseOpenExhaustion:  "this host ran out of memory for sockets: the generator's fault, not the server's",
	CauseAbandoned:       "in flight when the run ended",
	CauseGeneratorDied:   "the generator process that had these conns ended before the run did: its fault, not the server's",
	CauseTLSBroken:       "see its detail; a server that wants a client certificate says so only after the handshake",
}

// dropHint says what a person can look at first; "" where the cause says it all.
func dropHint(d Drop, r *Report) string {
	e := r.Config
	switch d.Cause {
	case CauseConnectTimedOut:
		return fmt.Sprintf("not accepted within Config.ConnectTimeout (%s): ramp more slowly, or raise the server's "+
			"backlog", plainDuration(e.ConnectTimeout))
	case CauseLocalExhaustion:
		return exhaustionHint(d.Errno)
	case CauseClosedIdle, CauseResetIdle:
		return idleHint(d, r)
	case CauseHalfClosed:
		if d.Sample.Waited == 0 {
			return idleHint(d, r) + " It reads on for a while (a lingering close, RFC 9112 §9.6)"
		}
	}
	if together(d, r) && endsTogether[d.Cause] {
		return togetherText(d)
	}
	switch d.Cause {
	case CauseResponseTimedOut:
		return fmt.Sprintf("nothing came within Config.ResponseTimeout (%s)", plainDuration(e.ResponseTimeout))
	case CauseResponseUnfinished:
		return fmt.Sprintf("the response began and was not complete within Config.ResponseTimeout (%s)",
			plainDuration(e.ResponseTimeout))
	case CauseIdleBytes:
		if s := d.Sample.Status; s != 0 {
			return fmt.Sprintf("a response with status %d that answers no request", s)
		}
		return "bytes that belong to no response: is the Content-Length right?"
	case CauseBodyAfterHead:
		return "bytes after a response to HEAD: does the server send its body all the same?"
	case CauseClosedAnnounced:
		return announcedHint(d, r)
	}
	return hints[d.Cause]
}

func exhaustionHint(errno string) string {
	const fault = ": the generator's fault, not the server's"
	switch errno {
	case "EMFILE", "ENFILE":
		return "this process ran out of descriptors" + fault + "; raise ulimit -n"
	case "EADDRNOTAVAIL", "EADDRINUSE", "EAGAIN":
		return "this host ran out of source ports" + fault + "; set Config.LocalAddrs, or widen net.ipv4.ip_local_port_range"
	case "ENOBUFS", "ENOMEM":
		return "this host ran out of memory for sockets" + fault
	}
	return "this host ran out of ports, descriptors or memory" + fault
}

// announcedHint tells a limit of requests per conn, and a server that refuses and closes.
func announcedHint(d Drop, r *Report) string {
	if s := d.Sample.Status; s != 0 && (s < r.Config.WantLowest || s > r.Config.WantHighest) {
		return fmt.Sprintf("the server answered %d and closed: %s", s, statusHint(s, r.Config))
	}
	if d.Count >= fewestTogether && d.FewestServed == d.MostServed {
		if d.MostServed == 1 {
			return "each after its first answer: the server does not keep conns alive (Connection: close, HTTP/1.0)"
		}
		return fmt.Sprintf("each after %s: the server limits the requests per conn", some(d.MostServed, "answer"))
	}
	return hints[d.Cause]
}

// endsTogether are the causes, besides those of idle conns, by which a server that stops loses its conns.
var endsTogether = map[Cause]bool{
	CauseHalfClosed: true, CauseClosedWaiting: true, CauseResetWaiting: true, CauseResetWriting: true,
	CauseClosedInHead: true, CauseClosedInBody: true, CauseResetInResponse: true,
}

// together reports whether so many conns were lost in so short a time that it was no chance.
func together(d Drop, r *Report) bool {
	return d.Count >= fewestTogether && d.Last-d.First <= min(time.Second, spreadOf(d, r)/4)
}

func togetherText(d Drop) string {
	return fmt.Sprintf("all within %s: did the server stop or restart?", threeDigits(d.Last-d.First))
}

// idleHint tells a server that stopped, one that counts requests, one that is full, and one with a keep-alive timeout.
// What a timeout closes is as spread out in time as the conns' last answers were, and all of the same idle age; what ends
// with the server is the other way round. Where both are close together either may be it.
func idleHint(d Drop, r *Report) string {
	timeout := plainDuration(r.Config.IdleTimeout)
	many := d.Count >= fewestTogether
	young := d.LongestIdle < r.Config.IdleTimeout/100
	spread, timed := closesOf(r.Hazard)
	timed = timed && spread.isTimeout()
	switch {
	case many && young && d.FewestServed == d.MostServed && d.MostServed > 1:
		return fmt.Sprintf("each right after %s: the server limits the requests per conn, and does not announce it",
			some(d.MostServed, "answer"))
	case timed && together(d, r):
		return fmt.Sprintf("all within %s and at about the same idle age: did the server stop or restart, or is its keep-alive "+
			"timeout that long?", threeDigits(d.Last-d.First))
	case together(d, r):
		return togetherText(d)
	case many && d.Phase == engine.PhaseRamp.String() && r.Conns.Held > 0 && d.LongestIdle < r.Config.IdleTimeout/4:
		return "young conns were closed while others came: is the server at its limit of conns (nginx: worker_connections)?"
	case many && young:
		return "each right after an answer: did the server stop, and answer what it was asked?"
	case timed && d.ShortestIdle >= spread.from.From && d.LongestIdle < r.Config.IdleTimeout:
		return fmt.Sprintf("the server closes what is idle for some %s, less than Config.IdleTimeout (%s)",
			threeDigits(d.ShortestIdle), timeout)
	case d.ShortestIdle >= r.Config.IdleTimeout:
		return fmt.Sprintf("the server may close what is idle for Config.IdleTimeout (%s): a Cadence with shorter pauses "+
			"would keep the conns open", timeout)
	}
	return fmt.Sprintf("is the server's keep-alive timeout shorter than Config.IdleTimeout (%s)?", timeout)
}

// fewestTogether losses at random instants lie within one quarter of the time by chance in one case of fifty.
const fewestTogether = 5

// spreadOf is the time over which losses by a timeout would spread: the mean pause, or without pauses the ramp; never
// longer than the phase, because losses in different phases are different drops.
func spreadOf(d Drop, r *Report) time.Duration {
	p := r.Phases
	spread := p.Ramp
	if rate := r.Load.Expected; rate > 0 {
		spread = time.Duration(float64(r.Conns.Requested) / rate * float64(time.Second))
	}
	switch d.Phase {
	case engine.PhaseRamp.String():
		return min(spread, p.Ramp)
	case engine.PhaseHold.String():
		return min(spread, p.Hold)
	}
	return min(spread, p.Sweep)
}

// mostStatuses bounds the unwanted statuses that String tells one by one.
const mostStatuses = 3

// unwantedHints say what unwanted statuses most often mean, the most frequent first.
func unwantedHints(r *Report) (all []string) {
	for _, s := range r.Unwanted[:min(len(r.Unwanted), mostStatuses)] {
		all = append(all, fmt.Sprintf("%d × %s", s.Count, statusText(s.Status, r.Config)))
	}
	if more := len(r.Unwanted) - mostStatuses; more > 0 {
		all = append(all, some(int64(more), "other status")+": see Unwanted")
	}
	return all
}

func statusText(status int, e Echo) string {
	if status == http.StatusMethodNotAllowed {
		return fmt.Sprintf("405 to %s: set Request.Method", e.Method)
	}
	return fmt.Sprintf("%d: %s", status, statusHint(status, e))
}

func statusHint(status int, e Echo) string {
	switch {
	case status == http.StatusMethodNotAllowed:
		return "set Request.Method"
	case status == http.StatusNotFound:
		return "set the path in Config.URL"
	case status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable:
		return "the server says that it has too much to do: fewer Connections, or a Cadence with longer pauses"
	case status/100 == 4:
		return "are path, method and header what the server wants? see Config.URL, Config.Request"
	case status/100 == 5:
		return "the server failed: see its log"
	}
	return "if that is right, say so in Request.Want"
}
