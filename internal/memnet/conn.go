package memnet

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall" // for its errno constants only
	"time"
)

// pair is one connection: both ends in one allocation, under one mutex.
type pair struct {
	mu             sync.Mutex
	listener       *Listener
	addr           addr // the client's end
	client, server Conn
}

func newPair(l *Listener, dial uint64) *pair {
	p := &pair{listener: l, addr: addr{dial}}
	for _, c := range []*Conn{&p.client, &p.server} {
		c.pair = p
		c.reading.cond.L = &p.mu
		c.writing.cond.L = &p.mu
	}
	return p
}

// Conn is one end of a pair. Its methods may be called from several goroutines at once, as those of any net.Conn.
type Conn struct {
	pair *pair

	// Below: guarded by pair.mu.

	in               *ring // received and not read; nil when there is nothing
	reading, writing gate
	closed           bool // Close was called on this end
	finished         bool // CloseWrite was called on this end
	reset            bool // the other end tore the conn down
	lingerZero       bool // Close tears down
	writeBusy        bool // a Write is under way: others wait their turn, so that two never interleave
}

var _ net.Conn = (*Conn)(nil)

func (c *Conn) isClient() bool { return c == &c.pair.client }

func (c *Conn) peer() *Conn {
	if c.isClient() {
		return &c.pair.server
	}
	return &c.pair.client
}

// LocalAddr returns "memory:client-N" for the client's end and "memory:server" for the server's.
func (c *Conn) LocalAddr() net.Addr {
	if c.isClient() {
		return &c.pair.addr
	}
	return &c.pair.listener.addr
}

// RemoteAddr returns the LocalAddr of the other end.
func (c *Conn) RemoteAddr() net.Addr { return c.peer().LocalAddr() }

// Read returns what has been received, at least one byte and at most len(p); it waits while there is nothing. It
// returns io.EOF when the other end has closed (or closed its writing side) and all it wrote was read, else a
// *net.OpError that wraps os.ErrDeadlineExceeded, ECONNRESET or, after Close of this end, net.ErrClosed.
func (c *Conn) Read(p []byte) (int, error) {
	c.pair.mu.Lock()
	n, err := c.read(p)
	c.pair.mu.Unlock()
	return n, c.opError("read", err)
}

func (c *Conn) read(p []byte) (int, error) {
	if len(p) == 0 && !c.closed {
		return 0, nil
	}
	if err := c.await(&c.reading, (*Conn).readable); err != nil {
		return 0, err
	}
	n := c.in.pop(p)
	if c.in.size == 0 {
		c.discard()
	}
	c.peer().writing.wake()
	return n, nil
}

func (c *Conn) readable() (bool, error) {
	peer := c.peer()
	switch {
	case c.in != nil:
		return true, nil
	case c.reset:
		return false, syscall.ECONNRESET
	case peer.finished || peer.closed:
		return false, io.EOF
	}
	return false, nil
}

// Write returns when all of p is in the other end's window of 64 KB; it waits while that is full. If it fails, n says
// how many bytes got there, and the error is a *net.OpError that wraps os.ErrDeadlineExceeded, ECONNRESET, EPIPE (the
// other end has closed, or CloseWrite was called on this one) or, after Close of this end, net.ErrClosed.
func (c *Conn) Write(p []byte) (int, error) {
	c.pair.mu.Lock()
	n, err := c.write(p)
	c.pair.mu.Unlock()
	return n, c.opError("write", err)
}

func (c *Conn) write(p []byte) (n int, err error) {
	if c.writeBusy || len(p) == 0 { // else the first await below does all that this one would
		if err := c.await(&c.writing, (*Conn).isTurn); err != nil {
			return 0, err
		}
	}
	c.writeBusy = true
	peer := c.peer()
	for n < len(p) {
		if err = c.await(&c.writing, (*Conn).writable); err != nil {
			break
		}
		var pushed int
		peer.in, pushed = push(peer.in, p[n:])
		n += pushed
		peer.reading.wake()
	}
	c.writeBusy = false
	c.writing.wake()
	return n, err
}

func (c *Conn) isTurn() (bool, error) { return !c.writeBusy, nil }

func (c *Conn) writable() (bool, error) {
	peer := c.peer()
	switch {
	case c.reset:
		return false, syscall.ECONNRESET
	case c.finished || peer.closed:
		return false, syscall.EPIPE
	}
	return peer.in == nil || peer.in.size < window, nil
}

