package engine

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

const (
	smallRead = 256      // a conn that waits holds no more; the head of most responses to HEAD fits
	largeRead = 64 << 10 // for what follows a full small one

	// lastRead is how long the read after a passed deadline waits: a Read whose deadline is not in the future returns
	// no bytes even if there are some, and a busy machine may let it pass before Read begins.
	lastRead = 10 * time.Millisecond

	mostLastReads = 64 // a response that drips in is late all the same
)

var largeBuffers = sync.Pool{New: func() any { return new([largeRead]byte) }}

// An event is what happened to a conn. Its goroutine sends it to the one that runs the machine, and waits for the next
// step: the machine needs a deeper stack than the 2 KB that reading, writing and setting deadlines fit in, and what ten
// thousand stacks have grown to they keep.
//
// Note: with the machine run by the conns' own goroutines their stacks came to 3.4 KB each, at 2 000 conns (2026-11).
type event struct {
	conn    uint32
	attempt uint32 // the one that opened nc
	nc      net.Conn
	next    chan step // of the conn, for the answer
	kind    eventKind
	small   []byte        // the conn's own buffer
	bytes   []byte        // read
	n       int           // bytes written
	err     error         // of the read or write
	at      time.Duration // when it was begun (write) or returned (read)
	lasts   int           // reads after the deadline of the request
}

type eventKind uint8

const (
	begun eventKind = iota // the goroutine has just started
	read
	readLast // after the deadline
	wrote
)

// A step is what a conn's goroutine does next.
type step uint8

const (
	stepRead     step = iota // until bytes arrive or the deadline, which is set
	stepReadMore             // the same, in the middle of a long response
	stepReadLast
	stepWrite
	stepHangUp
)

// serve is the life of an established conn. It runs until the machine wants to hang up, or the run is over. Its frame is
// small and calls Read directly: even when that allocates its error, all has to fit in 2 KB.
func (r *blockingRun) serve(e *event) {
	for {
		switch next := r.consult(e); next {
		case stepHangUp:
			r.hangUp(e)
			return
		case stepWrite:
			r.write(e)
		case stepReadMore:
			r.readMore(e)
		case stepReadLast:
			r.setLast(e)
			fallthrough
		default:
			n, err := e.nc.Read(e.small)
			r.read(e, n, err, next)
		}
	}
}

// setLast sets the deadline of the last read. Nobody else sets that of a conn which waits for a response.
//
//go:noinline
func (r *blockingRun) setLast(e *event) {
	_ = e.nc.SetReadDeadline(r.instant(r.clock.now() + lastRead))
}

//go:noinline
func (r *blockingRun) hangUp(e *event) {
	abort(e.nc)
	r.wg.Done()
}

// consult tells the machine what happened and returns what to do next.
//
//go:noinline
func (r *blockingRun) consult(e *event) step {
	if e.err == io.EOF {
		r.awaitFin(e.nc)
	}
	if r.plan.OneStack {
		return r.step(e)
	}
	select {
	case r.events <- e:
		return <-e.next
	case <-r.done:
		return stepHangUp
	}
}

// finWait bounds the wait for a FIN behind a close_notify: a server that closes sends both, one right after the other.
const finWait = 100 * time.Millisecond

// awaitFin waits until a conn that has ended in TLS has ended below it too: only then can be told whether the server has
// closed or shut down its half.
func (r *blockingRun) awaitFin(nc net.Conn) {
	if t, ok := nc.(interface{ NetConn() net.Conn }); ok {
		raw := t.NetConn()
		_ = raw.SetReadDeadline(r.instant(r.clock.now() + finWait))
		_, _ = raw.Read(make([]byte, 1))
	}
}

// read notes what a Read into the small buffer returned. It stands apart to keep the frame of serve small.
//
//go:noinline
func (r *blockingRun) read(e *event, n int, err error, next step) {
	e.kind, e.bytes, e.err, e.at = read, e.small[:n], err, r.clock.now()
	if next == stepReadLast {
		e.kind = readLast
	}
}

// readMore reads with a large buffer what follows a full one. The last of it has to move to the small buffer, which
// stays.
func (r *blockingRun) readMore(e *event) {
	large := largeBuffers.Get().(*[largeRead]byte)
	defer largeBuffers.Put(large)
	for {
		n, err := e.nc.Read(large[:])
		e.kind, e.bytes, e.err, e.at = read, large[:n], err, r.clock.now()
		if n <= len(e.small) {
			break
		}
		if next := r.consult(e); next != stepReadMore || err != nil {
			e.kind, e.bytes, e.err = begun, nil, nil // told already: ask only what is next
			return
		}
	}
	e.bytes = e.small[:copy(e.small, e.bytes)]
}

