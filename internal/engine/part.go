package engine

import (
	"cmp"
	"slices"
	"time"
)

// A Part is what one worker, of this process or another, has measured since the run began. Parts are merged losslessly.
type Part struct {
	Worker   int // of all workers of all processes
	Conns    Conns
	Requests Requests
	Stamps   Stamps

	Connect, Lag, ClientWait *Hist
	Recovery                 *Hist // nil where lost conns stay lost

	// Of the requests due in hold that were answered; and of all others, those that timed out among them, censored. Each is
	// recorded once: they become one when the run is over.
	Hold, Rest Cohort

	Hazard *Hazard

	Behind time.Duration // Result.Behind
	Opened time.Duration // Result.Opened
	Slow   Slow

	Drops    map[Identity]*Drop
	Unwanted map[int]*StatusCount
}

// An Identity is what makes two losses the same kind. There are few, so the memory for errors is bounded.
type Identity struct {
	Phase Phase
	Cause Cause
	Errno string
	Rule  string
}

func newPart(p *Plan) Part {
	longest := longest(p)
	part := Part{
		Connect: NewHist(longest), Lag: NewCoarse(longest), ClientWait: NewCoarse(longest),
		Hold:   Cohort{NewHist(longest), NewHist(longest)},
		Rest:   Cohort{NewHist(longest), NewHist(longest)},
		Hazard: &Hazard{},
		Drops:  map[Identity]*Drop{}, Unwanted: map[int]*StatusCount{},
	}
	if p.Reopen.Rate > 0 {
		part.Recovery = NewHist(longestRecovery)
	}
	if p.Dial != nil || len(p.Target.Addrs) == 0 {
		part.Slow.ConnectsRetransmitted, part.Slow.AnswersRetransmitted = -1, -1
	}
	return part
}

// whole reports whether p has all that a merge needs.
func (p *Part) whole(reopening bool) bool {
	all := []*Hist{p.Connect, p.Lag, p.ClientWait, p.Hold.Latency, p.Hold.ServiceTime, p.Rest.Latency, p.Rest.ServiceTime}
	if reopening {
		all = append(all, p.Recovery)
	}
	return p.Hazard != nil && !slices.ContainsFunc(all, func(h *Hist) bool { return h == nil || h.HDR == nil })
}

// merge adds what another worker measured.
func (p *Part) merge(o *Part) {
	p.Conns.add(o.Conns)
	p.Requests.add(o.Requests)
	p.Stamps.Kernel += o.Stamps.Kernel
	p.Stamps.User += o.Stamps.User
	p.Connect.Merge(o.Connect)
	p.Hold.merge(o.Hold)
	p.Rest.merge(o.Rest)
	p.Lag.Merge(o.Lag)
	p.ClientWait.Merge(o.ClientWait)
	if p.Recovery != nil {
		p.Recovery.Merge(o.Recovery)
	}
	p.Behind += o.Behind
	p.Opened = max(p.Opened, o.Opened)
	p.Slow.add(o.Slow)
	p.Hazard.merge(o.Hazard)
	for id, d := range o.Drops {
		if have := p.Drops[id]; have != nil {
			have.add(*d)
		} else {
			p.Drops[id] = d
		}
	}
	for status, s := range o.Unwanted {
		if have := p.Unwanted[status]; have != nil {
			have.add(*s)
		} else {
			p.Unwanted[status] = s
		}
	}
}

func (c Cohort) merge(o Cohort) {
	c.Latency.Merge(o.Latency)
	c.ServiceTime.Merge(o.ServiceTime)
}

func (c *Conns) add(o Conns) {
	c.Requested += o.Requested
	c.NotAttempted += o.NotAttempted
	c.NeverEstablished += o.NeverEstablished
	c.EverEstablished += o.EverEstablished
	c.Served += o.Served
	c.Held += o.Held
	c.Attempts += o.Attempts
	c.Reattempts += o.Reattempts
	c.Reopened += o.Reopened
	c.Recovered += o.Recovered
	c.Connected += o.Connected
	c.ConnectFailed += o.ConnectFailed
	c.ConnectAbandoned += o.ConnectAbandoned
	c.OpenAtEnd += o.OpenAtEnd
	c.Dropped += o.Dropped
}

func (r *Requests) add(o Requests) {
	r.Due += o.Due
	r.Sent += o.Sent
	r.Unsent += o.Unsent
	r.Answered += o.Answered
	r.TimedOut += o.TimedOut
	r.Malformed += o.Malformed
	r.LostWithConn += o.LostWithConn
	r.InFlightAtEnd += o.InFlightAtEnd
	for i, n := range o.Status {
		r.Status[i] += n
	}
	r.Unwanted += o.Unwanted
	r.Interim += o.Interim
	r.HoldDue += o.HoldDue
	r.HoldSent += o.HoldSent
}

func (s *Slow) add(o Slow) {
	s.Connects += o.Connects
	s.Answers += o.Answers
	s.ConnectsRetransmitted = sumKnown(s.ConnectsRetransmitted, o.ConnectsRetransmitted)
	s.AnswersRetransmitted = sumKnown(s.AnswersRetransmitted, o.AnswersRetransmitted)
}

// sumKnown is unknown if a part is.
func sumKnown(a, b int64) int64 {
	if a < 0 || b < 0 {
		return -1
	}
	return a + b
}

// sorted returns the drops, most frequent first; ties by identity, so that the order is a function of the run.
func (p *Part) sorted() []Drop {
	drops := make([]Drop, 0, len(p.Drops))
	for _, d := range p.Drops {
		drops = append(drops, *d)
	}
	slices.SortFunc(drops, func(a, b Drop) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Phase, b.Phase), cmp.Compare(a.Cause, b.Cause),
			cmp.Compare(a.Errno, b.Errno), cmp.Compare(a.Rule, b.Rule))
	})
	return drops
}

// statuses returns those not wanted, most frequent first.
func (p *Part) statuses() []StatusCount {
	all := make([]StatusCount, 0, len(p.Unwanted))
	for _, s := range p.Unwanted {
		all = append(all, *s)
	}
	slices.SortFunc(all, func(a, b StatusCount) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Status, b.Status))
	})
	return all
}
