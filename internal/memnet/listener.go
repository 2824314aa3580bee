package memnet

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"syscall" // for its errno constants only: callers look for the same errors as over TCP
	"time"
)

// backlog bounds the conns that are established and not yet accepted; it is Linux's net.core.somaxconn.
const backlog = 4096

// Listener is a net.Listener that is reached by its own Dial method alone.
type Listener struct {
	addr      addr
	start     time.Time // deadlines are kept as durations since then
	dialled   atomic.Uint64
	queue     chan *Conn // server's ends, in the order they were dialled
	closed    chan struct{}
	closeOnce sync.Once
}

var _ net.Listener = (*Listener)(nil)

// Listen returns an open listener. Inside a synctest bubble, call it there: its queue belongs to the caller's bubble.
func Listen() *Listener {
	return &Listener{
		start:  time.Now(),
		queue:  make(chan *Conn, backlog),
		closed: make(chan struct{}),
	}
}

// Dial returns the client's end, a *Conn, of a new pair as soon as the server's end is queued for Accept. It waits
// while 4096 conns are queued. It fails with a *net.OpError that wraps ctx's error, or ECONNREFUSED if the listener
// is closed. A conn dialled while the listener closes may also be returned, reset already.
func (l *Listener) Dial(ctx context.Context) (net.Conn, error) {
	if l.isClosed() {
		return nil, l.opError("dial", syscall.ECONNREFUSED)
	}
	if err := ctx.Err(); err != nil {
		return nil, l.opError("dial", err)
	}
	p := newPair(l, l.dialled.Add(1))
	select {
	case l.queue <- &p.server:
	case <-ctx.Done():
		return nil, l.opError("dial", ctx.Err())
	case <-l.closed:
		return nil, l.opError("dial", syscall.ECONNREFUSED)
	}
	// Close may have emptied the queue just before the pair was put into it: then nobody else would reset it.
	if l.isClosed() {
		l.resetQueued()
	}
	return &p.client, nil
}

// Accept waits for a conn and returns its server's end, a *Conn. After Close it fails with a *net.OpError that wraps
// net.ErrClosed.
func (l *Listener) Accept() (net.Conn, error) {
	if l.isClosed() {
		return nil, l.opError("accept", net.ErrClosed)
	}
	select {
	case c := <-l.queue:
		return c, nil
	case <-l.closed:
		return nil, l.opError("accept", net.ErrClosed)
	}
}

// Close ends the listener: it wakes every Accept and Dial, and resets the conns that wait to be accepted. Accepted
// conns live on. A second Close fails with a *net.OpError that wraps net.ErrClosed.
func (l *Listener) Close() error {
	err := l.opError("close", net.ErrClosed)
	l.closeOnce.Do(func() {
		close(l.closed)
		l.resetQueued()
		err = nil
	})
	return err
}

// Addr returns the address "memory:server".
func (l *Listener) Addr() net.Addr { return &l.addr }

func (l *Listener) isClosed() bool {
	select {
	case <-l.closed:
		return true
	default:
		return false
	}
}

func (l *Listener) resetQueued() {
	for {
		select {
		case c := <-l.queue:
			c.abort()
		default:
			return
		}
	}
}

func (l *Listener) opError(op string, err error) error {
	return &net.OpError{Op: op, Net: network, Addr: &l.addr, Err: err}
}
