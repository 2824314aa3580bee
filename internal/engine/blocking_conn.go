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
	smallRead = 512 // a conn that waits holds no more; the head of most responses fits

	// lastRead is how long the read after a passed deadline waits: a Read whose deadline is not in the future returns
	// no bytes even if there are some.
	lastRead = time.Millisecond
)

var largeBuffers = sync.Pool{New: func() any { return new([readLarge]byte) }}

const readLarge = 64 << 10

// serve is the life of an established conn. It runs until the machine wants to hang up, or the run is over.
func (r *blockingRun) serve(j uint32, nc net.Conn) {
	buf := make([]byte, smallRead)
	for {
		switch r.prepare(j, nc) {
		case wantHangUp:
			abort(nc)
			return
		case wantWrite:
			r.write(j, nc)
		case wantWait:
			r.read(j, nc, buf)
		}
	}
}

// prepare says what to do next, and sets the deadline of a read.
func (r *blockingRun) prepare(j uint32, nc net.Conn) want {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := &r.conns[j]
	switch {
	case r.over:
		return wantHangUp
	case c.state == closed:
		r.transports[j] = nil
		return wantHangUp
	case c.state == writing:
		return wantWrite
	}
	if err := nc.SetReadDeadline(r.instant(c.wake)); err != nil {
		r.tell(r.broken(j, r.clock.now(), err))
		r.transports[j] = nil
		return wantHangUp
	}
	return wantWait
}

func (r *blockingRun) instant(t time.Duration) time.Time {
	if t == never {
		return time.Time{}
	}
	return r.clock.start.Add(t)
}

// tell lets the coordinator look if what the machine was told may end the sweep or the run, or lets it open more.
func (r *blockingRun) tell(want) {
	r.nudgeIfHeldBack()
	if r.phase >= PhaseSweep && r.outstanding == 0 {
		r.nudge()
	}
}

func (r *blockingRun) write(j uint32, nc net.Conn) {
	_ = nc.SetWriteDeadline(r.instant(r.clock.now() + r.plan.ResponseTimeout)) // a Write that fails says why
	sent := r.clock.now()
	n, err := nc.Write(r.plan.Request)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over {
		return
	}
	r.wrote(j, sent, n)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		r.tell(r.timedOut(j, r.clock.now()))
	case err != nil:
		r.tell(r.broken(j, r.clock.now(), err))
	}
}

// read blocks until something happens to the conn, and tells the machine.
func (r *blockingRun) read(j uint32, nc net.Conn, buf []byte) {
	n, err := nc.Read(buf)
	r.told(j, nc, buf, n, err)
	if n == len(buf) && err == nil {
		r.readLarge(j, nc)
	}
}

// readLarge reads what may follow a full small buffer.
func (r *blockingRun) readLarge(j uint32, nc net.Conn) {
	large := largeBuffers.Get().(*[readLarge]byte)
	defer largeBuffers.Put(large)
	for {
		if r.prepare(j, nc) != wantWait || !r.midResponse(j) {
			return
		}
		n, err := nc.Read(large[:])
		r.told(j, nc, large[:], n, err)
		if err != nil {
			return
		}
	}
}

func (r *blockingRun) midResponse(j uint32) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.conns[j].state == waiting
}

// told tells the machine what a read returned.
func (r *blockingRun) told(j uint32, nc net.Conn, buf []byte, n int, err error) {
	now := r.clock.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over {
		return
	}
	if n > 0 {
		r.tell(r.received(j, buf[:n], now, now, false))
	}
	switch c := &r.conns[j]; {
	case err == nil || c.state == closed:
	case errors.Is(err, os.ErrDeadlineExceeded):
		r.deadline(j, nc, c, buf, now)
	case err == io.EOF:
		r.tell(r.eof(j, now))
	default:
		r.tell(r.broken(j, now, err))
	}
}

// deadline handles a read that ended at its deadline: that of the conn, or one set to wake its goroutine.
func (r *blockingRun) deadline(j uint32, nc net.Conn, c *conn, buf []byte, now time.Duration) {
	if c.wake > now {
		return
	}
	if c.state == waiting && r.readLast(j, nc, c, buf) {
		return
	}
	r.tell(r.woken(j, now))
}

// readLast reads once more, so that our own stall is not taken for the server's. It reports whether the conn is out of
// its wait; what is not complete now is late.
func (r *blockingRun) readLast(j uint32, nc net.Conn, c *conn, buf []byte) bool {
	for {
		_ = nc.SetReadDeadline(r.instant(r.clock.now() + lastRead))
		r.mu.Unlock()
		n, err := nc.Read(buf)
		now := r.clock.now()
		r.mu.Lock()
		if r.over || c.state != waiting {
			return true
		}
		if n > 0 {
			r.tell(r.received(j, buf[:n], now, now, false))
		} else if err == io.EOF {
			r.tell(r.eof(j, now))
		}
		if c.state != waiting {
			return true
		}
		if n < len(buf) {
			return false
		}
	}
}
