package loadtest

import (
	"time"

	"example.com/holdfast/internal/engine"
)

// A Cohort is what [Report.Judge] judges latencies by: the requests that fell due in hold, of which Requests.HoldDue says
// how many there were. Those that were not answered are in none of its distributions.
//
// Beside what was measured it has what surely was the server's doing, which comes from clean seconds: we were late by 10 ms
// or a tick at most for what we had planned, the host was not busy with other work (see [Host]), and the second before was
// the same.
type Cohort struct {
	Latency     Distribution `json:"latency"` // of those that were answered
	ServiceTime Distribution `json:"service_time"`

	// Clean are the service times of those that were answered in clean seconds, and sent in one. Of one that no kernel
	// stamped, 10 ms or a tick is taken off: so much may our own clock have added. To two digits, rounded down.
	Clean Distribution `json:"clean"`

	// CleanConnect are the times to connect, in all phases, by the same rules; our clock measures all of them.
	CleanConnect Distribution `json:"clean_connect"`

	Sure Sure `json:"sure"`
}

// Sure counts what surely was the server's doing: what no busy host and no late request brings about, as a malformed
// response does not come of one; and what one might, but that came in a clean second. Timeouts, and statuses that a server
// gives when it is slow (408, 429, 5xx), count if all of the timeout was clean.
type Sure struct {
	Losses      int64 `json:"losses"`      // conns lost and attempts failed
	NotHeld     int64 `json:"not_held"`    // slots that are not held for that
	Unconnected int64 `json:"unconnected"` // attempts failed
	Failed      int64 `json:"failed"`      // requests, as in [Requests.Failed]
	Unanswered  int64 `json:"unanswered"`  // requests due in hold that were sent and failed without a response

	CPU time.Duration `json:"cpu_ns"` // that Report.ServerUse used in clean seconds; 0 also if that is unknown
}

// Slow counts connects and answers that took as long as if TCP had sent a segment again, and those on whose conn it did, as
// the kernel says (TCP_INFO): SYNs and segments of requests, not those of responses. -1: unknown, as everywhere but on the
// epoll driver over TCP.
type Slow struct {
	Connects              int64 `json:"connects"` // over 0.9 s
	ConnectsRetransmitted int64 `json:"connects_retransmitted"`
	Answers               int64 `json:"answers"` // over 150 ms
	AnswersRetransmitted  int64 `json:"answers_retransmitted"`
}

// unfit says what kept a second from being clean, by itself.
type unfit struct{ late, foreign, steal, throttled, unknown bool }

// unfitness judges a second that began at from. In virtual time no host matters.
func unfitness(s Sample, from, tick time.Duration) unfit {
	h := s.Host
	span := h.Span
	if span <= 0 {
		span = s.At - from
	}
	return unfit{
		late:      s.Late > engine.Punctual(tick),
		foreign:   h.Foreign > mostForeign,
		steal:     h.Steal > mostSteal,
		throttled: float64(h.Throttled) > mostThrottled*float64(span),
		unknown:   h.Foreign < 0 || h.Steal < 0 || h.Throttled < 0,
	}
}

func (u unfit) calm(virtual bool) bool {
	if virtual {
		return !u.late
	}
	return u == unfit{}
}

// A sieve gathers from the clean seconds, one after the other, what surely was the server's doing.
type sieve struct {
	config  Echo
	virtual bool
	blur    time.Duration // that our own clock may add in a clean second

	from      time.Duration // when the second begins
	calmSince time.Duration // when the last second that was not calm ended; 0: there was none

	clean, connect *engine.Hist
	sure           Sure
}

// sift marks the clean seconds of the timeline, which was made of res's, and fills the cohort.
func (r *Report) sift(res *engine.Result, virtual bool) {
	longest := max(time.Minute, r.Config.ConnectTimeout, r.Config.ResponseTimeout)
	s := sieve{
		config: r.Config, virtual: virtual, blur: engine.Punctual(r.Config.Tick),
		clean: engine.NewCoarse(longest), connect: engine.NewCoarse(longest),
	}
	for i := range r.Timeline {
		r.Timeline[i].Clean = s.second(r.Timeline[i], res.Timeline[i])
	}
	r.Hold = Cohort{
		Latency: Distribution{res.Hold.Latency}, ServiceTime: Distribution{res.Hold.ServiceTime},
		Clean: Distribution{s.clean}, CleanConnect: Distribution{s.connect}, Sure: s.sure,
	}
}

// second takes the next second in, and reports whether it was clean.
func (s *sieve) second(of Sample, e engine.Sample) (clean bool) {
	calm := unfitness(of, s.from, s.config.Tick).calm(s.virtual)
	clean = calm && s.calmSince < s.from || calm && s.from == 0
	s.add(e, clean)
	if s.from = of.At; !calm {
		s.calmSince = of.At
	}
	return clean
}

// covers reports whether what ended in this second and lasted for d, and the instant of which we may know by blur too late,
// began in a second that was calm as all since. Before the run's start nothing was disturbed.
func (s *sieve) covers(d time.Duration) bool {
	return s.calmSince == 0 || s.from-s.calmSince >= d+s.blur
}

func (s *sieve) add(e engine.Sample, clean bool) {
	surely := func(b engine.Blames, timeout time.Duration) int64 {
		n := b[engine.BlameServer]
		if clean {
			n += b[engine.BlameEither]
		}
		if clean && s.covers(timeout) {
			n += b[engine.BlameWait]
		}
		return n
	}
	connect, response := s.config.ConnectTimeout, s.config.ResponseTimeout
	s.sure.Losses += surely(e.Losses, max(connect, response))
	s.sure.NotHeld += surely(e.Spoiled, max(connect, response))
	s.sure.Unconnected += surely(e.Unconnected, connect)
	s.sure.Failed += surely(e.Failures, response)
	s.sure.Unanswered += surely(e.Cohort, response)
	if !clean {
		return
	}
	for d, n := range e.Services.All() {
		if s.covers(most(d)) {
			s.clean.RecordN(d, n)
		}
	}
	for d, n := range e.Connects.All() {
		if s.covers(most(d)) {
			s.connect.RecordN(max(0, d-s.blur), n)
		}
	}
}

// most returns how long what a spectrum has as d may have lasted: d is the least of its bucket.
func most(d time.Duration) time.Duration { return d + d>>7 }
