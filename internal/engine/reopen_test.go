package engine

import (
	"bufio"
	"errors"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestReopenDelay: doubled by each failure up to the bound, drawn from its upper half, the same for the same slot.
func TestReopenDelay(t *testing.T) {
	r := Reopen{Delay: 100 * ms, Most: s, Rate: 1}
	for failures, whole := range []time.Duration{100 * ms, 200 * ms, 400 * ms, 800 * ms, s, s, s} {
		least, most := never, time.Duration(0)
		for slot := range 1000 {
			d := r.delay(7, slot, 3, uint32(failures))
			require.Equal(t, d, r.delay(7, slot, 3, uint32(failures)))
			least, most = min(least, d), max(most, d)
		}
		require.InDelta(t, float64(whole/2), float64(least), float64(whole/100))
		require.InDelta(t, float64(whole), float64(most), float64(whole/100))
	}
	require.NotEqual(t, r.delay(7, 1, 1, 0), r.delay(7, 1, 2, 0), "each attempt draws anew")
	require.NotEqual(t, r.delay(7, 1, 1, 0), r.delay(8, 1, 1, 0))
	require.LessOrEqual(t, r.delay(7, 1, 1, 1<<31), s, "no overflow")
	require.Zero(t, Reopen{Rate: 1, Most: s}.delay(7, 1, 1, 1<<31), "at once stays at once")
}

// TestReopenRate: in no second begin more attempts than the rate, however irregularly anybody asks; and whoever asks
// often gets nearly all of them.
func TestReopenRate(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	for _, rate := range []int{1, 7, 50, 1000, 20_000} {
		ph := newPhases(1, 1, 0)
		var begun []time.Duration
		for now := s; now < 5*s; now += time.Duration(rng.Int64N(int64(15 * ms))) {
			for ph.mayReopen(now, rate) {
				begun = append(begun, now)
			}
		}
		first := 0
		for i, at := range begun {
			for at-begun[first] >= s {
				first++
			}
			require.LessOrEqual(t, i-first+1, rate, "rate %d, in the second before %v", rate, at)
		}
		require.Greater(t, len(begun), 4*rate*95/100-2, "rate %d", rate)
	}
}

func TestReopenHeap(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	var r reopening
	for j := range 1000 {
		r.push(reopenAt{time.Duration(rng.Int64N(500)), uint32(j)})
	}
	seen := map[uint32]bool{}
	for last := time.Duration(0); len(r.heap) > 0; {
		e := r.pop()
		require.GreaterOrEqual(t, e.at, last)
		require.False(t, seen[e.j])
		last, seen[e.j] = e.at, true
	}
	require.Len(t, seen, 1000)
}

// reopeningPlan is of n conns that are opened again after exactly a second or so.
func reopeningPlan(n int) Plan {
	p := plan(n)
	p.Cadence, p.Hold = Cadence{}, time.Hour
	p.Reopen = Reopen{Delay: s, Most: 8 * s, Rate: 1000}
	return p
}

// TestReopenedSlot follows one slot: lost, refused twice, served again. It is not held.
func TestReopenedSlot(t *testing.T) {
	r := newRig(t, reopeningPlan(1))
	r.up(0, s)
	r.write(0, s)
	r.answer(0, s+ms)
	r.advance(s + ms)
	require.Equal(t, never, r.reopenDue())

	require.Equal(t, wantHangUp, r.eof(0, 2*s, endUnknown))
	for _, whole := range []time.Duration{s, s, 2 * s} { // after the loss, and after two failures
		from := r.reopenDue()
		_, ok := r.reopenNext(from - 1)
		require.False(t, ok, "too early")
		j, ok := r.reopenNext(from)
		require.True(t, ok)
		require.Zero(t, j)
		require.Equal(t, never, r.reopenDue())
		r.dial(0, from)
		if whole == 2*s {
			require.Equal(t, wantWrite, r.established(0, from), "it has something to ask at once")
			r.write(0, from)
			r.answer(0, from+ms)
			require.Equal(t, from+ms-2*s, r.tally.Recovery.Max, "from the loss to the answer")
			break
		}
		require.Equal(t, wantHangUp, r.failed(0, from+ms, ConnectRefused, syscall.ECONNREFUSED))
	}
	r.advance(2 * time.Hour)
	r.askAll()
	r.advance(2*time.Hour + s)
	require.Equal(t, PhaseDrain, r.phase)
	res := r.requireLawful()
	require.Equal(t, Conns{Requested: 1, EverEstablished: 1, Served: 1, Attempts: 4, Connected: 2, ConnectFailed: 2, OpenAtEnd: 1,
		Dropped: 1, Reattempts: 3, Reopened: 1, Recovered: 1}, res.Conns)
	require.EqualValues(t, 1, res.Recovery.Count())
}

// TestNeverEstablishedUntilItIs: a slot whose first attempt failed moves to the other class with the first that does not.
func TestNeverEstablishedUntilItIs(t *testing.T) {
	r := newRig(t, reopeningPlan(2))
	for j := range uint32(2) {
		r.dial(j, 0)
		r.failed(j, ms, ConnectRefused, syscall.ECONNREFUSED)
	}
	require.EqualValues(t, 2, r.tally.Conns.NeverEstablished)
	r.advance(ms)
	require.Equal(t, PhaseHold, r.phase, "the ramp is over with the first attempts")
	j, ok := r.reopenNext(2 * s)
	require.True(t, ok)
	r.dial(j, 2*s)
	r.established(j, 2*s)
	r.write(j, 2*s)
	r.answer(j, 2*s+ms)
	r.advance(2 * time.Hour)
	r.askAll()
	k, ok := r.reopenNext(2 * time.Hour)
	require.True(t, ok)
	require.NotEqual(t, j, k)
	r.dial(k, 2*time.Hour) // in flight when the sweep ends
	require.True(t, r.advance(2*time.Hour).frozen)
	require.Equal(t, never, r.reopenDue())
	require.Equal(t, closed, r.conns[k].state)
	require.Equal(t, Conns{Requested: 2, NeverEstablished: 1, EverEstablished: 1, Served: 1, Attempts: 4, Connected: 1,
		ConnectFailed: 2, ConnectAbandoned: 1, OpenAtEnd: 1, Reattempts: 2, Reopened: 1, Recovered: 1}, r.requireLawful().Conns)
}

// TestConnThatDiesYoungBacksOff: a server that accepts and closes is as good as one that refuses.
func TestConnThatDiesYoungBacksOff(t *testing.T) {
	r := newRig(t, reopeningPlan(1))
	r.up(0, 0)
	now := ms
	for _, whole := range []time.Duration{s, 2 * s, 4 * s, 8 * s, 8 * s} {
		r.eof(0, now, endUnknown)
		require.GreaterOrEqual(t, r.reopenDue()-now, whole/2)
		require.LessOrEqual(t, r.reopenDue()-now, whole)
		now = r.reopenDue()
		_, ok := r.reopenNext(now)
		require.True(t, ok)
		r.dial(0, now)
		r.established(0, now)
	}
}

// TestDrawsOutliveReopening: pause k of a slot is the same whatever happened to its conns.
func TestDrawsOutliveReopening(t *testing.T) {
	p := plan(1)
	p.Cadence, p.Hold, p.Reopen = Cadence{Kind: Exponential, Min: s}, time.Hour, Reopen{Rate: 1000}
	r := newRig(t, p)
	r.up(0, 0)
	for k := uint32(1); k < 20; k++ {
		now := r.conns[0].due
		if k%5 == 0 {
			r.broken(0, now, syscall.ECONNRESET)
			now += s
			_, ok := r.reopenNext(now)
			require.True(t, ok)
			r.dial(0, now)
			r.established(0, now)
		} else {
			r.woken(0, now)
		}
		r.write(0, now)
		r.answer(0, now)
		require.Equal(t, now+p.Cadence.pause(p.Seed, 0, k), r.conns[0].due)
	}
}

// TestReopening in every world: each conn is closed after its third answer, the third time for good.
func TestReopening(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w world) {
		const n = 20
		p := plan(n)
		p.Reopen = Reopen{Delay: 10 * ms, Most: 20 * ms, Rate: 1000}
		p.Hold, p.IdleTimeout = 800*ms, 4*s
		w.aim(&p, w.serve(t, func(index int, nc net.Conn, r *bufio.Reader) {
			for answers := 0; readRequest(r); {
				nc.Write([]byte(ok))
				if answers++; answers == 3 && index < 2*n {
					return
				}
			}
		}))
		r := run(t, p)
		require.Equal(t, Conns{Requested: n, EverEstablished: n, Served: n, Attempts: 3 * n, Connected: 3 * n, OpenAtEnd: n,
			Dropped: 2 * n, Reattempts: 2 * n, Reopened: 2 * n, Recovered: 2 * n}, r.Conns, "%+v", r.Drops)
		require.EqualValues(t, 2*n, r.Recovery.Count())
		require.GreaterOrEqual(t, r.Recovery.Min, 5*ms)
		for _, d := range r.Drops {
			require.Contains(t, []Cause{ClosedIdle, ResetWriting, ResetWritingLate}, d.Cause, "%+v", d)
			require.EqualValues(t, 3, d.FewestServed, "%+v", d)
			require.EqualValues(t, 3, d.MostServed, "%+v", d)
		}
	})
}

