package engine

import (
	"bufio"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// allHeld is the ledger of a run in which nothing was lost.
func allHeld(n int64) Conns {
	return Conns{Requested: n, EverEstablished: n, Served: n, Held: n, Attempts: n, Connected: n, OpenAtEnd: n}
}

// closesIdle answers every request, as reply says, and closes a conn that is idle for longer than timeout, as servers do.
func closesIdle(timeout time.Duration, reply script) script {
	return func(index int, nc net.Conn, r *bufio.Reader) {
		for {
			nc.SetReadDeadline(time.Now().Add(timeout))
			if !readRequest(r) {
				return
			}
			reply(index, nc, r)
		}
	}
}

func replyOK(_ int, nc net.Conn, _ *bufio.Reader) { nc.Write([]byte(ok)) }

// TestSlowConnCostsNoOther: while the sweep waits for one answer, the other conns are kept alive.
func TestSlowConnCostsNoOther(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w world) {
		p := plan(20)
		p.Cadence = Cadence{Kind: Uniform, Min: 100 * ms, Max: 300 * ms}
		p.Hold, p.IdleTimeout = 400*ms, s
		requests := 0 // of conn 0
		w.aim(&p, w.serve(t, closesIdle(p.IdleTimeout, func(index int, nc net.Conn, r *bufio.Reader) {
			if index == 0 {
				if requests++; requests == 2 {
					<-time.After(2 * s) // longer than hold and IdleTimeout together
				}
			}
			replyOK(index, nc, r)
		})))
		r := run(t, p)
		require.Equal(t, allHeld(20), r.Conns, "%+v", r.Drops)
		require.Empty(t, r.Drops)
		require.Equal(t, r.Requests.Due, r.Requests.Answered)
		require.Greater(t, r.SweepEnd-r.HoldEnd, p.IdleTimeout, "the sweep waited for the slow one")
	})
}

// TestSweepOfManyKeepsTheFirstAlive: at the ramp's pace the last conn would be asked after the server has given it up.
func TestSweepOfManyKeepsTheFirstAlive(t *testing.T) {
	const n = 1500
	for _, w := range worlds() {
		if w.name != "blocking/memory" && w.name != "epoll/tcp" { // the drivers, by their cheapest networks
			continue
		}
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			p := plan(n)
			p.Ramp, p.Cadence = Ramp{Conns: n}, Cadence{}
			p.Hold, p.IdleTimeout = 600*ms, 2*s
			w.aim(&p, w.serve(t, closesIdle(p.IdleTimeout, replyOK)))
			r := run(t, p)
			require.Equal(t, allHeld(n), r.Conns, "%+v", r.Drops)
			// One in the ramp and one in the sweep. The blocking driver may handle the answer that ends the ramp after others
			// that were read later: their requests are of hold already.
			require.LessOrEqual(t, r.Requests.Due, int64(2*n))
			require.Equal(t, r.Requests.Due, r.Requests.Answered)
		})
	}
}

// TestSweepAsksAllWithinAQuarterOfIdleTimeout, however slow the ramp was, divided among any workers.
func TestSweepAsksAllWithinAQuarterOfIdleTimeout(t *testing.T) {
	const n = 3000 // 3 s at the ramp's pace
	for _, workers := range []int{1, 2} {
		p := plan(n)
		p.Ramp, p.Cadence, p.Workers, p.Tick = Ramp{Conns: 1, Every: ms}, Cadence{}, workers, 0
		p.Hold, p.IdleTimeout = time.Hour, 4*s
		ph := newPhases(n, workers, p.Hold)
		var rigs []rig
		for worker := range workers {
			r := rig{newMachine(&p, ph, worker), t}
			for j := range uint32(len(r.conns)) {
				r.up(j, ms)
				r.write(j, ms)
				r.answer(j, s)
			}
			rigs = append(rigs, r)
		}
		end := ph.holdEnd()
		for _, r := range rigs {
			r.advance(end - 1)
			r.advance(end)
			asked := r.askAll()
			require.Len(t, asked, n/workers)
			require.Equal(t, end, asked[0])
			after := asked[len(asked)-1] + r.sweep.gap - end
			require.LessOrEqual(t, after, p.IdleTimeout/4)
			require.Greater(t, after, p.IdleTimeout/4-ms, "and it takes the time that there is")
		}
	}
}

