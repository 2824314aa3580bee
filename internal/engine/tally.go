package engine

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// A tally is what one worker measured. Nothing in it is shared and, once every kind of loss was seen, nothing is
// allocated; the workers' tallies are merged once, at the end.
type tally struct {
	Part

	// Of the current second.
	recent    *hdrhistogram.Histogram // latencies
	recentMax time.Duration
	recentLag time.Duration
	late      time.Duration
	connects  Spectrometer
	services  Spectrometer
	faults    Faults
	lost      []Loss
	open      int64
	lastConns Conns
	lastReqs  Requests
}

// maxLost bounds the losses told one by one per second (Sample.Lost).
const maxLost = 100

func newTally(p *Plan) tally {
	// Two digits are enough for a curve over time, and 8 times smaller to clear each second.
	return tally{Part: newPart(p), recent: hdrhistogram.New(1000, int64(longest(p)), 2)}
}

// longest bounds the histograms: the longest timeout twice over, and at least a minute for our own stalls.
func longest(p *Plan) time.Duration {
	return max(time.Minute, 2*p.ResponseTimeout, 2*p.ConnectTimeout)
}

// longestRecovery is longer than a server may be away.
const longestRecovery = 24 * time.Hour

func (t *tally) latencyOf(of Cohort, d time.Duration) {
	of.Latency.Record(d)
	t.recentMax = max(t.recentMax, d)
	// A value beyond the range is clamped and counted in latency; this curve shows it as its maximum.
	_ = t.recent.RecordValue(int64(min(d, time.Duration(t.recent.HighestTrackableValue()))))
}

func (t *tally) lagOf(d time.Duration) {
	t.Lag.Record(d)
	t.recentLag = max(t.recentLag, d)
}

// lateFor notes that what was planned for an instant is done at now.
func (t *tally) lateFor(planned, now time.Duration) { t.late = max(t.late, now-planned) }

func (t *tally) connectOf(d time.Duration) {
	t.Connect.Record(d)
	t.connects.Record(d)
	if d > SlowConnect {
		t.Slow.Connects++
	}
}

func (t *tally) loss(l Loss) {
	if len(t.lost) < maxLost {
		t.lost = append(t.lost, l)
	}
	id := Identity{l.Phase, l.Cause, l.Errno, l.Rule}
	one := Drop{Phase: l.Phase, Cause: l.Cause, Errno: l.Errno, Rule: l.Rule, Count: 1, First: l.At, Last: l.At,
		ShortestIdle: l.Idle, LongestIdle: l.Idle, FewestServed: l.Served, MostServed: l.Served, Sample: l}
	if d := t.Drops[id]; d != nil {
		d.add(one)
	} else {
		t.Drops[id] = &one
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
	if s := t.Unwanted[status]; s != nil {
		s.add(StatusCount{Count: 1, First: now, Last: now})
	} else {
		t.Unwanted[status] = &StatusCount{Status: status, Count: 1, First: now, Last: now}
	}
}

func (s *StatusCount) add(o StatusCount) {
	s.Count += o.Count
	s.First, s.Last = min(s.First, o.First), max(s.Last, o.Last)
}

// second closes the current second and returns its sample, without the quantiles, which need all workers' histograms.
func (t *tally) second(at time.Duration, phase Phase) Sample {
	c, r := &t.Conns, &t.Requests
	s := Sample{
		At: at, Phase: phase, Open: t.open,
		Attempts:   c.Attempts - t.lastConns.Attempts,
		Connected:  c.Connected - t.lastConns.Connected,
		Due:        r.Due - t.lastReqs.Due,
		Sent:       r.Sent - t.lastReqs.Sent,
		Answered:   r.Answered - t.lastReqs.Answered,
		Failed:     r.failed() - t.lastReqs.failed(),
		Dropped:    c.Dropped + c.ConnectFailed - t.lastConns.Dropped - t.lastConns.ConnectFailed,
		LatencyMax: t.recentMax, LagMax: t.recentLag, Late: t.late,
		Connects: t.connects.Take(), Services: t.services.Take(), Faults: t.faults,
		Lost: t.lost,
	}
	t.lastConns, t.lastReqs = *c, *r
	t.recentMax, t.recentLag, t.late, t.faults, t.lost = 0, 0, 0, Faults{}, nil
	return s
}
