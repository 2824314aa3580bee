package engine

import "time"

// A Gathering makes one result of what the workers of several processes tell (Plan.Second), those of processes that died
// among them.
type Gathering struct {
	plan     *Plan // with the Workers of each process; its Share has only Of
	timeline *timeline
	workers  []gathered // by number, over all processes
}

// gathered is what is known of a worker.
type gathered struct {
	part  *Part         // the latest that is known; nil: nothing
	phase Phase         // of its last second
	last  time.Duration // the end of its last whole second
	left  *Second       // what was left at its end
	lost  bool
}

// Ends are the instants at which the phases of a run ended; one that was not reached ended when the run did.
type Ends struct {
	Ramp, Hold, Sweep, Drain time.Duration
	Phase                    Phase // the phase in which the run ended
}

// Ends returns those of the result.
func (r *Result) Ends() Ends {
	return Ends{r.RampEnd, r.HoldEnd, r.SweepEnd, r.DrainEnd, r.Ended}
}

// Gather begins a gathering. Its methods are not for several goroutines at once.
func Gather(p *Plan) *Gathering {
	return &Gathering{plan: p, timeline: newTimeline(p.workers(), p.Progress), workers: make([]gathered, p.workers())}
}

// part returns what is known of a worker: of one that told nothing, that it did nothing.
//
// Note: to have these from the start took 1.2 MB of heap a worker, in the process whose heap may be judged (2026-11).
func (g *Gathering) part(number int) *Part {
	if known := g.workers[number].part; known != nil {
		return known
	}
	part := newPart(g.plan)
	part.Worker = number
	part.Conns.Requested = int64(g.plan.slots(number))
	part.Conns.NotAttempted = part.Conns.Requested
	return &part
}

// Add adds a second of a worker, which are to come in order. Of its Parts only the last one matters: see Know.
func (g *Gathering) Add(s Second) {
	w := &g.workers[s.Worker]
	w.phase = s.Sample.Phase
	if s.Last {
		w.left = &s
		return
	}
	w.last = s.Sample.At
	g.timeline.put(s)
}

// Know is told what a worker has measured up to the last of its seconds that was added, before Lose or Result. It reports
// whether p can be a worker's of this run: what another process told may lack something.
func (g *Gathering) Know(p *Part) bool {
	if p.Worker < 0 || p.Worker >= len(g.workers) || !p.whole(g.plan.Reopen.Rate > 0) {
		return false
	}
	g.workers[p.Worker].part = p
	return true
}

// Lose closes the accounts of the workers of a process that died at at: what was open is lost, in no other than these
// classes. What they did since their last whole second, nobody knows. It returns how many conns were lost with it.
func (g *Gathering) Lose(share int, at time.Duration, why string) (lost int64) {
	for i := range g.plan.Workers {
		n := share + i*max(1, g.plan.Share.Of)
		if w := &g.workers[n]; w.left == nil && !w.lost {
			lost += g.lose(w, n, at, why)
		}
	}
	return lost
}

func (g *Gathering) lose(w *gathered, number int, at time.Duration, why string) int64 {
	w.lost = true
	next := w.last + time.Second
	t := newTally(g.plan)
	t.Part = *g.part(number)
	t.lastConns, t.lastReqs = t.Conns, t.Requests
	before := t.Conns.Dropped
	if w.phase < PhaseDrain {
		t.dieOut(Loss{Slot: number, Phase: w.phase, At: max(at, w.last), Detail: why})
	}
	inFlight := t.Requests.inFlight()
	t.Requests.LostWithConn += inFlight
	t.faults.Failures[BlameGenerator] += inFlight
	t.Requests.Unsent = t.Requests.Due - t.Requests.Sent
	w.part = &t.Part
	g.timeline.put(Second{Sample: t.second(next, w.phase), Latency: &Hist{HDR: t.recent}})
	g.timeline.drop(next)
	return t.Conns.Dropped - before
}

// dieOut gives every slot of a process that died, one of which is like's, its class.
func (t *tally) dieOut(like Loss) {
	c := &t.Conns
	c.NotAttempted = c.Requested - (c.Attempts - c.Reattempts)
	c.NeverEstablished = c.Requested - c.NotAttempted - c.EverEstablished
	abandoned := c.Attempts - c.Connected - c.ConnectFailed - c.ConnectAbandoned
	c.ConnectAbandoned += abandoned
	t.losses(like, Abandoned, abandoned)
	open := c.Connected - c.Dropped
	c.Dropped += open
	t.losses(like, GeneratorDied, open)
	t.faults.Losses[BlameGenerator] += open
	c.OpenAtEnd, c.Held = 0, 0
}

// losses notes n losses like one.
func (t *tally) losses(like Loss, cause Cause, n int64) {
	if n > 0 {
		like.Cause = cause
		t.loss(like)
		t.Drops[Identity{like.Phase, cause, "", ""}].Count += n - 1
	}
}

// failed returns how many requests failed.
func (r Requests) failed() int64 { return r.TimedOut + r.Malformed + r.LostWithConn + r.Unwanted }

// inFlight returns how many requests have no class yet.
func (r Requests) inFlight() int64 {
	return r.Sent - r.Answered - r.TimedOut - r.Malformed - r.LostWithConn - r.InFlightAtEnd
}

// Result returns what the run yielded. ends are those of the processes that lived to its end.
func (g *Gathering) Result(driver string, ends Ends) *Result {
	parts := make([]*Part, len(g.workers))
	g.timeline.leave(ends.Drain)
	for i, w := range g.workers {
		if w.left != nil {
			w.left.Sample.At = ends.Drain // they do not end at the same instant
			g.timeline.put(*w.left)
		}
		parts[i] = g.part(i)
	}
	r := merged(parts, ends)
	r.Timeline = g.timeline.end()
	r.Driver, r.Tick, r.Workers = driver, g.plan.Tick, g.plan.Workers
	return r
}
