package engine

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestCancelledWhileDialling: an attempt that the end of the run cuts short is abandoned; it has not failed.
func TestCancelledWhileDialling(t *testing.T) {
	t.Parallel()
	const n = 50
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var dialling atomic.Int64
	p := plan(n)
	p.Dial = func(ctx context.Context, _ int) (net.Conn, error) {
		if dialling.Add(1) == n {
			cancel()
		}
		<-ctx.Done()
		return nil, &HandshakeError{ctx.Err()}
	}
	r, err := Run(ctx, p)
	require.ErrorIs(t, err, context.Canceled)
	requireLawful(t, r)
	require.Equal(t, Conns{Requested: n, NeverEstablished: n, Attempts: n, ConnectAbandoned: n}, r.Conns)
	require.Len(t, r.Drops, 1)
	require.Equal(t, Abandoned, r.Drops[0].Cause)
}

// TestDialThatIgnoresItsContext: its attempt fails in time, the run does not wait for it, and what it opens in the end is
// closed.
func TestDialThatIgnoresItsContext(t *testing.T) {
	t.Parallel()
	const n = 3
	release, peers := make(chan struct{}), make(chan net.Conn, n)
	p := plan(n)
	p.ConnectTimeout = 100 * ms
	p.Dial = func(context.Context, int) (net.Conn, error) {
		<-release
		ours, peer := net.Pipe()
		peers <- peer
		return ours, nil
	}
	r := run(t, p)
	close(release)
	require.Equal(t, Conns{Requested: n, NeverEstablished: n, Attempts: n, ConnectFailed: n}, r.Conns)
	require.Len(t, r.Drops, 1)
	require.Equal(t, ConnectTimedOut, r.Drops[0].Cause)
	require.Equal(t, errDeafDial.Error(), r.Drops[0].Sample.Detail)
	for range n {
		peer := <-peers
		_, err := peer.Read(make([]byte, 1))
		require.Equal(t, io.EOF, err)
		peer.Close()
	}
}

// wrapped aims p at l over TCP, with each conn wrapped.
func wrapped(t *testing.T, p *Plan, s script, wrap func(net.Conn) net.Conn) {
	w := worlds()[0]
	w.aim(p, w.serve(t, s))
	dial := p.Dial
	p.Dial = func(ctx context.Context, slot int) (net.Conn, error) {
		nc, err := dial(ctx, slot)
		if err != nil {
			return nil, err
		}
		return wrap(nc), nil
	}
}

// A deafConn takes deadlines and does not heed them.
type deafConn struct{ net.Conn }

func (deafConn) SetDeadline(time.Time) error      { return nil }
func (deafConn) SetReadDeadline(time.Time) error  { return nil }
func (deafConn) SetWriteDeadline(time.Time) error { return nil }

// TestConnsWithoutDeadlines never get to their first request, and are lost with a word why.
func TestConnsWithoutDeadlines(t *testing.T) {
	t.Parallel()
	const n = 5
	p := plan(n)
	wrapped(t, &p, answer(ok), func(nc net.Conn) net.Conn { return deafConn{nc} })
	r := run(t, p)
	require.Equal(t, Conns{Requested: n, EverEstablished: n, Attempts: n, Connected: n, Dropped: n}, r.Conns)
	require.Zero(t, r.Requests)
	require.Len(t, r.Drops, 1)
	require.Equal(t, TransportError, r.Drops[0].Cause)
	require.Equal(t, errDeafDeadline.Error(), r.Drops[0].Sample.Detail)
}

// An oddConn says that a deadline has passed by an error of its own, as yamux's streams do.
type oddConn struct{ net.Conn }

func (c oddConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if timeout := net.Error(nil); errors.As(err, &timeout) && timeout.Timeout() {
		err = oddTimeout{}
	}
	return n, err
}

type oddTimeout struct{}

func (oddTimeout) Error() string   { return "i/o deadline reached" }
func (oddTimeout) Timeout() bool   { return true }
func (oddTimeout) Temporary() bool { return true }

func TestTimeoutsOfTheirOwnKind(t *testing.T) {
	t.Parallel()
	p := plan(5)
	wrapped(t, &p, answer(ok), func(nc net.Conn) net.Conn { return oddConn{nc} })
	r := run(t, p)
	require.Equal(t, allHeld(5), r.Conns, "%+v", r.Drops)
	require.Equal(t, r.Requests.Due, r.Requests.Answered)
}

// A stalledConn does not read, once, until the server has answered and the deadline has passed.
type stalledConn struct {
	net.Conn
	answered <-chan struct{} // closed by the server
	timeout  time.Duration
	armed    *atomic.Bool
}

func (c stalledConn) Read(p []byte) (int, error) {
	if c.armed.CompareAndSwap(true, false) {
		<-c.answered
		<-time.After(c.timeout)
	}
	return c.Conn.Read(p)
}

// TestStallOverTwoRecords: both TLS records of a response came in time, and we did not run. It takes one read for each.
func TestStallOverTwoRecords(t *testing.T) {
	t.Parallel()
	var w world
	for _, w = range worlds() {
		if w.name == "blocking/tls" {
			break
		}
	}
	answered, served := make(chan struct{}), 0
	l := w.serve(t, func(_ int, nc net.Conn, r *bufio.Reader) {
		for ; readRequest(r); served++ {
			nc.Write([]byte(ok[:len(ok)-2]))
			nc.Write([]byte(ok[len(ok)-2:]))
			if served == 0 {
				close(answered)
			}
		}
	})
	p := plan(1)
	p.Cadence, p.ResponseTimeout = Cadence{}, 300*ms
	p.Dial = func(ctx context.Context, _ int) (net.Conn, error) {
		nc, err := (&net.Dialer{}).DialContext(ctx, "tcp", l.Addr().String())
		if err != nil {
			return nil, err
		}
		var armed atomic.Bool
		// TLS 1.3 would send tickets after the handshake: a third record.
		c := tls.Client(stalledConn{nc, answered, p.ResponseTimeout, &armed},
			&tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12})
		err = c.HandshakeContext(ctx)
		armed.Store(true)
		return c, err
	}
	r := run(t, p)
	require.Equal(t, allHeld(1), r.Conns, "%+v", r.Drops)
	require.Equal(t, Requests{Due: 2, Sent: 2, Answered: 2, Status: [6]int64{2: 2}}, r.Requests)
	require.Greater(t, r.Latency.Max, p.ResponseTimeout, "the stall is in it")
}
