package engine

import (
	"errors"
	"fmt"
	"time"

	"example.com/holdfast/internal/http1"
)

// The second half of a machine's methods: a response arrives, or the wake instant passes.

// received notes bytes that arrived: at arrived by the kernel's stamp if stamped, else by our clock. now is when we
// read them.
func (m *machine) received(j uint32, data []byte, arrived, now time.Duration, stamped bool) want {
	c := &m.conns[j]
	switch {
	case c.state == closed:
		return wantHangUp
	case !m.onWire(c): // due or not, there is nothing that they could answer
		return m.stray(j, data, now)
	}
	if stamped && arrived > c.sent+m.plan.ResponseTimeout {
		return m.timedOut(j, now)
	}
	p := &m.parser
	if m.begun(c) {
		s := m.sides.at(c.side)
		p = &s.parser
		s.seen += int64(len(data))
	} else {
		p.Reset(m.plan.Head)
	}
	n, done, err := p.Feed(data)
	switch {
	case err != nil:
		return m.malformed(j, data, now, p.Status(), err)
	case done:
		return m.answered(j, p, data[n:], arrived, now, stamped)
	case p == &m.parser: // the rest will come: keep what was understood
		s := m.sideOf(c)
		s.parser, m.parser = m.parser, s.parser
		s.begun, s.seen = true, int64(len(data))
	}
	return wantWait
}

// stray notes bytes that arrived while no byte of a request was on the wire. They are never taken for an answer.
func (m *machine) stray(j uint32, data []byte, now time.Duration) want {
	cause, status := m.causeOfStray(&m.conns[j], data)
	return m.lose(j, now, cause, evidence{
		bytes: int64(len(data)), status: status, err: fmt.Errorf("no request was outstanding, and this arrived: %s", http1.Quote(data)),
	})
}

// malformed notes that a response breaks HTTP/1.1.
func (m *machine) malformed(j uint32, data []byte, now time.Duration, status int, err error) want {
	cause, rule := causeOfSyntax(err)
	e := evidence{err: err, rule: rule, status: status, bytes: int64(len(data))}
	if c := &m.conns[j]; m.begun(c) {
		e.bytes = m.sides.at(c.side).seen
	}
	return m.lose(j, now, cause, e)
}

var errEarly = errors.New("the response ended before the request was sent whole")

// answered notes a complete response. rest is what was read beyond its end.
func (m *machine) answered(j uint32, p *http1.Parser, rest []byte, arrived, now time.Duration, stamped bool) want {
	c := &m.conns[j]
	early := c.state == writing
	m.outstanding--
	m.took(c, arrived, now, stamped)
	m.count(p, now)
	if c.served++; c.served == 1 {
		m.proved(j, arrived, now)
	}
	keep, status := p.KeepAlive(), p.Status()
	if c.flags &^= bodyless; p.Bodyless() {
		c.flags |= bodyless
	}
	m.giveSide(c)
	c.state, c.ready, c.wake = idle, arrived, never
	switch {
	case len(rest) > 0:
		return m.stray(j, rest, now)
	case !keep && status == statusRequestTimeout:
		return m.lose(j, now, RequestTimeout, evidence{status: status})
	case !keep:
		return m.lose(j, now, ClosedAnnounced, evidence{status: status})
	case early:
		return m.lose(j, now, ClosedAnnounced, evidence{status: status, err: errEarly})
	}
	if c.due = m.nextDue(c, j); m.hear(j) {
		c.due = min(c.due, now)
	}
	return m.await(c, now)
}

// took records how long an exchange took.
func (m *machine) took(c *conn, arrived, now time.Duration, stamped bool) {
	t := &m.tally
	latency, service := arrived-c.due, arrived-c.sent
	t.ClientWait.Record(now - arrived)
	t.Stamps.add(stamped)
	if service > SlowAnswer {
		t.Slow.Answers++
	}
	m.burst.took(service)
	if !c.has(ofHold) || m.plan.Bare {
		t.latencyOf(t.Rest, latency)
		t.Rest.ServiceTime.Record(service)
		return
	}
	t.latencyOf(t.Hold, latency)
	t.Hold.ServiceTime.Record(service)
	if !stamped {
		service -= Punctual(m.plan.Tick)
	}
	t.services.Record(service)
}

// proved notes the first answer on a conn.
func (m *machine) proved(j uint32, arrived, now time.Duration) {
	c := &m.conns[j]
	m.unproven--
	if !c.has(everAnswered) {
		c.flags |= everAnswered
		m.tally.Conns.Served++
	}
	m.resolve(c, now)
	m.recovered(j, arrived)
}

func (m *machine) count(p *http1.Parser, now time.Duration) {
	r, status := &m.tally.Requests, p.Status()
	r.Answered++
	r.Interim += int64(p.Interim())
	if class := status / 100; class < len(r.Status) {
		r.Status[class]++
	} else {
		r.Status[0]++
	}
	if status < m.plan.WantLowest || status > m.plan.WantMost {
		r.Unwanted++
		m.tally.faults.Failures[blameOfStatus(status)]++
		m.tally.unwant(status, now)
	}
}

// nextDue draws when the next request of an idle conn falls due.
func (m *machine) nextDue(c *conn, j uint32) time.Duration {
	if m.phase == PhaseRamp && m.plan.Cadence.Kind == BackToBack {
		return c.ready + m.plan.IdleTimeout/2 // just to keep it alive, until release
	}
	c.drawn++
	pause := m.plan.Cadence.pause(m.plan.Seed, m.slot(j), c.drawn)
	if pause == never {
		return never
	}
	if m.plan.Cadence.Grid {
		return m.grid(c.due + pause)
	}
	return m.grid(c.ready + pause)
}

// release begins the closed loop, when the ramp has ended. Before, the conns that are up would keep the server too busy to
// accept the others: nginx takes one conn per turn of a loop in which it answers up to 512 requests.
func (m *machine) release() {
	start := time.Duration(m.phases.rampEnd.Load())
	for j := range m.conns {
		if c := &m.conns[j]; c.state == idle {
			c.due, c.wake = start, start
		}
	}
}

// woken notes that conn j's wake instant has passed. Before a driver says so of a conn that is writing or waiting, it
// reads once more without blocking: our own stall must not become the server's timeout.
func (m *machine) woken(j uint32, now time.Duration) want {
	switch c := &m.conns[j]; c.state {
	case dialling:
		return m.failed(j, now, ConnectTimedOut, nil)
	case idle:
		return m.await(c, now)
	case writing, waiting:
		return m.timedOut(j, now)
	}
	return wantWait
}
