package memnet

import (
	"context"
	"net"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestDialIsEstablishedBeforeAccept(t *testing.T) {
	l := Listen()
	defer l.Close()
	c, err := l.Dial(t.Context())
	require.NoError(t, err)
	defer c.Close()
	wantWrite(t, c.(*Conn), "early")
	s, err := l.Accept()
	require.NoError(t, err)
	defer s.Close()
	wantRead(t, s.(*Conn), "early")
}

func TestListenerAddr(t *testing.T) {
	l := Listen()
	defer l.Close()
	require.Equal(t, "memory", l.Addr().Network())
	require.Equal(t, "memory:server", l.Addr().String())
}

func TestClosedListenerRefuses(t *testing.T) {
	l := Listen()
	require.NoError(t, l.Close())

	_, err := l.Dial(t.Context())
	wantListenerError(t, err, "dial", l, syscall.ECONNREFUSED)
	_, err = l.Accept()
	wantListenerError(t, err, "accept", l, net.ErrClosed)
	wantListenerError(t, l.Close(), "close", l, net.ErrClosed)
}

func TestCloseResetsWhatWasNotAccepted(t *testing.T) {
	l := Listen()
	accepted, server := dial(t, l)
	queued, err := l.Dial(t.Context())
	require.NoError(t, err)
	wantWrite(t, queued.(*Conn), "early")
	require.NoError(t, l.Close())

	_, err = queued.Read(make([]byte, 1))
	wantOpError(t, err, "read", queued.(*Conn), syscall.ECONNRESET)
	_, err = queued.Write([]byte("x"))
	wantOpError(t, err, "write", queued.(*Conn), syscall.ECONNRESET)
	require.NoError(t, queued.Close())
	wantWrite(t, accepted, "lives on")
	wantRead(t, server, "lives on")
}

func TestDialWithEndedContext(t *testing.T) {
	l := Listen()
	defer l.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := l.Dial(ctx)
	wantListenerError(t, err, "dial", l, context.Canceled)
}

func TestCloseWakesAccept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := Listen()
		got := make(chan error)
		go func() {
			_, err := l.Accept()
			got <- err
		}()
		synctest.Wait()
		require.NoError(t, l.Close())
		wantListenerError(t, <-got, "accept", l, net.ErrClosed)
	})
}

// fill dials until the queue is full.
func fill(t *testing.T, l *Listener) {
	t.Helper()
	for range backlog {
		_, err := l.Dial(t.Context())
		require.NoError(t, err)
	}
}

func TestDialWaitsWhileTheQueueIsFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := Listen()
		fill(t, l)
		var c net.Conn
		go func() { c, _ = l.Dial(t.Context()) }()
		synctest.Wait()
		require.Nil(t, c, "conns queued: %d", len(l.queue))

		s, err := l.Accept()
		require.NoError(t, err)
		require.Equal(t, "memory:client-1", s.RemoteAddr().String(), "first come, first served")
		synctest.Wait()
		require.Equal(t, "memory:client-4097", c.LocalAddr().String())
	})
}

func TestDialGivesUpWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := Listen()
		fill(t, l)
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		start := time.Now()
		_, err := l.Dial(ctx)
		require.Equal(t, 3*time.Second, time.Since(start))
		wantListenerError(t, err, "dial", l, context.DeadlineExceeded)
		require.True(t, err.(net.Error).Timeout())
	})
}

func TestCloseRefusesWaitingDial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := Listen()
		fill(t, l)
		type result struct {
			c   net.Conn
			err error
		}
		got := make(chan result)
		go func() {
			c, err := l.Dial(t.Context())
			got <- result{c, err}
		}()
		synctest.Wait()
		require.NoError(t, l.Close())
		r := <-got
		if r.err == nil { // Close emptied the queue, and the dial got its place before it saw the end
			_, r.err = r.c.Read(make([]byte, 1))
			require.ErrorIs(t, r.err, syscall.ECONNRESET)
			return
		}
		wantListenerError(t, r.err, "dial", l, syscall.ECONNREFUSED)
	})
}

// Whatever the interleaving, a conn is accepted, refused or reset: none is forgotten in the queue.
func TestCloseRacesWithDial(t *testing.T) {
	for range 200 {
		l := Listen()
		dialled := make(chan net.Conn)
		go func() {
			c, _ := l.Dial(t.Context())
			dialled <- c
		}()
		require.NoError(t, l.Close())
		if c := <-dialled; c != nil {
			_, err := c.Read(make([]byte, 1))
			require.ErrorIs(t, err, syscall.ECONNRESET)
			require.NoError(t, c.Close())
		}
		require.Empty(t, l.queue)
	}
}

func wantListenerError(tb testing.TB, err error, op string, l *Listener, cause error) {
	tb.Helper()
	var got *net.OpError
	require.ErrorAs(tb, err, &got)
	require.Equal(tb, op, got.Op)
	require.Equal(tb, "memory", got.Net)
	require.Nil(tb, got.Source)
	require.Equal(tb, l.Addr(), got.Addr)
	require.ErrorIs(tb, err, cause)
}