// askAll asks each conn at the very instant that it is to be asked at, and answers at once.
func (r rig) askAll() (asked []time.Duration) {
	for now := r.askDue(); now != never; now = r.askDue() {
		j, w := r.ask(now)
		require.Equal(r.t, wantWrite, w)
		r.write(j, now)
		r.answer(j, now)
		asked = append(asked, now)
	}
	return asked
}

// TestClosedLoopIsKeptWarmInALongRamp: the closed loop begins with hold, and the first conns live to see it.
func TestClosedLoopIsKeptWarmInALongRamp(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w world) {
		p := plan(30)
		p.Ramp, p.Cadence = Ramp{Conns: 1, Every: 110 * ms}, Cadence{Kind: BackToBack}
		p.Hold, p.IdleTimeout = 500*ms, 2*s // long enough for a machine that is busy with seven of them
		w.aim(&p, w.serve(t, closesIdle(p.IdleTimeout, replyOK)))
		r := run(t, p)
		require.Greater(t, r.RampEnd, p.IdleTimeout+s, "the first conn would be gone")
		require.Equal(t, allHeld(30), r.Conns, "%+v", r.Drops)
		require.Equal(t, r.Requests.Due, r.Requests.Answered)
		require.GreaterOrEqual(t, r.Requests.HoldSent, int64(30))
	})
}

// TestClosedLoopInTheRamp: a conn that is up sends at half of IdleTimeout, counted from its answer, until the ramp ends.
func TestClosedLoopInTheRamp(t *testing.T) {
	p := plan(2)
	p.Cadence, p.IdleTimeout = Cadence{Kind: BackToBack}, 10*s
	r := newRig(t, p)
	r.up(0, 0)
	now := time.Duration(0)
	for range 4 {
		r.write(0, now)
		require.Equal(t, wantWait, r.answer(0, now+ms))
		require.Equal(t, now+ms+5*s, r.conns[0].wake)
		now += ms + 5*s
		require.Equal(t, wantWrite, r.woken(0, now))
	}
	require.Equal(t, Requests{Due: 5, Sent: 4, Answered: 4, Status: [6]int64{2: 4}}, r.tally.Requests)
}

// TestWedgedServerHoldsNothing: an answer of the ramp is no proof of hold, however short hold was.
func TestWedgedServerHoldsNothing(t *testing.T) {
	t.Parallel()
	const n = 100
	each(t, func(t *testing.T, w world) {
		p := plan(n)
		p.Cadence = Cadence{}
		p.Hold, p.IdleTimeout, p.ResponseTimeout = 50*ms, time.Minute, s
		w.aim(&p, w.serve(t, func(_ int, nc net.Conn, r *bufio.Reader) {
			readRequest(r)
			nc.Write([]byte(ok))
			io.Copy(io.Discard, r) // until the client has enough
		}))
		r := run(t, p)
		require.Equal(t, Conns{Requested: n, EverEstablished: n, Served: n, Attempts: n, Connected: n, Dropped: n}, r.Conns)
		require.Equal(t, Requests{Due: 2 * n, Sent: 2 * n, Answered: n, TimedOut: n, Status: [6]int64{2: n}}, r.Requests)
		require.Len(t, r.Drops, 1)
		require.Equal(t, ResponseTimedOut, r.Drops[0].Cause)
		require.Equal(t, PhaseSweep, r.Drops[0].Phase)
	})
}

// TestEndlessBody: bytes that keep coming do not put the deadline off.
func TestEndlessBody(t *testing.T) {
	t.Parallel()
	const n = 2
	chunk := []byte(strings.Repeat("x", 1<<20))
	each(t, func(t *testing.T, w world) {
		p := plan(n)
		p.ResponseTimeout = 300 * ms
		w.aim(&p, w.serve(t, func(_ int, nc net.Conn, r *bufio.Reader) {
			readRequest(r)
			for _, err := io.WriteString(nc, "HTTP/1.1 200 OK\r\n\r\n"); err == nil; {
				_, err = nc.Write(chunk)
			}
		}))
		r := run(t, p)
		require.Equal(t, Requests{Due: n, Sent: n, TimedOut: n}, r.Requests)
		require.Equal(t, Conns{Requested: n, EverEstablished: n, Attempts: n, Connected: n, Dropped: n}, r.Conns)
		require.Equal(t, ResponseUnfinished, r.Drops[0].Cause)
	})
}
