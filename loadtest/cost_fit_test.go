package loadtest

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	heapKind = figureKinds[0]
	ascent   = steps{2000, 4000, 8000}
)

// along returns repeats of readings that f gives for so many conns.
func along(repeats int, f func(repeat, conns int) float64) (all []stepReadings) {
	for i := range repeats {
		var y stepReadings
		for j, n := range ascent {
			y[j] = int64(f(i, n))
		}
		all = append(all, y)
	}
	return all
}

func TestSlopeOfALine(t *testing.T) {
	m := marginalOf(heapKind, ascent, along(5, func(_, n int) float64 { return 5e6 + 10_240*float64(n) }))
	require.InDelta(t, 10_240, m.PerConn, 1e-6)
	require.InDelta(t, 10_240, m.Low, 1e-6)
	require.InDelta(t, 10_240, m.High, 1e-6)
	require.Empty(t, m.Why)
	require.Equal(t, "10.0KiB ± 0B", m.String())

	// Of three points that are not on a line the slope by least squares: 25/7 here, by hand.
	f := fitOf(steps{0, 1, 3}, stepReadings{0, 5, 11})
	require.InDelta(t, 25.0/7, f.slope, 1e-12)
	require.Equal(t, fit{f.slope, 5, 3}, f)
}

// What the process has besides differs from repeat to repeat and has no part in a slope.
func TestSlopeWithoutWhatIsThereAnyway(t *testing.T) {
	m := marginalOf(heapKind, ascent, along(5, func(i, n int) float64 { return float64(i)*1e7 + 9_000*float64(n) }))
	require.InDelta(t, 9_000, m.PerConn, 1e-6)
	require.InDelta(t, 0, m.High-m.Low, 1e-6)
}

// TestIntervalHoldsTheTruth in 95 % of cases, and the t of a textbook.
func TestIntervalHoldsTheTruth(t *testing.T) {
	mean, half := interval([]float64{9, 10, 11})
	require.InDelta(t, 10, mean, 1e-12)
	require.InDelta(t, 4.303/math.Sqrt(3), half, 1e-9)
	require.InDelta(t, 2.228, student(10), 1e-3)
	require.InDelta(t, 2.201, student(11), 1e-3)
	require.InDelta(t, 2.042, student(30), 1e-3)

	rng := rand.New(rand.NewPCG(1, 2))
	held := 0
	const trials = 4000
	for range trials {
		m := marginalOf(figureKinds[5], ascent, along(5, func(_, n int) float64 { return 8_000*float64(n) + rng.NormFloat64()*1e5 }))
		require.Empty(t, m.Why)
		if m.Low <= 8_000 && 8_000 <= m.High {
			held++
		}
	}
	require.InDelta(t, 0.95, float64(held)/trials, 0.015)
}

func TestNotLinear(t *testing.T) {
	bent := func(kind kind, by float64) Marginal {
		return marginalOf(kind, ascent, along(5, func(i, n int) float64 {
			return 10_000*float64(n) + float64(max(0, n-4000))*10_000*by + float64(i)
		}))
	}
	for _, k := range figureKinds {
		require.Empty(t, bent(k, 0.8*k.curvature).Why, k.name)
		m := bent(k, 1.2*k.curvature)
		require.Contains(t, m.Why, "not linear: ", k.name)
		require.Equal(t, m.Why, m.String())
		require.True(t, math.IsInf(m.PerConn, 1), "no limit is kept by it")
		require.Contains(t, bent(k, -1.2*k.curvature).Why, "not linear: ", k.name)
	}
	require.Equal(t, "not linear: 9.77KiB from 2000 to 4000 conns, 14.6KiB from there to 8000", bent(heapKind, 0.5).Why)

	// A curve that only some repeats have is chance, and in the interval.
	m := marginalOf(heapKind, ascent, along(5, func(i, n int) float64 { return 10_000*float64(n) + float64((i-1)*(n/8000))*9e6 }))
	require.Empty(t, m.Why)
	require.Greater(t, m.High-m.Low, 1000.0)

	// Next to nothing is no curve.
	m = marginalOf(heapKind, ascent, along(5, func(_, n int) float64 { return float64(max(0, n-4000)) * 10 }))
	require.Empty(t, m.Why)
	m = marginalOf(heapKind, ascent, along(5, func(_, n int) float64 { return float64(max(0, n-4000)) * 40 }))
	require.NotEmpty(t, m.Why)
}

func TestUnknownCost(t *testing.T) {
	m := marginalOf(heapKind, ascent, along(5, func(i, n int) float64 {
		if i == 4 && n == 4000 {
			return -1
		}
		return float64(n)
	}))
	require.Equal(t, "unknown", m.String())
	require.True(t, math.IsInf(m.PerConn, 1))
}

// TestMemoryThatIsKept: after the first staircase there is nothing to see any more, and the slope would be next to none.
func TestMemoryThatIsKept(t *testing.T) {
	rss := figureKinds[figureRSS]
	require.Equal(t, "RSS", rss.name)
	keeps := fresh(along(5, func(i, n int) float64 {
		if i > 0 {
			n = 8000
		}
		return 5e6 + 10_240*float64(n)
	}))
	require.Len(t, keeps, 1)
	m := marginalOf(rss, ascent, keeps)
	require.InDelta(t, 10_240, m.PerConn, 1e-6)
	require.InDelta(t, 0, m.High-m.Low, 1e-6)
	require.Len(t, fresh(along(5, func(i, n int) float64 { return 10_240*float64(n) + float64(i)*1e5 })), 5)

	bent := []stepReadings{{20_000_000, 40_000_000, 81_000_000}} // 10 000 and 10 250 a conn
	m = marginalOf(rss, ascent, bent)
	require.Equal(t, []float64{10_000, 10_250}, []float64{m.Low, m.High})
	require.Contains(t, marginalOf(rss, ascent, []stepReadings{{20_000_000, 40_000_000, 90_000_000}}).Why, "not linear")
}
