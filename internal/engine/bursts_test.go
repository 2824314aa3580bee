package engine

import (
	"bufio"
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A burstRun is a run whose bursts a test asks for.
type burstRun struct {
	bursts *Bursts
	ctx    context.Context // ends with the run
	end    context.CancelFunc
	result *Result
}

func startBursts(t *testing.T, p Plan, outstanding int) *burstRun {
	t.Helper()
	p.Cadence, p.Hold = Cadence{}, time.Hour
	b := &burstRun{bursts: NewBursts(outstanding, time.Minute)}
	p.Bursts = b.bursts
	cancelled, cancel := context.WithTimeout(t.Context(), time.Minute)
	ctx, over := context.WithCancelCause(t.Context())
	b.ctx, b.end = ctx, cancel
	go func() {
		r, err := Run(cancelled, p)
		b.result = r
		over(errors.Join(errors.New("the run is over"), err))
	}()
	select {
	case <-b.bursts.Ready():
	case <-ctx.Done():
		t.Fatal(context.Cause(ctx))
	}
	return b
}

func (b *burstRun) burst(t *testing.T, lasts time.Duration, record bool) Burst {
	t.Helper()
	done, err := b.bursts.Run(b.ctx, lasts, record)
	require.NoError(t, err)
	return done
}

// finish ends the run.
func (b *burstRun) finish(t *testing.T) *Result {
	t.Helper()
	b.end()
	<-b.ctx.Done()
	requireLawful(t, b.result)
	return b.result
}

// A crowd counts the requests that a server has at a time, and in all of each conn.
type crowd struct {
	now, most, all atomic.Int64
	mu             sync.Mutex
	byConn         map[int]int
}

func (c *crowd) answer(index int, nc net.Conn, r *bufio.Reader) {
	for readRequest(r) {
		c.all.Add(1)
		for n := c.now.Add(1); ; {
			if most := c.most.Load(); n <= most || c.most.CompareAndSwap(most, n) {
				break
			}
		}
		c.mu.Lock()
		c.byConn[index]++
		c.mu.Unlock()
		c.now.Add(-1)
		if _, err := nc.Write([]byte(ok)); err != nil {
			return
		}
	}
}

func TestBursts(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		const conns, outstanding = 20, 4
		c := &crowd{byConn: map[int]int{}}
		p := plan(conns)
		w.aim(&p, w.serve(t, c.answer))
		b := startBursts(t, p, outstanding)
		require.EqualValues(t, conns, c.all.Load(), "one request each in the ramp")
		c.most.Store(0)

		var answered, recorded int64
		for i := range 6 {
			burst := b.burst(t, 30*time.Millisecond, i > 0)
			require.GreaterOrEqual(t, burst.Took, 30*time.Millisecond)
			require.Zero(t, c.now.Load(), "nothing is outstanding after a burst")
			answered += burst.Answered
			if i > 0 {
				recorded += burst.Answered
			}
			require.Equal(t, conns+answered, c.all.Load(), "nothing is sent but in bursts")
		}
		for answered < 3*conns { // a machine that is busy with seven of them
			answered += b.burst(t, 100*time.Millisecond, false).Answered
		}
		r := b.finish(t)
		require.EqualValues(t, conns, r.Conns.OpenAtEnd)
		require.Equal(t, conns+answered, r.Requests.Answered)
		require.Zero(t, r.Requests.InFlightAtEnd)
		require.Equal(t, recorded, b.bursts.ServiceTime().Count())
		require.LessOrEqual(t, c.most.Load(), int64(outstanding))
		for i := range conns {
			require.Greater(t, c.byConn[i], 1, "conn %d is asked in turn", i)
		}
	})
}

// TestBurstsWithoutConns asks whom to load when all are lost: nobody, and the burst is over in time.
func TestBurstsWithoutConns(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		p := plan(3)
		w.aim(&p, w.serve(t, func(_ int, nc net.Conn, r *bufio.Reader) {
			readRequest(r)
			_, _ = nc.Write([]byte(ok))
			readRequest(r) // and it closes
		}))
		b := startBursts(t, p, 8)
		require.Zero(t, b.burst(t, 20*time.Millisecond, true).Answered)
		require.Zero(t, b.burst(t, 20*time.Millisecond, true).Answered)
		r := b.finish(t)
		require.EqualValues(t, 3, r.Conns.Dropped)
	})
}

// TestBurstInARunThatEnds is told so.
func TestBurstInARunThatEnds(t *testing.T) {
	w := worlds()[0]
	p := plan(2)
	w.aim(&p, w.serve(t, answer(ok)))
	b := startBursts(t, p, 2)
	b.finish(t)
	for range 2 { // what nobody took of the first one is not waited for
		_, err := b.bursts.Run(b.ctx, time.Millisecond, false)
		require.ErrorContains(t, err, "the run is over")
	}
}
