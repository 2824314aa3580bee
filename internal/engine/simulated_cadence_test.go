package engine

import "time"

// When requests are to be due, by the simulation's own reckoning.

// dueNow notes that the driver is told to write a request, since it is due. The sweep may ask before the cadence does.
func (s *simulation) dueNow(x *wire, due time.Duration) {
	v := &x.truth
	if v.due {
		return
	}
	v.owed, v.due, v.dueAt, v.planned = false, true, due, max(due, v.ready)
	released := s.plan.Cadence.Kind == BackToBack && due == time.Duration(s.phases.rampEnd.Load())
	if due != v.next && !released && (due > v.next || x.w.phase < PhaseSweep) {
		s.failf("slot %d has a request due at %v, and by its cadence at %v", x.slotNumber(), due, v.next)
	}
}

// planNext notes when the next request is to be due: pause k of a slot is a function of the seed, whatever becomes of its conns.
func (s *simulation) planNext(x *wire, now time.Duration) {
	v, p := &x.truth, &s.plan
	if p.Cadence.Kind == BackToBack && x.w.phase == PhaseRamp {
		v.next = v.ready + p.IdleTimeout/2
		return
	}
	x.slot.drawn++
	from := v.ready
	if p.Cadence.Grid {
		from = v.dueAt
	}
	v.next = never
	if pause := p.Cadence.pause(p.Seed, x.slotNumber(), x.slot.drawn); pause != never {
		v.next = s.onTick(from + pause)
	}
	if passed := int(x.j) < x.w.sweep.cursor; passed && x.w.phase == PhaseSweep && v.proven < s.recent() {
		v.next = min(v.next, now) // the answer came too late to prove anything: ask again
	}
}

// onTick returns the first instant of the plan's tick that is not before t.
func (s *simulation) onTick(t time.Duration) time.Duration {
	if tick := s.plan.Tick; tick > 0 && s.plan.Cadence.Kind != BackToBack && t%tick > 0 {
		return t - t%tick + tick
	}
	return t
}
