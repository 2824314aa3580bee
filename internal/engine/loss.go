package engine

import (
	"errors"
	"time"

	"example.com/holdfast/internal/http1"
)

// The ways in which a machine's conns end before the run does.

// timedOut notes that no complete response arrived in time. The latency of such a request is known to be longer than
// its deadline, and is recorded as that, censored.
func (m *machine) timedOut(j uint32, now time.Duration) want {
	c := &m.conns[j]
	if c.state == waiting || m.offset(j) > 0 {
		m.tally.latencyOf(c.sent + m.plan.ResponseTimeout - c.due)
		m.tally.latency.Censored++
	}
	return m.lose(j, now, ResponseTimedOut, nil)
}

// eof notes that the peer closed the conn in order.
func (m *machine) eof(j uint32, now time.Duration) want {
	c := &m.conns[j]
	switch c.state {
	case idle:
		return m.lose(j, now, closedBy(c, ClosedIdle), nil)
	case writing:
		if m.offset(j) == 0 { // our request is not on the wire: the server closed an idle conn
			return m.lose(j, now, closedBy(c, ClosedIdle), nil)
		}
	case closed:
		return wantHangUp
	}
	if s := c.side; s != 0 && m.sides.at(s).begun {
		p := &m.sides.at(s).parser
		if done, err := p.EOF(); !done {
			return m.lose(j, now, ClosedInResponse, err)
		}
		m.tally.stamps.add(false)
		return m.answered(j, p, nil, now, now)
	}
	return m.lose(j, now, closedBy(c, ClosedWaiting), nil)
}

func closedBy(c *conn, otherwise Cause) Cause {
	if c.served == 0 {
		return ClosedBeforeFirst
	}
	return otherwise
}

// broken notes that a read or write failed.
func (m *machine) broken(j uint32, now time.Duration, err error) want {
	c := &m.conns[j]
	if c.state == closed {
		return wantHangUp
	}
	return m.lose(j, now, causeOfBreak(c.state, err), err)
}

// lose ends an established conn: what becomes of its request, and why it was lost. After the sweep a close is drain,
// not a drop.
func (m *machine) lose(j uint32, now time.Duration, cause Cause, err error) want {
	c := &m.conns[j]
	if c.state == writing || c.state == waiting {
		m.outstanding--
		if c.served == 0 {
			m.unproven--
		}
		m.account(j, c, cause)
	}
	if m.phase < PhaseDrain {
		m.tally.conns.Dropped++
		m.tally.loss(m.lossOf(c, j, now, cause, err))
	}
	m.tally.open--
	m.settle(c)
	m.close(c)
	if c.served == 0 {
		m.phases.resolve(now)
	}
	return wantHangUp
}

// account puts the outstanding request of a conn that is lost into its class.
func (m *machine) account(j uint32, c *conn, cause Cause) {
	r := &m.tally.requests
	switch {
	case c.state == writing && m.offset(j) == 0:
		m.unsent(c)
	case cause == ResponseTimedOut:
		r.TimedOut++
	case cause == Malformed || cause == HeadTooLarge:
		r.Malformed++
	default:
		r.LostWithConn++
	}
}

// unsent puts the due request of c into its class. Whether it was due in hold is decided when it is sent or known never
// to be, and once: the end of the ramp, which another worker may note late, can come to be known in between.
func (m *machine) unsent(c *conn) {
	m.tally.requests.Unsent++
	if m.inHold(c.due) {
		m.tally.requests.HoldDue++
	}
}

func (m *machine) close(c *conn) {
	m.giveSide(c)
	c.state, c.wake = closed, never
}

func (m *machine) lossOf(c *conn, j uint32, now time.Duration, cause Cause, err error) Loss {
	l := Loss{Slot: m.slot(j), Phase: m.phase, Cause: cause, At: now, Served: int64(c.served)}
	if c.state != dialling {
		l.Idle = now - c.ready
	}
	if err != nil {
		l.Errno, l.Detail = errnoOf(err), err.Error()
	}
	return l
}

func (m *machine) malformed(j uint32, now time.Duration, err error) want {
	cause := Malformed
	if syntax := (*http1.SyntaxError)(nil); errors.As(err, &syntax) && syntax.Rule == http1.HeadTooLarge {
		cause = HeadTooLarge
	}
	return m.lose(j, now, cause, err)
}