// TestReopeningInVain: nobody is there any more. The attempts keep to their rate, and the run to its end.
func TestReopeningInVain(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w world) {
		const n, rate = 30, 50
		p := plan(n)
		p.Reopen, p.Hold, p.IdleTimeout = Reopen{Rate: rate}, 2*s, 8*s
		var answered atomic.Int64
		gone := make(chan struct{})
		l := w.serve(t, func(_ int, nc net.Conn, r *bufio.Reader) {
			if readRequest(r) {
				nc.Write([]byte(ok))
				answered.Add(1)
			}
			<-gone
		})
		w.aim(&p, l)
		p.Progress = func(sample Sample) {
			if answered.Load() == n && sample.Phase == PhaseHold {
				answered.Store(0)
				l.Close()
				close(gone)
			}
		}
		r := run(t, p)
		require.EqualValues(t, n, r.Conns.Dropped)
		require.Zero(t, r.Conns.Recovered)
		require.Zero(t, r.Conns.OpenAtEnd)
		require.Greater(t, r.Conns.Reattempts, int64(rate/2))
		for _, sample := range r.Timeline {
			if sample.Phase > PhaseRamp && sample.At > 2*s {
				require.LessOrEqual(t, sample.Attempts, int64(rate), "%+v", r.Timeline)
			}
		}
	})
}

// TestReopeningIsCancelled with attempts in flight and others to come.
func TestReopeningIsCancelled(t *testing.T) {
	r := newRig(t, reopeningPlan(3))
	for j := range uint32(3) {
		r.up(j, 0)
		r.broken(j, ms, errors.New("x"))
	}
	j, ok := r.reopenNext(s)
	require.True(t, ok)
	r.dial(j, s)
	r.abandon(s)
	require.Equal(t, Conns{Requested: 3, EverEstablished: 3, Attempts: 4, Connected: 3, ConnectAbandoned: 1, Dropped: 3,
		Reattempts: 1}, r.requireLawful().Conns)
}
