package engine

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestHazardBins: each age is in the bin that says so, and a bin is narrow.
func TestHazardBins(t *testing.T) {
	require.Zero(t, hazardBin(-1))
	require.Equal(t, hazardBins-1, hazardBin(never))
	rng := rand.New(rand.NewPCG(1, 1))
	for range 100_000 {
		age := time.Duration(rng.Int64N(1 << rng.IntN(47)))
		b := hazardBin(age)
		from, to := hazardFrom(b), hazardFrom(b+1)
		require.LessOrEqual(t, from, age)
		require.Less(t, age, to)
		require.LessOrEqual(t, to-from, max(hazardUnit, from/hazardSteps), "age %v", age)
	}
	require.Greater(t, hazardFrom(hazardBins), 24*time.Hour)
}

// TestHazard: three conns idle for 1 s, 2 s and 3 s; the server closes the last of them.
func TestHazard(t *testing.T) {
	var h, other Hazard
	h.survived(s)
	other.survived(2*s + 500*time.Microsecond)
	other.survived(3 * s)
	other.closed(3 * s)
	h.merge(&other)
	var atRisk time.Duration
	var closes int64
	bins := h.bins()
	for i, b := range bins {
		atRisk += b.AtRisk
		closes += b.Closes
		switch {
		case b.From >= 2*s+128*ms:
			require.EqualValues(t, 1, b.Reached)
		case b.From >= s+64*ms && b.From < 2*s-128*ms:
			require.EqualValues(t, 2, b.Reached)
			require.Equal(t, 2*(b.To-b.From), b.AtRisk)
		case b.To < s:
			require.EqualValues(t, 3, b.Reached)
		}
		if i > 0 {
			require.Equal(t, bins[i-1].To, b.From)
		}
	}
	require.Equal(t, 6*s+500*time.Microsecond, atRisk, "the sum of the idle times")
	require.EqualValues(t, 1, closes)
	last := bins[len(bins)-1]
	require.EqualValues(t, 1, last.Closes)
	require.LessOrEqual(t, last.From, 3*s)
	require.Greater(t, last.To, 3*s)
	require.Empty(t, new(Hazard).bins())
}

// TestIdleTimesAtRisk: from established to the first request, from an answer to the next, to the loss, or to the end of
// the sweep; with a request on the wire a conn is not idle.
func TestIdleTimesAtRisk(t *testing.T) {
	p := plan(3)
	p.Cadence, p.Hold = Cadence{}, 10*s
	r := newRig(t, p)
	for j := range uint32(3) {
		r.up(j, s)
		r.write(j, s+10*ms)  // idle for 10 ms
		r.answer(j, s+50*ms) // and waiting for 40
	}
	r.advance(s + 50*ms)
	r.eof(0, 3*s+50*ms, endUnknown) // idle for 2 s, closed
	r.advance(11*s + 50*ms)
	require.Len(t, r.askAll(), 2) // idle for 10 s
	r.advance(12 * s)
	require.Equal(t, PhaseDrain, r.phase)
	res := r.requireLawful()
	var atRisk time.Duration
	var closes []HazardBin
	for _, b := range res.Hazard {
		atRisk += b.AtRisk
		if b.Closes > 0 {
			closes = append(closes, b)
		}
	}
	asked := 10*s + 10*s + r.sweep.gap // when the sweep came to them
	rest := 2*(950*ms) - r.sweep.gap - 2*10*ms + 20*ms
	require.InDelta(t, float64(3*10*ms+2*s+asked+rest), float64(atRisk), float64(200*ms))
	require.Len(t, closes, 1)
	require.EqualValues(t, 1, closes[0].Closes)
	require.EqualValues(t, 3, closes[0].Reached)
	require.LessOrEqual(t, closes[0].From, 2*s)
	require.Greater(t, closes[0].To, 2*s)
}
