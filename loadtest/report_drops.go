package loadtest

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"example.com/holdfast/internal/engine"
)

// mostDrops bounds the ways of loss that String tells one by one.
const mostDrops = 8

func (t *table) drops(r *Report) {
	if len(r.Drops) == 0 {
		t.row("drops", "none")
		return
	}
	label := "drops"
	for _, d := range r.Drops[:min(len(r.Drops), mostDrops)] {
		t.row(label, "%s", dropText(d))
		if hint := dropHint(d, r); hint != "" {
			t.row("", "  %s", hint)
		}
		label = ""
	}
	if len(r.Drops) > mostDrops {
		var n int64
		for _, d := range r.Drops[mostDrops:] {
			n += d.Count
		}
		t.row("", "%d more in %d other ways: see Drops", n, len(r.Drops)-mostDrops)
	}
}

func dropText(d Drop) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d %s", d.Count, d.Cause)
	if d.Errno != "" {
		fmt.Fprintf(&b, " (%s)", d.Errno)
	}
	fmt.Fprintf(&b, " in %s, at %s", d.Phase, threeDigits(d.First))
	if d.Last != d.First {
		fmt.Fprintf(&b, " to %s", threeDigits(d.Last))
	}
	s := d.Sample
	if fateOf(d.Cause) == connLost {
		fmt.Fprintf(&b, "; such as conn %d, idle %s after %s", s.Slot, threeDigits(s.Idle), some(s.Served, "answer"))
	} else {
		fmt.Fprintf(&b, "; such as conn %d", s.Slot)
	}
	if s.Detail != "" {
		fmt.Fprintf(&b, ": %s", oneLine(s.Detail))
	}
	return b.String()
}

// dropHint says what a person can look at first; "" where the cause says it all.
func dropHint(d Drop, r *Report) string {
	e := r.Config
	switch engine.ParseCause(d.Cause) {
	case engine.ConnectRefused:
		return "nobody listens at that address, or its accept queue is full and the host refuses"
	case engine.ConnectTimedOut:
		return fmt.Sprintf("not accepted within Config.ConnectTimeout (%s): ramp more slowly, or raise the server's "+
			"backlog", plainDuration(e.ConnectTimeout))
	case engine.TLSFailed:
		return "see Config.TLS: does it trust the server's certificate, for the name in the URL?"
	case engine.LocalExhaustion:
		return "this host ran out of ports, descriptors or memory: the generator's fault, not the server's"
	case engine.ClosedIdle, engine.ResetIdle:
		return idleHint(d, r)
	case engine.ClosedAnnounced:
		return "the server ends keep-alive itself: Connection: close, HTTP/1.0, or a limit of requests per conn"
	case engine.ResetWriting:
		return "the server closed as the request left: the keep-alive race, no fault of either"
	case engine.ResponseTimedOut:
		return fmt.Sprintf("no complete response within Config.ResponseTimeout (%s)", plainDuration(e.ResponseTimeout))
	case engine.UnexpectedBytes:
		if e.Method == http.MethodHead {
			return "bytes that belong to no response: does the server send a body in answer to HEAD?"
		}
		return "bytes that belong to no response: is the Content-Length right?"
	}
	return ""
}

// idleHint tells a server that stopped from one with a keep-alive timeout, as far as one sample and the instants of the
// first and the last loss can: what a timeout closes is as spread out in time as the conns' last answers were.
func idleHint(d Drop, r *Report) string {
	timeout := plainDuration(r.Config.IdleTimeout)
	switch within := d.Last - d.First; {
	case d.Count >= fewestTogether && within <= min(time.Second, spreadOf(d, r)/4):
		return fmt.Sprintf("all within %s: did the server stop or restart?", threeDigits(within))
	case d.Sample.Idle >= r.Config.IdleTimeout:
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

// unwantedHint says what unwanted statuses most often mean; "" without any.
func unwantedHint(r *Report) string {
	q, e := r.Requests, r.Config
	switch status := q.FirstUnwanted; {
	case status == 0:
		return ""
	case status == http.StatusMethodNotAllowed:
		return fmt.Sprintf("405 to %s: set Request.Method", e.Method)
	case status == http.StatusNotFound:
		return "404: set the path in Config.URL"
	case status/100 == 4:
		return fmt.Sprintf("%d: are path, method and header what the server wants? see Config.URL, Config.Request", status)
	case status/100 == 5:
		return fmt.Sprintf("%d: the server failed: see its log", status)
	}
	return "if these are right, say so in Request.Want"
}
