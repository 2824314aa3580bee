package engine

import (
	"bufio"
	"context"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A witness is a server that knows how many conns are open and how many requests it has answered.
type witness struct {
	open, requests atomic.Int64

	mu      sync.Mutex
	changed *sync.Cond
}

func newWitness() *witness {
	w := &witness{}
	w.changed = sync.NewCond(&w.mu)
	return w
}

func (w *witness) count(n *atomic.Int64, by int64) {
	w.mu.Lock()
	n.Add(by)
	w.changed.Broadcast()
	w.mu.Unlock()
}

func (w *witness) script(_ int, nc net.Conn, r *bufio.Reader) {
	w.count(&w.open, 1)
	defer w.count(&w.open, -1)
	for readRequest(r) {
		w.count(&w.requests, 1)
		nc.Write([]byte(ok))
	}
}

// until waits for what only the world can bring about.
func (w *witness) until(so func() bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for !so() {
		w.changed.Wait()
	}
}

// TestHeldIsCalledWhileAllIsOpen, once, and the cadence goes on until it returns.
func TestHeldIsCalledWhileAllIsOpen(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		s := newWitness()
		p := plan(30)
		w.aim(&p, w.serve(t, s.script))
		var calls, open, before int64
		p.Held = func() {
			calls++
			open, before = s.open.Load(), s.requests.Load()
			s.until(func() bool { return s.requests.Load() >= before+60 })
		}
		r := run(t, p)
		require.EqualValues(t, 1, calls)
		require.EqualValues(t, 30, open)
		require.EqualValues(t, 30, r.Conns.Held)
		require.GreaterOrEqual(t, r.Requests.Answered, before+60)
		require.Equal(t, r.Requests.Due, r.Requests.Answered)
		require.Greater(t, r.SweepEnd-r.HoldEnd, 30*time.Millisecond, "60 requests of 30 conns are two pauses of some conn")
	})
}

func TestHeldWithoutHoldOrConns(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		for name, change := range map[string]func(*Plan, net.Listener){
			"no hold":  func(p *Plan, _ net.Listener) { p.Hold = 0 },
			"no conns": func(_ *Plan, l net.Listener) { l.Close() },
		} {
			t.Run(name, func(t *testing.T) {
				p := plan(6)
				l := w.serve(t, answer(ok))
				w.aim(&p, l)
				change(&p, l)
				calls := 0
				p.Held = func() { calls++ }
				run(t, p)
				require.Equal(t, 1, calls)
			})
		}
	})
}

// TestCancelledWhileHeldIsCalled: the conns are closed at once, and the run ends when held has returned.
func TestCancelledWhileHeldIsCalled(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		s := newWitness()
		p := plan(10)
		w.aim(&p, w.serve(t, s.script))
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		returned := false
		p.Held = func() {
			cancel()
			s.until(func() bool { return s.open.Load() == 0 })
			returned = true
		}
		r, err := Run(ctx, p)
		require.ErrorIs(t, err, context.Canceled)
		require.True(t, returned)
		require.Equal(t, PhaseSweep, r.Ended)
		require.EqualValues(t, 10, r.Conns.OpenAtEnd)
		require.Zero(t, r.Conns.Held)
		requireLawful(t, r)
	})
}

func TestCancelledBeforeHeldIsCalled(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		s := newWitness()
		p := plan(10)
		p.Hold = time.Hour
		p.Held = func() { t.Error("held is called") }
		w.aim(&p, w.serve(t, s.script))
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() {
			s.until(func() bool { return s.requests.Load() >= 20 })
			cancel()
		}()
		_, err := Run(ctx, p)
		require.ErrorIs(t, err, context.Canceled)
	})
}
