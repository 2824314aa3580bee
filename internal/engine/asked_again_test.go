package engine

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestAskedAgainOnAGrid: a conn that the sweep asks again because its answer was too old skips no due instant.
func TestAskedAgainOnAGrid(t *testing.T) {
	p := plan(2)
	p.Cadence = Cadence{Kind: Every, Min: 10 * ms, Grid: true}
	p.Hold, p.IdleTimeout = 300*ms, s
	r := newRig(t, p)
	r.up(0, 0)
	first := r.conns[0].due
	r.woken(0, first)
	r.write(0, first)
	r.answer(0, first)
	r.woken(0, first+10*ms)
	r.write(0, first+10*ms) // in the ramp, and not answered in all of hold
	r.dial(1, first)
	r.failed(1, first+15*ms, ConnectRefused, nil) // the ramp ends
	r.advance(first + 15*ms)
	r.advance(first + 400*ms)
	require.Equal(t, PhaseSweep, r.phase)
	require.Equal(t, never, r.askDue()) // passed while it waits
	now := first + 400*ms
	require.Equal(t, wantWrite, r.answer(0, now))
	r.write(0, now)
	r.answer(0, now+ms)
	r.advance(now + ms)
	if r.conns[0].state == writing {
		r.write(0, now+ms)
		r.answer(0, now+2*ms)
	}
	require.True(t, r.drained())
	require.EqualValues(t, 30, r.requireLawful().Requests.HoldDue)
}
