package engine

import (
	"cmp"
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// A tally is what one worker measured. Nothing in it is shared and, once every kind of loss was seen, nothing is
// allocated; the workers' tallies are merged once, at the end.
type tally struct {
	conns    Conns
	requests Requests

	connect, latency, service, lag, wait *Hist
	recovery                             *Hist // nil where lost conns stay lost
	hazard                               *hazard

	drops    map[identity]*Drop
	unwanted map[int]*StatusCount

	// Of the current second.
	recent     *hdrhistogram.Histogram // latencies
	recentMax  time.Duration
	recentLag  time.Duration
	lost       []Loss
	open       int64
	lastConns  Conns
	lastReqs   Requests
	stamps     Stamps
	lastFailed int64
}

// An identity is what makes two losses the same kind. There are few, so the memory for errors is bounded.
type identity struct {
	phase Phase
	cause Cause
	errno string
	rule  string
}

// maxLost bounds the losses told one by one per second (Sample.Lost).
const maxLost = 100

func newTally(p *Plan) tally {
	longest := longest(p)
	t := tally{
		connect: NewHist(longest), latency: NewHist(longest), service: NewHist(longest), lag: NewHist(longest),
		wait: NewHist(longest),
		// Two digits are enough for a curve over time, and 8 times smaller to clear each second.
		recent: hdrhistogram.New(1000, int64(longest), 2),
		hazard: &hazard{},
		drops:  map[identity]*Drop{}, unwanted: map[int]*StatusCount{},
	}
	if p.Reopen.Rate > 0 {
		t.recovery = NewHist(longestRecovery)
	}
	return t
}

// longest bounds the histograms: the longest timeout twice over, and at least a minute for our own stalls.
func longest(p *Plan) time.Duration {
	return max(time.Minute, 2*p.ResponseTimeout, 2*p.ConnectTimeout)
}

// longestRecovery is longer than a server may be away.
const longestRecovery = 24 * time.Hour

func (t *tally) latencyOf(d time.Duration) {
	t.latency.Record(d)
	t.recentMax = max(t.recentMax, d)
	// A value beyond the range is clamped and counted in latency; this curve shows it as its maximum.
	_ = t.recent.RecordValue(int64(min(d, time.Duration(t.recent.HighestTrackableValue()))))
}

func (t *tally) lagOf(d time.Duration) {
	t.lag.Record(d)
	t.recentLag = max(t.recentLag, d)
}

func (t *tally) loss(l Loss) {
	if len(t.lost) < maxLost {
		t.lost = append(t.lost, l)
	}
	id := identity{l.Phase, l.Cause, l.Errno, l.Rule}
	one := Drop{Phase: l.Phase, Cause: l.Cause, Errno: l.Errno, Rule: l.Rule, Count: 1, First: l.At, Last: l.At,
		ShortestIdle: l.Idle, LongestIdle: l.Idle, FewestServed: l.Served, MostServed: l.Served, Sample: l}
	if d := t.drops[id]; d != nil {
		d.add(one)
	} else {
		t.drops[id] = &one
	}
}

// add adds losses of the same identity.
func (d *Drop) add(o Drop) {
	d.Count += o.Count
	if o.First < d.First {
		d.First, d.Sample = o.First, o.Sample
	}
	d.Last = max(d.Last, o.Last)
	d.ShortestIdle, d.LongestIdle = min(d.ShortestIdle, o.ShortestIdle), max(d.LongestIdle, o.LongestIdle)
	d.FewestServed, d.MostServed = min(d.FewestServed, o.FewestServed), max(d.MostServed, o.MostServed)
}

// unwant notes a response of a status that is not wanted.
func (t *tally) unwant(status int, now time.Duration) {
	if s := t.unwanted[status]; s != nil {
		s.add(StatusCount{Count: 1, First: now, Last: now})
	} else {
		t.unwanted[status] = &StatusCount{Status: status, Count: 1, First: now, Last: now}
	}
}

func (s *StatusCount) add(o StatusCount) {
	s.Count += o.Count
	s.First, s.Last = min(s.First, o.First), max(s.Last, o.Last)
}

// second closes the current second and returns its sample, without the quantiles, which need all workers' histograms.
func (t *tally) second(at time.Duration, phase Phase) Sample {
	c, r := &t.conns, &t.requests
	failed := r.TimedOut + r.Malformed + r.LostWithConn + r.Unwanted
	s := Sample{
		At: at, Phase: phase, Open: t.open,
		Attempts:   c.Attempts - t.lastConns.Attempts,
		Connected:  c.Connected - t.lastConns.Connected,
		Due:        r.Due - t.lastReqs.Due,
		Sent:       r.Sent - t.lastReqs.Sent,
		Answered:   r.Answered - t.lastReqs.Answered,
		Failed:     failed - t.lastFailed,
		Dropped:    c.Dropped + c.ConnectFailed - t.lastConns.Dropped - t.lastConns.ConnectFailed,
		LatencyMax: t.recentMax, LagMax: t.recentLag,
		Lost: t.lost,
	}
	t.lastConns, t.lastReqs, t.lastFailed = *c, *r, failed
	t.recentMax, t.recentLag, t.lost = 0, 0, nil
	return s
}

// merge adds what another worker measured.
func (t *tally) merge(o *tally) {
	t.conns.add(o.conns)
	t.requests.add(o.requests)
	t.stamps.Kernel += o.stamps.Kernel
	t.stamps.User += o.stamps.User
	t.connect.Merge(o.connect)
	t.latency.Merge(o.latency)
	t.service.Merge(o.service)
	t.lag.Merge(o.lag)
	t.wait.Merge(o.wait)
	if t.recovery != nil {
		t.recovery.Merge(o.recovery)
	}
	t.hazard.merge(o.hazard)
	for id, d := range o.drops {
		if have := t.drops[id]; have != nil {
			have.add(*d)
		} else {
			t.drops[id] = d
		}
	}
	for status, s := range o.unwanted {
		if have := t.unwanted[status]; have != nil {
			have.add(*s)
		} else {
			t.unwanted[status] = s
		}
	}
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

// sorted returns the drops, most frequent first; ties by identity, so that the order is a function of the run.
func (t *tally) sorted() []Drop {
	drops := make([]Drop, 0, len(t.drops))
	for _, d := range t.drops {
		drops = append(drops, *d)
	}
	slices.SortFunc(drops, func(a, b Drop) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Phase, b.Phase), cmp.Compare(a.Cause, b.Cause),
			cmp.Compare(a.Errno, b.Errno), cmp.Compare(a.Rule, b.Rule))
	})
	return drops
}

// statuses returns those not wanted, most frequent first.
func (t *tally) statuses() []StatusCount {
	all := make([]StatusCount, 0, len(t.unwanted))
	for _, s := range t.unwanted {
		all = append(all, *s)
	}
	slices.SortFunc(all, func(a, b StatusCount) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Status, b.Status))
	})
	return all
}
