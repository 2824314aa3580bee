package engine

import "time"

// A simWorker drives the conns of one worker in virtual time, as an epollWorker does in real time: it waits, handles
// events, then deadlines, opens what the ramp and reopening ask for, looks at the phases. Its turn is cut into steps, and
// between two of them others may have theirs, or all of us stall.
type simWorker struct {
	machine
	*wheel
	sim   *simulation
	wires []wire // by conn

	at     time.Duration // of its next step
	wakes  time.Duration // when it is to wake up by itself
	stage  int           // of the turn, which that step begins with
	parked bool          // it waits
	over   bool
	clock  time.Duration // what it shows when it is read next, at the earliest
	turn   time.Duration // what it showed when this turn began
	woke   time.Duration // when it waited last, until then
	looked time.Duration // when events were handled last
	relook bool          // that took long: it is to look again, before the next requests leave
	rounds int           // of events that it may still handle before it goes on

	ready      []uint32 // conns of which the kernel has something to report
	batch      []uint32
	opened     int
	connecting int
	most       int
	nextSecond time.Duration
	unchecked  int           // turns since all conns were looked at
	nextAsk    time.Duration // of the sweep, at the earliest
	gap        time.Duration // from one to the next
}

func newSimWorker(s *simulation, index int) *simWorker {
	w := &simWorker{machine: *newMachine(&s.plan, s.phases, index), sim: s,
		most: max(1, s.plan.MaxConnecting/s.plan.Workers), nextSecond: time.Second}
	w.wheel = newWheel(s.tick, w.machine.conns)
	w.wires = make([]wire, len(w.machine.conns))
	for j := range w.wires {
		w.wires[j] = wire{w: w, j: uint32(j)}
	}
	return w
}

// stages are the parts of a turn, in their order.
var stages = [...]func(*simWorker){
	(*simWorker).beginTurn, (*simWorker).deadlines, (*simWorker).openDue, (*simWorker).move, (*simWorker).asks, (*simWorker).move,
	(*simWorker).seconds, (*simWorker).end, (*simWorker).events,
}

// step goes on with the turn until it is over or something comes between.
func (w *simWorker) step() {
	w.clock = max(w.clock, w.at)
	if w.parked {
		w.parked, w.woke = false, w.clock
		w.tally.lateFor(w.wakes, w.clock)
	}
	for {
		stage := w.stage
		w.stage = (stage + 1) % len(stages)
		stages[stage](w)
		if w.over {
			w.at = never
			return
		}
		if w.parked {
			return
		}
		if w.relook {
			w.at, w.stage = w.clock, stage
			return
		}
		if w.sim.steps--; w.sim.steps <= 0 {
			w.at = w.clock + w.sim.interruption()
			return
		}
	}
}

// now reads the clock. Now and then it has gone on a good deal since it was read last.
func (w *simWorker) now() time.Duration {
	w.clock += w.sim.cost
	if w.sim.readings--; w.sim.readings <= 0 {
		w.clock += w.sim.hiccup()
	}
	return w.clock
}

// beginTurn notes the time of the turn.
func (w *simWorker) beginTurn() { w.turn = w.now() }

func (w *simWorker) deadlines() {
	popped := 0
	for j, ok := w.pop(w.turn); ok; j, ok = w.pop(w.turn) {
		if w.expire(j); popped > 10*len(w.wires) {
			w.sim.failf("at %v deadlines do not end", w.turn)
		}
		popped++
	}
	if w.unchecked++; w.unchecked > len(w.wires) { // so that it costs each turn the same
		w.unchecked = 0
		w.sim.requireNoneForgotten(w)
	}
}

func (w *simWorker) openDue() {
	for n := 0; n < w.sim.openPerTurn && w.mayOpen() && w.rampDue() <= w.turn; n++ {
		w.opened++
		w.open(uint32(w.opened - 1))
	}
	for n := 0; n < w.sim.openPerTurn && w.mayOpen(); n++ {
		j, ok := w.reopenNext(w.turn)
		if !ok {
			w.sim.requireNoneKeptBack(w)
			return
		}
		w.open(j)
	}
}

