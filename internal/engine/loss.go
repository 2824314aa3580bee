package engine

import "time"

// The ways in which a machine's conns end before the run does.

// timedOut notes that no complete response arrived in time. The latency of such a request is known to be longer than
// its deadline, and is recorded as that, censored.
func (m *machine) timedOut(j uint32, now time.Duration) want {
	c := &m.conns[j]
	if m.onWire(c) {
		m.tally.latencyOf(m.tally.Rest, c.sent+m.plan.ResponseTimeout-c.due)
		m.tally.Rest.Latency.Censored++
	}
	return m.lose(j, now, m.causeOfLate(c), evidence{})
}

// eof notes that the peer's stream ended in order, and what the driver could find out about its end.
func (m *machine) eof(j uint32, now time.Duration, end ending) want {
	c := &m.conns[j]
	if c.state == closed {
		return wantHangUp
	}
	if m.begun(c) {
		p := &m.sides.at(c.side).parser
		done, err := p.EOF()
		if done {
			return m.answered(j, p, nil, now, now, false)
		}
		return m.lose(j, now, m.causeOfEnd(c, end), evidence{err: err, status: p.Status()})
	}
	return m.lose(j, now, m.causeOfEnd(c, end), evidence{})
}

// broken notes that a read or write failed.
func (m *machine) broken(j uint32, now time.Duration, err error) want {
	c := &m.conns[j]
	if c.state == closed {
		return wantHangUp
	}
	return m.lose(j, now, m.causeOfBreak(c, now, err), evidence{err: err})
}

// Evidence is what is known of a loss besides the state of its conn.
type evidence struct {
	err    error
	rule   string // of HTTP/1.1 that was broken
	status int    // of the response that is the cause, or was cut short
	bytes  int64  // of the response, or stray ones; 0: those of a response that has begun
}

// lose ends an established conn: what becomes of its request, and why it was lost. After the sweep a close is drain,
// not a drop.
func (m *machine) lose(j uint32, now time.Duration, cause Cause, e evidence) want {
	c := &m.conns[j]
	loss := m.lossOf(c, j, now, cause, e)
	if m.phase < PhaseDrain {
		if !m.onWire(c) { // else left has noted it: a request that should have been sent by now might have saved the conn
			m.tally.lateFor(max(c.due, c.ready), now)
		}
		m.tally.Conns.Dropped++
		m.tally.faults.lost(c, cause)
		m.tally.loss(loss)
		m.endOfIdle(c, now, cause)
	}
	if c.state == writing || c.state == waiting {
		m.outstanding--
		if c.served == 0 {
			m.unproven--
		}
		m.account(c, cause)
	}
	m.tally.open--
	m.settle(c)
	m.close(c)
	if c.served == 0 {
		m.resolve(c, now)
	}
	m.reopenLater(j, now)
	return wantHangUp
}

// endOfIdle notes how an idle conn's time at risk ended. That of a conn with a request on the wire was noted when the
// request was sent.
func (m *machine) endOfIdle(c *conn, now time.Duration, cause Cause) {
	onWire := m.onWire(c)
	age := now - c.ready
	if onWire {
		age = c.sent - c.ready
	} else {
		m.tally.Hazard.survived(age)
	}
	if cause.endsIdle(onWire) {
		m.tally.Hazard.closed(age)
	}
}

// account puts the outstanding request of a conn that is lost into its class.
func (m *machine) account(c *conn, cause Cause) {
	r := &m.tally.Requests
	if !m.onWire(c) {
		m.unsent(c)
		return
	}
	m.tally.faults.failed(c, cause)
	switch cause.class() {
	case timedOut:
		r.TimedOut++
	case malformed:
		r.Malformed++
	default:
		r.LostWithConn++
	}
}

// unsent puts the due request of c into its class. Whether it was due in hold is decided when it is sent or known never
// to be, and once: the end of the ramp, which another worker may note late, can come to be known in between.
func (m *machine) unsent(c *conn) {
	m.tally.Requests.Unsent++
	if m.inHold(c.due) {
		m.tally.Requests.HoldDue++
	}
}

func (m *machine) close(c *conn) {
	m.giveSide(c)
	c.state, c.wake = closed, never
}

func (m *machine) lossOf(c *conn, j uint32, now time.Duration, cause Cause, e evidence) Loss {
	l := Loss{Slot: m.slot(j), Phase: m.phase, Cause: cause, At: now, Served: int64(c.served), Rule: e.rule,
		Status: e.status, Bytes: e.bytes}
	if c.state != dialling {
		l.Idle = max(0, now-c.ready)
		if c.due != never {
			l.Pause = max(0, c.due-c.ready)
		}
	}
	if m.onWire(c) {
		l.Idle, l.Waited = max(0, c.sent-c.ready), now-c.sent
	}
	if l.Bytes == 0 && m.begun(c) {
		l.Bytes = m.sides.at(c.side).seen
	}
	if e.err != nil {
		l.Errno, l.Detail = errnoOf(e.err), e.err.Error()
	}
	return l
}
