package engine

import (
	"errors"
	"time"

	"example.com/holdfast/internal/http1"
)

// A conn is the record of one slot: no pointers, at most 64 bytes, so that ten thousand cost the collector nothing and
// fit in a cache. What is rare lives in the side table.
type conn struct {
	wake  time.Duration // when the machine wants to be asked again
	due   time.Duration // of the outstanding or the next request
	sent  time.Duration // of the last request; while dialling, the start of the attempt
	ready time.Duration // arrival of the last response, or established

	served uint32 // requests answered on this conn
	drawn  uint32 // pauses drawn for this slot
	side   uint32 // in the side table; 0: none
	fd     int32  // the epoll driver's socket
	links  links  // the epoll driver's wheel

	state   state
	addr    uint8 // index of the address that the attempt went to
	awaited bool  // the sweep has yet to hear from it; in drain, it has a request to send yet
}

// open reports whether the conn is established and not lost.
func (c *conn) open() bool { return c.state == idle || c.state == writing || c.state == waiting }

// A state is where a conn is in its life.
type state uint8

const (
	planned state = iota
	dialling
	idle    // until due
	writing // the kernel has not taken the whole request
	waiting // for the response, or the rest of it
	closed  // lost, failed or drained
)

// A want is what the machine asks of its driver after it was told something.
type want uint8

const (
	wantWait   want = iota // tell me when bytes arrive, the peer closes, or conn.wake passes
	wantWrite              // write the request, from offset on, then call wrote
	wantHangUp             // close the transport; the conn is finished
)

// A machine is the life of a worker's conns. It does no I/O and reads no clock: a driver carries out what it wants and
// tells it what happened and when, all instants counted from the start of the run. The order of its methods is the
// order of a connection's life.
type machine struct {
	plan   *Plan
	phases *phases
	worker int
	conns  []conn // conn j is slot j·Workers + worker
	sides  sides
	parser http1.Parser // of a response that arrives in one piece
	tally

	phase       Phase
	outstanding int // requests due and not finished
	unproven    int // of them, the first on their conns
	sweep       sweep
	abandoned   bool // before it was drained
}

func newMachine(p *Plan, ph *phases, worker int) *machine {
	m := &machine{plan: p, phases: ph, worker: worker, tally: newTally(longest(p))}
	m.conns = make([]conn, (p.Slots-worker+p.Workers-1)/p.Workers)
	for j := range m.conns {
		m.conns[j] = conn{wake: never, fd: -1}
	}
	m.tally.conns.Requested = int64(len(m.conns))
	return m
}

// longest bounds the histograms: the longest timeout twice over, and at least a minute for our own stalls.
func longest(p *Plan) time.Duration {
	return max(time.Minute, 2*p.ResponseTimeout, 2*p.ConnectTimeout)
}

func (m *machine) slot(j uint32) int { return int(j)*m.plan.Workers + m.worker }

// dial notes that an attempt to open conn j begins.
func (m *machine) dial(j uint32, now time.Duration) {
	c := &m.conns[j]
	c.state, c.sent, c.wake = dialling, now, now+m.plan.ConnectTimeout
	m.tally.conns.Attempts++
}

// failed notes that the attempt came to nothing.
func (m *machine) failed(j uint32, now time.Duration, cause Cause, err error) want {
	c := &m.conns[j]
	m.tally.conns.ConnectFailed++
	m.tally.conns.NeverEstablished++
	m.tally.loss(m.lossOf(c, j, now, cause, err))
	m.close(c)
	m.phases.resolve(now)
	return wantHangUp
}

// established notes that the conn is up, TLS included.
func (m *machine) established(j uint32, now time.Duration) want {
	c := &m.conns[j]
	m.tally.connect.Record(now - c.sent)
	m.tally.conns.Connected++
	m.tally.conns.EverEstablished++
	m.tally.open++
	c.state, c.ready = idle, now
	c.due = m.grid(now + m.plan.Cadence.first(m.plan.Seed, m.slot(j)))
	return m.await(c, now)
}

// grid moves an instant up to the tick, so that the wait for the tick is part of the pause and not of the lag.
func (m *machine) grid(t time.Duration) time.Duration {
	if tick := m.plan.Tick; tick > 0 && t < never-tick && m.plan.Cadence.Kind != BackToBack {
		return (t + tick - 1) / tick * tick
	}
	return t
}

// await lets an idle conn wait until its request is due, or asks for it now. No request falls due once the sweep has
// ended.
func (m *machine) await(c *conn, now time.Duration) want {
	if m.phase == PhaseDrain && !c.awaited {
		c.due = never
	}
	if c.due > now {
		c.wake = c.due
		return wantWait
	}
	return m.begin(c, now)
}

// begin makes the request of an idle conn due.
func (m *machine) begin(c *conn, now time.Duration) want {
	if m.phase == PhaseDrain {
		m.settle(c)
	}
	c.state, c.wake = writing, now+m.plan.ResponseTimeout
	m.outstanding++
	if c.served == 0 {
		m.unproven++
	}
	m.tally.requests.Due++
	return wantWrite
}

func (m *machine) inHold(due time.Duration) bool {
	return due >= time.Duration(m.phases.rampEnd.Load()) && due < m.phases.holdEnd()
}

// offset returns how much of conn j's request the kernel has taken.
func (m *machine) offset(j uint32) int {
	if s := m.conns[j].side; s != 0 {
		return m.sides.at(s).offset
	}
	return 0
}

// wrote notes that the kernel took n more bytes of the request, in a write begun at sent.
func (m *machine) wrote(j uint32, sent time.Duration, n int) want {
	c := &m.conns[j]
	before := m.offset(j)
	if n > 0 && before == 0 {
		m.tally.requests.Sent++
		if m.inHold(c.due) {
			m.tally.requests.HoldDue++
			m.tally.requests.HoldSent++
		}
		m.tally.lagOf(sent - max(c.due, c.ready))
		c.sent, c.wake = sent, sent+m.plan.ResponseTimeout
	}
	switch after := before + n; {
	case after == len(m.plan.Request):
		if c.side != 0 && !m.sides.at(c.side).begun {
			m.giveSide(c)
		}
		c.state = waiting
	case after > 0:
		m.sideOf(c).offset = after
	}
	return wantWait
}

func (m *machine) sideOf(c *conn) *side {
	if c.side == 0 {
		c.side = m.sides.take()
	}
	return m.sides.at(c.side)
}

// giveSide gives the conn's side back.
func (m *machine) giveSide(c *conn) {
	if c.side != 0 {
		m.sides.give(c.side)
		c.side = 0
	}
}

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

func (m *machine) malformed(j uint32, now time.Duration, err error) want {
	cause := Malformed
	if syntax := (*http1.SyntaxError)(nil); errors.As(err, &syntax) && syntax.Rule == http1.HeadTooLarge {
		cause = HeadTooLarge
	}
	return m.lose(j, now, cause, err)
}

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
		c.due = now
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
