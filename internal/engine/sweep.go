package engine

import "time"

// A sweep is how a worker ends hold: it asks each conn that has not answered lately, at a bounded pace, and is over
// when every conn was heard from or lost.
type sweep struct {
	cutoff time.Duration // an answer to a request sent before this instant is too old
	start  time.Duration
	gap    time.Duration // between two requests of this worker
	cursor int           // conns before it are fresh, asked or lost
	asked  int64
	over   bool
}

// leastSweepRate is the pace, in requests per second over all workers, where the ramp is slower or has none of its own.
// It is the ramp's default: a server that took connections at that rate can take requests at it.
const leastSweepRate = 1000

// advance moves the machine to the phase that now belongs to. A driver calls it in every turn, after the deadlines up
// to now were handled, so that all requests due in hold were sent before the sweep begins. released says that it changed
// the wake instants of idle conns.
func (m *machine) advance(now time.Duration) (released bool) {
	if m.phase == PhaseRamp && time.Duration(m.phases.rampEnd.Load()) != never {
		m.phase = PhaseHold
		if released = m.plan.Cadence.Kind == BackToBack; released {
			m.release()
		}
	}
	if m.phase == PhaseHold && now >= m.phases.holdEnd() {
		m.startSweep(now)
	}
	if m.phase == PhaseSweep && !m.sweep.over && m.outstanding == 0 && m.sweepDue() == never {
		m.sweep.over = true
		m.phases.swept(now)
	}
	if m.phase == PhaseSweep && time.Duration(m.phases.sweepEnd.Load()) != never {
		m.freeze()
	}
	return released
}

func (m *machine) startSweep(now time.Duration) {
	m.phase = PhaseSweep
	rate := max(m.plan.Ramp.rate(), leastSweepRate) / float64(m.plan.Workers)
	m.sweep = sweep{
		cutoff: m.phases.holdEnd() - m.plan.IdleTimeout/2,
		start:  now,
		gap:    time.Duration(float64(time.Second) / rate),
	}
}

func (m *machine) fresh(c *conn) bool { return c.served > 0 && c.sent >= m.sweep.cutoff }

// sweepDue returns the instant of the next request of the sweep; never if all were asked, or it is not the sweep. A
// request that fell due in hold and was overtaken by its end goes out first: none is dropped.
func (m *machine) sweepDue() time.Duration {
	if m.phase != PhaseSweep {
		return never
	}
	s := &m.sweep
	for ; s.cursor < len(m.conns); s.cursor++ {
		switch c := &m.conns[s.cursor]; {
		case c.state != idle:
		case c.due < m.phases.holdEnd():
			return s.start
		case !m.fresh(c):
			return s.start + time.Duration(s.asked)*s.gap
		}
	}
	return never
}

// ask makes the sweep's next request due. sweepDue must have passed.
func (m *machine) ask(now time.Duration) (j uint32, w want) {
	j = uint32(m.sweep.cursor)
	c := &m.conns[j]
	m.sweep.cursor++
	if c.due >= m.phases.holdEnd() {
		c.due = m.sweep.start + time.Duration(m.sweep.asked)*m.sweep.gap
		m.sweep.asked++
	}
	return j, m.begin(c, now)
}

// heard lets conn j rest after an answer in the sweep, unless the request was sent too long ago and its turn has
// passed while it was waiting.
func (m *machine) heard(j uint32, now time.Duration) want {
	c := &m.conns[j]
	if m.phase == PhaseSweep && m.plan.Cadence.Grid {
		// A late answer may have kept back what the grid made due in hold.
		if due := m.nextDue(c, j); due < m.phases.holdEnd() {
			c.due = due
			return m.begin(c, now)
		}
	}
	c.due = never
	if m.phase == PhaseSweep && !m.fresh(c) && int(j) < m.sweep.cursor {
		c.due = now
		return m.begin(c, now)
	}
	return wantWait
}

// freeze ends the sweep: from here on a close is drain.
func (m *machine) freeze() {
	m.phase = PhaseDrain
	m.tally.conns.OpenAtEnd = m.tally.open
	for j := range m.conns {
		if c := &m.conns[j]; c.state == idle && m.fresh(c) {
			m.tally.conns.Held++
		}
	}
}

// drained reports whether nothing is outstanding any more: the driver may close what is open and end.
func (m *machine) drained() bool { return m.phase == PhaseDrain && m.outstanding == 0 }

// abandon ends the run wherever it is: every slot and every request gets its class.
func (m *machine) abandon(now time.Duration) {
	m.abandoned = true
	if m.phase < PhaseDrain {
		m.tally.conns.OpenAtEnd = m.tally.open
	}
	for j := range m.conns {
		switch c := &m.conns[j]; c.state {
		case planned:
			m.tally.conns.NotAttempted++
		case dialling:
			m.tally.conns.ConnectAbandoned++
			m.tally.conns.NeverEstablished++
			m.tally.loss(m.lossOf(c, uint32(j), now, Abandoned, nil))
		case writing, waiting:
			if c.state == writing && m.offset(uint32(j)) == 0 {
				m.unsent(c)
			} else {
				m.tally.requests.InFlightAtEnd++
			}
		}
	}
}
