package engine

import (
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
}

func newPhases(slots, workers int, hold time.Duration) *phases {
	p := &phases{hold: max(hold, 0), nudge: func() {}}
	p.unresolved.Store(int64(slots))
	p.sweeping.Store(int64(workers))
	p.rampEnd.Store(int64(never))
	p.sweepEnd.Store(int64(never))
	return p
}

// resolve notes that a slot's first attempt was served or failed. The ramp ends at the latest of these instants, which
// need not come in order.
func (p *phases) resolve(now time.Duration) {
	for latest := p.latest.Load(); int64(now) > latest && !p.latest.CompareAndSwap(latest, int64(now)); {
		latest = p.latest.Load()
	}
	if p.unresolved.Add(-1) == 0 {
		p.rampEnd.Store(p.latest.Load())
		p.nudge()
	}
}

// swept notes that a worker's conns have all been heard from or lost; the last one ends the sweep.
func (p *phases) swept(now time.Duration) {
	if p.sweeping.Add(-1) == 0 {
		p.sweepEnd.Store(int64(now))
		p.nudge()
	}
}

func (p *phases) cancel() {
	p.cancelled.Store(true)
	p.nudge()
}

func (p *phases) holdEnd() time.Duration {
	if end := time.Duration(p.rampEnd.Load()); end != never {
		return end + p.hold
	}
	return never
}
