package engine

import (
	"errors"
	"syscall"
)

// What a simWorker does with single conns: as an epollWorker, but for the ledger of the simulation, which is told of all
// before the machine is.

// events handles what the kernel reports, and what it reports meanwhile; again, if that took long and conns were lost. The
// rounds are bounded, but for those.
func (w *simWorker) events() {
	lost := w.tally.Conns.Dropped
	w.rounds = len(w.wires)/w.sim.eventBatch + 2
	for w.looked = w.clock; w.rounds > 0 && len(w.ready) > 0; w.rounds-- {
		n := min(len(w.ready), w.sim.eventBatch)
		w.batch = append(w.batch[:0], w.ready[:n]...)
		w.ready = append(w.ready[:0], w.ready[n:]...)
		for _, j := range w.batch {
			w.wires[j].queued = false
			w.handle(j)
		}
	}
	w.relook = w.tally.Conns.Dropped > lost && w.clock-w.looked >= ms
}

func (w *simWorker) handle(j uint32) {
	c, x := &w.machine.conns[j], &w.wires[j]
	if c.state == dialling && !w.tryUp(j) {
		return
	}
	if now := w.clock; x.open && x.readable(now) {
		w.read(j, x.hup(now))
	}
	if x.writable {
		if x.writable = false; c.state == writing {
			w.act(j, wantWrite)
		}
	}
	if x.open && x.readable(w.clock) {
		w.sim.notify(x, w.clock) // the set is level-triggered
	}
}

func (w *simWorker) open(j uint32) {
	now, x := w.now(), &w.wires[j]
	w.dial(j, now)
	w.connecting++
	up, err := w.sim.connect(x, now)
	w.sim.tried(x, now)
	switch {
	case err != nil:
		w.connectFailed(j, err)
	case up:
		w.up(j)
	default:
		w.set(j, false)
	}
}

// tryUp looks what an attempt has come to. It reports whether it has succeeded.
func (w *simWorker) tryUp(j uint32) bool {
	switch x := &w.wires[j]; {
	case x.outcome > w.clock:
		return false
	case x.refusal != nil:
		w.connectFailed(j, x.refusal)
		return false
	}
	w.up(j)
	return true
}

func (w *simWorker) up(j uint32) {
	now := w.now()
	w.connecting--
	x := &w.wires[j]
	w.sim.established(x, now)
	wanted := w.established(j, now)
	if again := x.slot.attempts > 1; again && w.phase < PhaseDrain && wanted != wantWrite {
		w.sim.failf("slot %d, opened again at %v, has nothing to ask", x.slotNumber(), now)
	}
	w.act(j, wanted)
}

func (w *simWorker) connectFailed(j uint32, err error) {
	now := w.now()
	w.connecting--
	w.sim.failed(&w.wires[j], now, causeOfConnect(err), err)
	w.act(j, w.failed(j, now, causeOfConnect(err), err))
}

// expire handles a deadline of conn j.
func (w *simWorker) expire(j uint32) {
	c, x := &w.machine.conns[j], &w.wires[j]
	switch c.state {
	case dialling: // once more, so that our own stall is not taken for the server's
		if w.tryUp(j); c.state != dialling {
			return
		}
		if limit := x.truth.began + w.plan.ConnectTimeout; w.turn < limit || x.outcome <= limit {
			w.sim.failf("slot %d is given up at %v, begun at %v and connected at %v", x.slotNumber(), w.turn, x.truth.began, x.outcome)
		}
		w.connecting--
		w.sim.failed(x, w.turn, ConnectTimedOut, nil)
	case writing, waiting:
		for w.read(j, false) {
			if c.wake > w.turn || c.state == closed {
				return
			}
		}
		w.sim.ended(x, w.turn, byTimeout, "")
	}
	w.act(j, w.woken(j, w.turn))
}

// read reads what there is: once, unless that filled the buffer or the server has closed. It reports whether there was
// anything.
func (w *simWorker) read(j uint32, hup bool) (some bool) {
	c, x, s := &w.machine.conns[j], &w.wires[j], w.sim
	result := wantWait
	for c.state != closed {
		now := w.now()
		data, stamp, again, err := s.receive(x, now, s.readSize)
		if again {
			break
		}
		some = true
		switch {
		case err != nil:
			s.ended(x, now, endOf(err), errnoOf(err))
			result = w.broken(j, now, err)
		case len(data) == 0:
			end := s.ending(x)
			s.ended(x, now, [...]endHow{endUnknown: byClose, endHalf: byHalfClose, endUntaken: byRace}[end], "")
			result = w.eof(j, now, end)
		default:
			arrived, stamped := now, false
			if s.stamps && stamp >= c.sent && stamp <= now {
				arrived, stamped = stamp, true
			}
			s.got(x, data, arrived, now, stamped)
			if result = w.received(j, data, arrived, now, stamped); result == wantWrite {
				s.dueNow(x, c.due)
			}
		}
		if len(data) < s.readSize && !hup {
			break
		}
	}
	w.act(j, result)
	return some
}

// endOf says how an error ends a wire.
func endOf(err error) endHow {
	switch {
	case errors.Is(err, syscall.EPIPE):
		return byPipe
	case errors.Is(err, syscall.ECONNRESET):
		return byReset
	case errors.Is(err, syscall.ENOBUFS):
		return byExhaustion
	case isAlert(err):
		return byTLS
	}
	return byError
}

// act carries out what the machine wants of conn j.
func (w *simWorker) act(j uint32, wanted want) {
	c, x := &w.machine.conns[j], &w.wires[j]
	if wanted == wantWrite {
		wanted = w.write(j)
	}
	if lost := c.state == closed; lost != x.truth.fallen || lost != (wanted == wantHangUp) && x.open {
		w.sim.failf("slot %d at %v: lost %v, and should be: %v", x.slotNumber(), w.clock, lost, x.truth.fallen)
	}
	if wanted == wantHangUp {
		x.hangUp()
	}
	w.set(j, c.state == waiting)
}

func (w *simWorker) write(j uint32) want {
	c, x := &w.machine.conns[j], &w.wires[j]
	sent := w.now()
	if w.offset(j) == 0 && w.rounds > 0 && x.truth.upAt < w.woke && x.readable(w.woke) {
		w.sim.failf("slot %d sends at %v, and what had come at %v was not looked at", x.slotNumber(), sent, w.woke)
	}
	n, err := w.sim.write(x, sent, w.plan.Request[w.offset(j):])
	w.sim.dueNow(x, c.due)
	w.sim.wrote(x, sent, n)
	if err != nil {
		w.sim.ended(x, sent, endOf(err), errnoOf(err))
		return w.broken(j, sent, err)
	}
	return w.wrote(j, sent, n)
}
