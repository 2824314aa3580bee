package engine

import (
	"errors"
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
	case c.state == idle, c.state == writing && m.offset(j) == 0: // due or not: no byte of a request is on the wire
		return m.lose(j, now, UnexpectedBytes, errIdleBytes)
	}
	if stamped && arrived > c.sent+m.plan.ResponseTimeout {
		return m.timedOut(j, now)
	}
	p := &m.parser
	if s := c.side; s != 0 && m.sides.at(s).begun {
		p = &m.sides.at(s).parser
	} else {
		p.Reset(m.plan.Head)
	}
	n, done, err := p.Feed(data)
	switch {
	case err != nil:
		return m.malformed(j, now, err)
	case done:
		m.tally.stamps.add(stamped)
		return m.answered(j, p, data[n:], arrived, now)
	case p == &m.parser: // the rest will come: keep what was understood
		s := m.sideOf(c)
		s.parser, m.parser = m.parser, s.parser
		s.begun = true
	}
	return wantWait
}

var (
	errIdleBytes = errors.New("bytes arrived before any byte of a request was sent")
	errAfterward = errors.New("bytes follow the end of the response")
	errEarly     = errors.New("the response ended before the request was sent whole")
)

// answered notes a complete response. rest is what was read beyond its end.
func (m *machine) answered(j uint32, p *http1.Parser, rest []byte, arrived, now time.Duration) want {
	c := &m.conns[j]
	early := c.state == writing
	m.outstanding--
	m.tally.latencyOf(arrived - c.due)
	m.tally.service.Record(arrived - c.sent)
	m.tally.wait.Record(now - arrived)
	m.count(p)
	if c.served++; c.served == 1 {
		m.unproven--
		m.tally.conns.Served++
		m.phases.resolve(now)
	}
	keep := p.KeepAlive()
	m.giveSide(c)
	c.state, c.ready, c.wake = idle, arrived, never
	switch {
	case len(rest) > 0:
		return m.lose(j, now, UnexpectedBytes, errAfterward)
	case !keep:
		return m.lose(j, now, ClosedAnnounced, nil)
	case early:
		return m.lose(j, now, ClosedAnnounced, errEarly)
	}
	if c.due = m.nextDue(c, j); m.hear(j) {
		c.due = min(c.due, now)
	}
	return m.await(c, now)
}

func (m *machine) count(p *http1.Parser) {
	r, status := &m.tally.requests, p.Status()
	r.Answered++
	r.Interim += int64(p.Interim())
	if class := status / 100; class < len(r.Status) {
		r.Status[class]++
	} else {
		r.Status[0]++
	}
	if status < m.plan.WantLowest || status > m.plan.WantMost {
		r.Unwanted++
		if r.FirstUnwanted == 0 {
			r.FirstUnwanted = status
		}
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
