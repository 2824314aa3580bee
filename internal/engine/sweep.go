package engine

import "time"

// A sweep is how a worker ends hold: it asks each conn that has not answered lately, at a bounded pace, and is over
// when every conn was heard from or lost. The cadence goes on meanwhile, so that no conn idles because of others.
type sweep struct {
	cutoff  time.Duration // an answer to a request sent before this instant is too old
	start   time.Duration
	gap     time.Duration // between two requests of this worker
	cursor  int           // conns before it were asked, or need not be
	asked   int64
	awaited int // conns to be heard from; in drain, those that still send
	over    bool
}

// leastSweepRate is the pace, in requests per second over all workers, where the ramp is slower or has none of its own.
// It is the ramp's default: a server that took connections at that rate can take requests at it.
const leastSweepRate = 1000

// A change is what advance did behind the driver's back.
type change struct {
	released bool // the wake instants of idle conns are others
	frozen   bool // attempts in flight were abandoned
}

// advance moves the machine to the phase that now belongs to. A driver calls it in every turn, after the deadlines up
// to now were handled.
func (m *machine) advance(now time.Duration) (c change) {
	if m.phase == PhaseRamp && now >= time.Duration(m.phases.rampEnd.Load()) {
		m.phase = PhaseHold
		if c.released = m.plan.Cadence.Kind == BackToBack; c.released {
			m.release()
		}
	}
	if m.phase == PhaseHold {
		m.burst.advance(m, now)
	}
	if m.phase == PhaseHold && now >= m.phases.holdEnd() {
		m.startSweep(now)
	}
	if m.phase == PhaseSweep && !m.sweep.over && m.sweep.awaited == 0 {
		m.sweep.over = true
		m.phases.swept(now)
	}
	if m.phase == PhaseSweep && time.Duration(m.phases.sweepEnd.Load()) != never {
		m.freeze(now)
		c.frozen = true
	}
	return c
}

// startSweep finds the conns that are to be heard from. Recent is what was sent in the last half of IdleTimeout of hold:
// what was sent in the ramp is not, however short hold was.
func (m *machine) startSweep(now time.Duration) {
	m.phase = PhaseSweep
	rampEnd, holdEnd := time.Duration(m.phases.rampEnd.Load()), m.phases.holdEnd()
	m.sweep = sweep{start: now, cutoff: max(rampEnd, holdEnd-m.plan.IdleTimeout/2)}
	for j := range m.conns {
		c := &m.conns[j]
		if c.open() && !(c.state == idle && m.fresh(c)) {
			m.expect(c)
		}
	}
	// It ends while even the first conn asked is still far from the server's timeout.
	rate := max(m.plan.Ramp.rate(), leastSweepRate) / float64(m.plan.workers())
	m.sweep.gap = min(time.Duration(float64(time.Second)/rate), m.plan.IdleTimeout/4/time.Duration(max(1, m.sweep.awaited)))
}

func (m *machine) fresh(c *conn) bool { return c.served > 0 && c.sent >= m.sweep.cutoff }

// askDue returns the instant of the next request that no cadence makes due: of the sweep, or of a burst; never if there is
// none.
func (m *machine) askDue() time.Duration {
	switch m.phase {
	case PhaseHold:
		return m.burst.due(m)
	case PhaseSweep:
		return m.sweepDue()
	}
	return never
}

// sweepDue returns the instant of the sweep's next request; never if all were asked.
func (m *machine) sweepDue() time.Duration {
	s := &m.sweep
	for ; s.cursor < len(m.conns); s.cursor++ {
		if c := &m.conns[s.cursor]; c.state == idle && c.has(awaited) {
			return s.start + time.Duration(s.asked)*s.gap
		}
	}
	return never
}

// ask makes that request due, in place of the one that the conn's cadence planned for later. askDue must have passed.
func (m *machine) ask(now time.Duration) (j uint32, w want) {
	due := m.askDue()
	if m.phase == PhaseHold {
		j = m.burst.next()
		m.conns[j].due = now
		return j, m.begin(&m.conns[j], now)
	}
	j = uint32(m.sweep.cursor)
	m.sweep.cursor++
	m.sweep.asked++
	c := &m.conns[j]
	c.due = min(c.due, due)
	return j, m.begin(c, now)
}

// hear notes an answer. It reports whether the conn must be asked again at once, because the request was sent too long
// ago and the sweep has passed the conn while it was waiting.
func (m *machine) hear(j uint32) (again bool) {
	c := &m.conns[j]
	if c.has(awaited) && m.fresh(c) {
		m.settle(c)
	}
	return c.has(awaited) && int(j) < m.sweep.cursor
}

// expect adds c to those that the sweep, or drain, waits for.
func (m *machine) expect(c *conn) {
	c.flags |= awaited
	m.sweep.awaited++
}

// settle takes c from them.
func (m *machine) settle(c *conn) {
	if c.has(awaited) {
		c.flags &^= awaited
		m.sweep.awaited--
	}
}

// freeze ends the sweep: from here on no request falls due, and a close is drain. One that has fallen due by now still
// goes out, and drain waits for it.
func (m *machine) freeze(now time.Duration) {
	m.phase = PhaseDrain
	m.tally.Conns.OpenAtEnd = m.tally.open
	for j := range m.conns {
		c := &m.conns[j]
		if !c.open() {
			continue
		}
		if !c.has(reopened) {
			m.tally.Conns.Held++ // it was heard from: else the sweep would not be over
		}
		if !m.onWire(c) {
			m.tally.Hazard.survived(now - c.ready)
		}
		m.forgo(uint32(j), now)
		if c.state == idle && c.due <= now {
			m.expect(c)
		}
	}
	m.endReopening(now)
}

// forgo counts what has fallen due on a conn behind its current request and will not be begun: a due request is never
// just dropped. Only a grid has such, if the server, or we, could not keep up.
func (m *machine) forgo(j uint32, now time.Duration) {
	if !m.plan.Cadence.Grid {
		return
	}
	c := &m.conns[j]
	current := c.due
	for c.due = m.nextDue(c, j); c.due <= now; c.due = m.nextDue(c, j) {
		m.tally.Requests.Due++
		m.unsent(c)
	}
	c.due = current
}

// drained reports whether nothing is outstanding any more: the driver may close what is open and end.
func (m *machine) drained() bool {
	return m.phase == PhaseDrain && m.outstanding+m.sweep.awaited == 0
}

// abandon ends the run wherever it is: every slot and every request gets its class.
func (m *machine) abandon(now time.Duration) {
	m.abandoned = true
	if m.phase < PhaseDrain {
		m.tally.Conns.OpenAtEnd = m.tally.open
	}
	for j := range m.conns {
		c := &m.conns[j]
		if c.open() && m.phase < PhaseDrain {
			if !m.onWire(c) {
				m.tally.Hazard.survived(now - c.ready)
			}
			m.forgo(uint32(j), now)
		}
		if c.state == idle && c.due <= now {
			m.tally.Requests.Due++
			m.unsent(c)
		}
		switch c.state {
		case planned:
			m.tally.Conns.NotAttempted++
		case dialling:
			m.tally.Conns.ConnectAbandoned++
			if !c.has(reopened) {
				m.tally.Conns.NeverEstablished++
			}
			m.tally.loss(m.lossOf(c, uint32(j), now, Abandoned, evidence{}))
		case writing, waiting:
			if c.state == writing && m.offset(uint32(j)) == 0 {
				m.unsent(c)
			} else {
				m.tally.Requests.InFlightAtEnd++
			}
		}
	}
}
