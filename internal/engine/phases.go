package engine

import (
	"sync"
	"sync/atomic"
	"time"
)

// phases is what the workers of a run share: when the ramp ended, and with it hold; how many still sweep; whether the
// run was cancelled. Workers look at it in every turn of their loops; who changes it nudges the others.
type phases struct {
	hold       time.Duration
	unresolved atomic.Int64 // slots whose first attempt is neither served nor failed
	latest     atomic.Int64 // instant at which one was resolved
	sweeping   atomic.Int64 // workers that have not ended their sweep
	rampEnd    atomic.Int64 // instants; never: not yet
	sweepEnd   atomic.Int64
	cancelled  atomic.Bool
	nextReopen atomic.Int64 // before it no attempt to open a conn again may begin
	nudge      func()       // makes every worker look

	mu   sync.Mutex
	over bool // the run is: a phase that others end only now is none of its

	bursts *Bursts // see Plan.Bursts; nil: none

	held    func() // see Plan.Held; nil: nothing
	now     func() time.Duration
	reading sync.WaitGroup // held

	// align says when all processes have come to the end of a phase; see Plan.Align.
	align func(p Phase, at time.Duration, release func(time.Duration))
}

func newPhases(slots, workers int, hold time.Duration) *phases {
	p := &phases{hold: max(hold, 0), nudge: func() {}}
	p.align = func(_ Phase, at time.Duration, release func(time.Duration)) { release(at) }
	p.unresolved.Store(int64(slots))
	p.sweeping.Store(int64(workers))
	p.rampEnd.Store(int64(never))
	p.sweepEnd.Store(int64(never))
	return p
}

// phasesOf returns the phases of a plan, which this process may share with others.
func phasesOf(p *Plan) *phases {
	ph := newPhases(p.mine(), p.Workers, p.Hold)
	if p.Align != nil {
		ph.align = p.Align
	}
	ph.held = p.Held
	if ph.bursts = p.Bursts; ph.bursts != nil {
		ph.bursts.nudge = ph.nudgeIfOn
	}
	return ph
}

// resolve notes that a slot's first attempt was served or failed. The ramp ends at the latest of these instants, which
// need not come in order.
func (p *phases) resolve(now time.Duration) {
	for latest := p.latest.Load(); int64(now) > latest && !p.latest.CompareAndSwap(latest, int64(now)); {
		latest = p.latest.Load()
	}
	if p.unresolved.Add(-1) == 0 {
		p.align(PhaseRamp, time.Duration(p.latest.Load()), p.endAt(&p.rampEnd))
	}
}

// swept notes that a worker's conns have all been heard from or lost; the last one ends the sweep.
func (p *phases) swept(now time.Duration) {
	if p.sweeping.Add(-1) == 0 {
		p.align(PhaseSweep, now, p.whenHeld(p.endAt(&p.sweepEnd)))
	}
}

// whenHeld has held called before the sweep's end is released.
func (p *phases) whenHeld(release func(time.Duration)) func(time.Duration) {
	if p.held == nil {
		return release
	}
	return func(at time.Duration) {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.over || p.cancelled.Load() {
			return
		}
		p.reading.Go(func() {
			p.held()
			release(max(at, p.now()))
		})
	}
}

// endAt returns what sets the end of a phase.
func (p *phases) endAt(end *atomic.Int64) func(time.Duration) {
	return func(at time.Duration) {
		p.mu.Lock()
		defer p.mu.Unlock()
		if !p.over {
			end.Store(int64(at))
			p.nudge()
		}
	}
}

// close ends the run for whoever may release a phase later: there is nobody to nudge any more. It waits for held.
func (p *phases) close() {
	p.mu.Lock()
	p.over = true
	p.mu.Unlock()
	p.reading.Wait()
}

// nudgeIfOn nudges whoever waits, unless the run is over: then what was nudged is closed.
func (p *phases) nudgeIfOn() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.over {
		p.nudge()
	}
}

func (p *phases) cancel() {
	p.cancelled.Store(true)
	p.nudge()
}

// next returns the instant at which the phase ends by itself; never if that depends on the conns.
func (p *phases) next(phase Phase) time.Duration {
	switch phase {
	case PhaseRamp:
		return time.Duration(p.rampEnd.Load()) // where several processes share the run, it lies ahead for a moment
	case PhaseHold:
		return p.holdEnd()
	}
	return never
}

func (p *phases) holdEnd() time.Duration {
	if end := time.Duration(p.rampEnd.Load()); end != never {
		return end + p.hold
	}
	return never
}
