package engine

import (
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

	served uint32 // requests answered on this conn, since it was opened last
	drawn  uint32 // pauses drawn for this slot
	side   uint32 // in the side table; 0: none
	fd     int32  // the epoll driver's socket
	links  links  // the epoll driver's wheel

	state state
	addr  uint8 // index of the address that the attempt went to
	flags flags
}

// flags are what is true of a conn or its slot.
type flags uint8

const (
	awaited      flags = 1 << iota // the sweep has yet to hear from it; in drain, it has a request to send yet
	bodyless                       // its last response would have had no body in answer to GET either
	tried                          // the slot's first attempt was begun
	resolved                       // the slot's first attempt was served or failed
	reopened                       // a later attempt was begun
	everUp                         // the slot was established at some time
	everAnswered                   // the slot was served at some time
	ofHold                         // its request on the wire, or answered last, was due in hold
)

func (c *conn) has(f flags) bool { return c.flags&f != 0 }

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
	worker int    // of all workers
	conns  []conn // conn j is slot j·workers + worker
	sides  sides
	parser http1.Parser // of a response that arrives in one piece
	tally
	reopening

	phase       Phase
	outstanding int // requests due and not finished
	unproven    int // of them, the first on their conns
	sweep       sweep
	burst       burst
	abandoned   bool // before it was drained
}

func newMachine(p *Plan, ph *phases, worker int) *machine {
	m := &machine{plan: p, phases: ph, worker: worker, tally: newTally(p)}
	m.Part.Worker = worker
	m.conns = make([]conn, p.slots(worker))
	m.reopening = newReopening(p, len(m.conns))
	for j := range m.conns {
		m.conns[j] = conn{wake: never, fd: -1}
	}
	m.tally.Conns.Requested = int64(len(m.conns))
	return m
}

func (m *machine) slot(j uint32) int { return int(j)*m.plan.workers() + m.worker }

// dial notes that an attempt to open conn j begins.
func (m *machine) dial(j uint32, now time.Duration) {
	c := &m.conns[j]
	c.state, c.sent, c.wake = dialling, now, now+m.plan.ConnectTimeout
	c.ready, c.served = now, 0
	m.tally.Conns.Attempts++
	if c.has(tried) {
		c.flags |= reopened
		m.tally.Conns.Reattempts++
	} else {
		m.tally.Opened = max(m.tally.Opened, now)
	}
	c.flags |= tried
}

// failed notes that the attempt came to nothing.
func (m *machine) failed(j uint32, now time.Duration, cause Cause, err error) want {
	c := &m.conns[j]
	m.tally.Conns.ConnectFailed++
	if !c.has(reopened) {
		m.tally.Conns.NeverEstablished++
	}
	m.tally.faults.lost(c, cause)
	m.tally.loss(m.lossOf(c, j, now, cause, evidence{err: err}))
	m.close(c)
	m.resolve(c, now)
	m.reopenLater(j, now)
	return wantHangUp
}

// resolve notes that the slot's first attempt was served or has failed.
func (m *machine) resolve(c *conn, now time.Duration) {
	if !c.has(resolved) {
		c.flags |= resolved
		m.phases.resolve(now)
	}
}

// established notes that the conn is up, TLS included.
func (m *machine) established(j uint32, now time.Duration) want {
	c := &m.conns[j]
	m.tally.connectOf(now - c.sent)
	m.tally.Conns.Connected++
	m.tally.open++
	if !c.has(everUp) {
		c.flags |= everUp
		m.tally.Conns.EverEstablished++
		if c.has(reopened) {
			m.tally.Conns.NeverEstablished--
		}
	}
	c.state, c.ready = idle, now
	if c.has(reopened) {
		m.tally.Conns.Reopened++
		c.due = now // whoever opens a conn again has something to ask
	} else {
		c.due = m.grid(now + m.plan.Cadence.first(m.plan.Seed, m.slot(j)))
	}
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
	if m.phase == PhaseDrain && !c.has(awaited) {
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
	m.tally.Requests.Due++
	return wantWrite
}

func (m *machine) inHold(due time.Duration) bool {
	return due >= time.Duration(m.phases.rampEnd.Load()) && due < m.phases.holdEnd()
}

// offset returns how much of conn j's request the kernel has taken, while it has not taken all.
func (m *machine) offset(j uint32) int {
	if s := m.conns[j].side; s != 0 {
		return m.sides.at(s).offset
	}
	return 0
}

// onWire reports whether the kernel took any of a request that is not answered.
func (m *machine) onWire(c *conn) bool {
	return c.state == waiting || c.state == writing && c.side != 0 && m.sides.at(c.side).offset > 0
}

// begun reports whether a response has arrived in part.
func (m *machine) begun(c *conn) bool { return c.side != 0 && m.sides.at(c.side).begun }

// wrote notes that the kernel took n more bytes of the request, in a write begun at sent.
func (m *machine) wrote(j uint32, sent time.Duration, n int) want {
	c := &m.conns[j]
	before := m.offset(j)
	if n > 0 && before == 0 {
		m.left(c, sent)
	}
	switch after := before + n; {
	case after == len(m.plan.Request):
		if !m.begun(c) {
			m.giveSide(c)
		}
		c.state = waiting
	case after > 0:
		m.sideOf(c).offset = after
	}
	return wantWait
}

// left notes that the first byte of a request left.
func (m *machine) left(c *conn, sent time.Duration) {
	t := &m.tally
	t.Requests.Sent++
	if c.flags &^= ofHold; m.inHold(c.due) {
		c.flags |= ofHold
		t.Requests.HoldDue++
		t.Requests.HoldSent++
	}
	planned := c.due
	if behind := c.ready - c.due; behind > 0 {
		t.Behind += behind
		planned = m.grid(c.ready) // a driver may look but once a tick
	}
	t.lagOf(sent - max(c.due, c.ready))
	t.lateFor(planned, sent)
	if m.phase < PhaseDrain {
		t.Hazard.survived(sent - c.ready)
	}
	c.sent, c.wake = sent, sent+m.plan.ResponseTimeout
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