// await waits until ready says so or gives an error, this end is closed, or g's deadline passes. As in package net, a
// deadline that has passed already wins over readiness, and readiness that ends a wait wins over the deadline.
func (c *Conn) await(g *gate, ready func(*Conn) (bool, error)) error {
	start := c.pair.listener.start
	if c.closed {
		return net.ErrClosed
	}
	if g.expired(start) {
		return os.ErrDeadlineExceeded
	}
	for {
		if ok, err := ready(c); ok || err != nil {
			return err
		}
		if !g.wait(start) {
			return os.ErrDeadlineExceeded
		}
		if c.closed {
			return net.ErrClosed
		}
	}
}

// Unread returns how many of the bytes written here the other end has not read: what SIOCOUTQ says of a unix socket.
func (c *Conn) Unread() int {
	c.pair.mu.Lock()
	defer c.pair.mu.Unlock()
	if peer := c.peer(); peer.in != nil {
		return peer.in.size
	}
	return 0
}

// CloseWrite ends this direction: the other end reads what is in its window, then io.EOF. Writes here fail with EPIPE.
func (c *Conn) CloseWrite() error {
	c.pair.mu.Lock()
	defer c.pair.mu.Unlock()
	if c.closed {
		return c.opError("close", net.ErrClosed)
	}
	c.finished = true
	c.wakeBoth()
	return nil
}

// SetLinger chooses what Close does. Zero seconds: tear down; whatever is unread on both ends is lost, and the other
// end's Read and Write fail with ECONNRESET. Any other value is the default: an orderly end.
func (c *Conn) SetLinger(sec int) error {
	c.pair.mu.Lock()
	defer c.pair.mu.Unlock()
	if c.closed {
		return c.opError("set", net.ErrClosed)
	}
	c.lingerZero = sec == 0
	return nil
}

// Close ends this end and wakes all who wait on the conn. The other end reads what is in its window, then io.EOF; but
// ECONNRESET if this end leaves bytes unread or lingers for zero seconds. It never waits. A second Close fails with a
// *net.OpError that wraps net.ErrClosed.
func (c *Conn) Close() error {
	c.pair.mu.Lock()
	defer c.pair.mu.Unlock()
	if c.closed {
		return c.opError("close", net.ErrClosed)
	}
	c.closed = true
	peer := c.peer()
	// RFC 2525 §2.17: an end that closes with bytes unread sends RST, so that the other learns that they are lost.
	peer.reset = c.lingerZero || c.in != nil || peer.reset
	if c.lingerZero {
		peer.discard()
	}
	c.discard()
	c.wakeBoth()
	return nil
}

// abort closes with RST, whatever was set before.
func (c *Conn) abort() {
	_ = c.SetLinger(0) // fails, as Close does, only if the conn is closed already
	_ = c.Close()
}

// discard gives the receive window back with all that is in it.
func (c *Conn) discard() {
	if c.in != nil {
		c.in.release()
		c.in = nil
	}
}

func (c *Conn) wakeBoth() {
	for _, end := range []*Conn{c, c.peer()} {
		end.reading.wake()
		end.writing.wake()
	}
}

// SetDeadline is SetReadDeadline and SetWriteDeadline.
func (c *Conn) SetDeadline(t time.Time) error { return c.setDeadline(t, &c.reading, &c.writing) }

// SetReadDeadline bounds current and future Reads. In the past: they fail at once, even if there is something to read.
// Zero: no bound. It fails only on a closed conn.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.setDeadline(t, &c.reading, nil) }

// SetWriteDeadline bounds current and future Writes; see SetReadDeadline.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.setDeadline(t, &c.writing, nil) }

func (c *Conn) setDeadline(t time.Time, g, also *gate) error {
	deadline := sinceStart(c.pair.listener.start, t)
	c.pair.mu.Lock()
	defer c.pair.mu.Unlock()
	if c.closed {
		return &net.OpError{Op: "set", Net: network, Addr: c.LocalAddr(), Err: net.ErrClosed}
	}
	g.set(deadline)
	if also != nil {
		also.set(deadline)
	}
	return nil
}

func (c *Conn) opError(op string, err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	return &net.OpError{Op: op, Net: network, Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: err}
}