func (w *simWorker) mayOpen() bool { return w.connecting+w.unproven < w.most }

func (w *simWorker) rampDue() time.Duration {
	if w.opened == len(w.machine.conns) {
		return never
	}
	return w.plan.Ramp.At(w.slot(uint32(w.opened)))
}

// move goes to the phase that is now.
func (w *simWorker) move() {
	before := w.phase
	change := w.advance(w.turn)
	if before < PhaseSweep && w.phase >= PhaseSweep {
		w.sweeps()
	}
	if change.frozen {
		w.sim.frozen(w, w.turn)
		w.connecting = 0
	}
	if !change.frozen && !change.released {
		return
	}
	for j := range w.machine.conns {
		if w.machine.conns[j].state == closed {
			w.wires[j].hangUp()
		}
		w.set(uint32(j), false)
	}
}

// sweeps notes the pace at which the sweep that begins now may ask.
func (w *simWorker) sweeps() {
	unheard, recent := 0, w.sim.recent()
	for j := range w.wires {
		if v := &w.wires[j].truth; v.up && !v.fallen && (v.due || v.served == 0 || v.proven < recent) {
			unheard++
		}
	}
	rate := max(1000, w.plan.Ramp.rate()) / float64(w.plan.Workers)
	w.gap = min(time.Duration(float64(time.Second)/rate), w.plan.IdleTimeout/4/time.Duration(max(1, unheard)))
	w.nextAsk = w.turn
}

func (w *simWorker) asks() {
	for ; w.askDue() <= w.turn; w.nextAsk += w.gap {
		if w.turn < w.nextAsk {
			w.sim.failf("worker %d asks at %v, and should not before %v", w.worker, w.turn, w.nextAsk)
		}
		w.act(w.ask(w.turn))
	}
}

func (w *simWorker) seconds() {
	for ; w.nextSecond <= w.turn; w.nextSecond += time.Second {
		w.tally.lateFor(w.nextSecond, w.turn)
		w.sim.timeline.add(&w.tally, w.nextSecond, w.phase)
		w.tally.lateFor(w.nextSecond, w.turn)
	}
}

// end ends the turn: the run is over, or the worker waits.
func (w *simWorker) end() {
	switch {
	case w.phases.cancelled.Load():
		now := w.now()
		w.sim.cancelled(w, now)
		w.abandon(now)
		w.over = true
	case w.drained():
		w.over = true
	default:
		w.park()
		return
	}
	for j := range w.wires {
		x := &w.wires[j]
		if x.open && !x.truth.fallen && x.truth.up && len(w.ready) == 0 && x.readable(w.looked) {
			w.sim.failf("slot %d: what had come at %v was never looked at", x.slotNumber(), w.looked)
		}
		w.sim.preempt(x)
		x.hangUp()
	}
}

// park waits until a turn has something to do.
func (w *simWorker) park() {
	next := min(w.nextSecond, w.askDue(), w.phases.next(w.phase), w.wheel.next())
	if w.mayOpen() {
		next = min(next, w.rampDue(), w.reopenDue())
	}
	switch {
	case w.sim.batching && (w.outstanding > 0 || w.connecting > 0):
		next = min(next, (w.clock/w.tick+1)*w.tick)
	case w.sim.batching:
		next = min(next, w.clock+w.sim.idleLook)
	case len(w.ready) > 0:
		next = w.clock
	}
	w.wakes = max(w.clock, next)
	w.at, w.parked = max(w.clock, next+w.sim.lateness), true
}

// wake ends its wait at now, or soon after.
func (w *simWorker) wake(now time.Duration) {
	if w.parked {
		w.at = min(w.at, max(w.clock, now+w.sim.lateness))
	}
}

// notify says that the kernel has something to report of a wire.
func (s *simulation) notify(x *wire, now time.Duration) {
	if !x.queued {
		x.queued = true
		x.w.ready = append(x.w.ready, x.j)
	}
	if !s.batching {
		x.w.wake(now)
	}
}