// write writes the whole request. A deadline that cannot be set shows in the Write.
//
//go:noinline
func (r *blockingRun) write(e *event) {
	_ = e.nc.SetWriteDeadline(r.instant(r.clock.now() + r.plan.ResponseTimeout))
	e.kind, e.bytes, e.at = wrote, nil, r.clock.now()
	e.n, e.err = e.nc.Write(r.plan.Request)
	e.lasts = 0
}

func (r *blockingRun) instant(t time.Duration) time.Time {
	if t == never {
		return time.Time{}
	}
	return r.clock.start.Add(t)
}

// steps runs the machine for the conns' goroutines until the run is over.
func (r *blockingRun) steps() {
	for {
		select {
		case e := <-r.events:
			e.next <- r.step(e)
		case <-r.done:
			return
		}
	}
}

// step tells the machine of e and says what its conn does next.
func (r *blockingRun) step(e *event) step {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over || r.last[e.conn] != e.attempt {
		return stepHangUp // for the latter, its conn was given up and is being opened again
	}
	c := &r.conns[e.conn]
	if c.state != closed && r.tell(e, c, r.clock.now()) {
		return stepReadLast
	}
	if r.burst.on || r.sweep.awaited == 0 && r.phase == PhaseSweep || r.drained() {
		r.nudge() // what e told may end the sweep or the run, and makes room for a request of a burst
	}
	r.letOpen()
	switch {
	case c.state == closed:
		r.transports[e.conn] = nil
		return stepHangUp
	case c.state == writing:
		return stepWrite
	}
	if err := e.nc.SetReadDeadline(r.instant(c.wake)); err != nil {
		r.broken(e.conn, r.clock.now(), err)
		r.transports[e.conn] = nil
		r.nudge()
		return stepHangUp
	}
	if c.state == waiting && e.kind == read && len(e.bytes) == cap(e.bytes) {
		return stepReadMore
	}
	return stepRead
}

// tell tells the machine of e. It reports whether the conn is to be read once more before its deadline counts, so that
// our own stall is not taken for the server's.
//
// now was read under the lock: what the machine notes of the run must not be older than what it was told before.
func (r *blockingRun) tell(e *event, c *conn, now time.Duration) (last bool) {
	switch {
	case e.kind == wrote:
		r.told(e)
		return false
	case len(e.bytes) > 0:
		r.received(e.conn, e.bytes, e.at, now, false)
	}
	switch {
	case c.state == closed:
	case isTimeout(e.err):
		r.deadlinesWork = true
		return r.deadline(e, c, now)
	case errors.Is(e.err, io.EOF), errors.Is(e.err, io.ErrUnexpectedEOF): // the latter is TLS without its farewell
		r.eof(e.conn, now, endingOf(r.peers.OfConn(e.nc), len(r.plan.Request)))
	case e.err != nil:
		r.broken(e.conn, now, e.err)
	case e.kind == readLast: // there was something: what is left of it is there too
		return r.deadline(e, c, now)
	}
	return false
}

// deadline handles a deadline of e's conn that has passed, if it has: one is also set to the past to wake a goroutine.
func (r *blockingRun) deadline(e *event, c *conn, now time.Duration) (last bool) {
	if c.wake > e.at {
		return false
	}
	if c.state == waiting && (e.kind != readLast || e.err == nil) && e.lasts < mostLastReads {
		e.lasts++
		return true
	}
	r.woken(e.conn, now)
	return false
}

// isTimeout reports whether a read or write ended at its deadline. Not all conns say so by the standard error; a timeout
// with an errno is one of TCP itself.
func isTimeout(err error) bool {
	var timeout net.Error
	return errors.Is(err, os.ErrDeadlineExceeded) ||
		errors.As(err, &timeout) && timeout.Timeout() && errnoOf(err) == ""
}

// told tells the machine how a write ended.
func (r *blockingRun) told(e *event) {
	if r.conns[e.conn].state != writing { // it was answered, or lost, meanwhile
		return
	}
	r.wrote(e.conn, e.at, e.n)
	switch now := r.clock.now(); {
	case isTimeout(e.err):
		r.timedOut(e.conn, now)
	case e.err != nil:
		r.broken(e.conn, now, e.err)
	}
}
