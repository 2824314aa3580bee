package engine

import (
	"bufio"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestGridUnderOverload: each instant of the grid is a request due, whether the server can keep up or not; those behind
// the last one sent are unsent.
func TestGridUnderOverload(t *testing.T) {
	const every, service = 10 * ms, 35 * ms
	p := plan(1)
	p.Cadence = Cadence{Kind: Every, Min: every, Grid: true}
	p.Hold, p.IdleTimeout = s, 2*s
	r := newRig(t, p)
	r.up(0, 0)
	first := r.conns[0].due
	r.woken(0, first)
	now := first
	for r.phase < PhaseDrain {
		r.write(0, now)
		now += service
		r.answer(0, now) // the next is overdue
		r.advance(now)
	}
	require.Equal(t, first+service, time.Duration(r.phases.rampEnd.Load()))
	exchanges := int64((now - first) / service)
	require.EqualValues(t, 31, exchanges, "hold ends in the 30th, and the sweep waits for one more")
	last := r.conns[0]
	require.Equal(t, writing, last.state, "asked for while the sweep was not over yet")
	r.write(0, now)
	r.answer(0, now+service)
	require.True(t, r.drained())

	q := r.requireLawful().Requests
	require.EqualValues(t, s/every, q.HoldDue)
	// Request k is due at first + k·every: those of the ramp are 0 … 3.
	require.Equal(t, exchanges+1-4, q.HoldSent)
	require.Equal(t, exchanges+1, q.Answered)
	require.EqualValues(t, (now-first)/every+1, q.Due, "from the first to the end of the sweep")
	require.Equal(t, q.Due-q.Answered, q.Unsent)
}

// TestFixedCadenceUnderOverload: 200 conns that ask each millisecond a server that takes twenty for an answer.
func TestFixedCadenceUnderOverload(t *testing.T) {
	const n, service = 200, 20 * ms
	each(t, func(t *testing.T, w world) {
		p := plan(n)
		p.Ramp, p.Cadence = Ramp{Conns: n}, Cadence{Kind: Every, Min: ms, Grid: true}
		p.Hold, p.IdleTimeout = 300*ms, s
		w.aim(&p, w.serve(t, func(_ int, nc net.Conn, r *bufio.Reader) {
			for readRequest(r) {
				<-time.After(service)
				nc.Write([]byte(ok))
			}
		}))
		r := run(t, p)
		q := r.Requests
		require.Equal(t, allHeld(n), r.Conns, "%+v", r.Drops)
		require.EqualValues(t, n*p.Hold/ms, q.HoldDue)
		require.Equal(t, q.Sent, q.Answered)
		require.GreaterOrEqual(t, q.Sent, int64(2*n), "one in the ramp and one after it")
		require.LessOrEqual(t, q.HoldSent, q.Sent-n, "what was overdue from the ramp went out first")
		require.LessOrEqual(t, q.Sent, n*int64(r.DrainEnd/service), "one at a time")
		require.GreaterOrEqual(t, q.Unsent, q.HoldDue-q.HoldSent, "what was due in hold and not sent is unsent")
	})
}

// TestSentInHoldWasDueInHold: the end of the ramp and the first requests of hold race, where pauses are short.
func TestSentInHoldWasDueInHold(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		l := w.serve(t, answer(ok))
		var sent int64
		for seed := range uint64(5) {
			p := plan(100)
			p.Ramp, p.MaxConnecting, p.Workers = Ramp{Conns: 100}, 100, 2
			p.Cadence = Cadence{Kind: Uniform, Min: ms / 2, Max: 4 * ms}
			p.Hold, p.Seed = 60*ms, seed+1
			w.aim(&p, l)
			q := run(t, p).Requests
			require.Equal(t, q.HoldDue, q.HoldSent)
			sent += q.HoldSent
		}
		require.Positive(t, sent, "in five holds of 60 ms, each of which a busy machine may sleep through")
	})
}
