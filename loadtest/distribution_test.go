package loadtest

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/holdfast/internal/engine"
)

func TestEmptyDistribution(t *testing.T) {
	for name, d := range map[string]Distribution{"zero value": {}, "no values": {engine.NewHist(time.Second)}} {
		t.Run(name, func(t *testing.T) {
			got := []int64{d.Count(), d.Censored(), d.Clamped(), int64(d.Quantile(0.5)), int64(d.Min()), int64(d.Max()),
				int64(d.Mean()), d.atLeast(0)}
			require.Equal(t, make([]int64, 8), got)
			require.True(t, d.Equal(Distribution{}))
			require.True(t, Distribution{}.Equal(d))
		})
	}
}

func TestQuantilesAgainstSortedValues(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for range 20 {
		values := make([]time.Duration, 1+rng.IntN(3000))
		h := engine.NewHist(time.Minute)
		var sum time.Duration
		for i := range values {
			values[i] = time.Duration(rng.ExpFloat64() * 1e6 * float64(1+rng.IntN(100)))
			h.Record(values[i])
			sum += values[i]
		}
		slices.Sort(values)
		d := Distribution{h}
		n := len(values)
		require.EqualValues(t, n, d.Count())
		require.Equal(t, values[0], d.Min())
		require.Equal(t, values[n-1], d.Max())
		require.Equal(t, sum/time.Duration(n), d.Mean())
		for _, q := range []float64{0, 0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999, 1} {
			rank := min(max(int(q*float64(n)+0.5), 1), n)
			want, got := values[rank-1], d.Quantile(q)
			require.GreaterOrEqual(t, got, want, "quantile %v of %d", q, n)
			require.LessOrEqual(t, got, want+want/1000, "quantile %v of %d", q, n)
			require.LessOrEqual(t, got, d.Max())
		}
		limit := values[rng.IntN(n)]
		atLeast := n - slices.IndexFunc(values, func(v time.Duration) bool { return v >= limit })
		below := n - slices.IndexFunc(values, func(v time.Duration) bool { return v >= limit-limit/1000 })
		require.GreaterOrEqual(t, d.atLeast(limit), int64(atLeast))
		require.LessOrEqual(t, d.atLeast(limit), int64(below))
	}
}

func TestDistributionsDiffer(t *testing.T) {
	base := func() *engine.Hist { return histOf(10, time.Millisecond, time.Second) }
	require.True(t, Distribution{base()}.Equal(Distribution{base()}))
	for name, change := range map[string]func(*engine.Hist){
		"one more": func(h *engine.Hist) { h.Record(time.Second) },
		"sum":      func(h *engine.Hist) { h.Sum++ },
		"min":      func(h *engine.Hist) { h.Min++ },
		"max":      func(h *engine.Hist) { h.Max++ },
		"censored": func(h *engine.Hist) { h.Censored++ },
		"clamped":  func(h *engine.Hist) { h.Clamped++ },
		"range":    func(h *engine.Hist) { h.HDR = histOf(10, time.Millisecond, 900*time.Millisecond).HDR },
	} {
		t.Run(name, func(t *testing.T) {
			changed := base()
			change(changed)
			require.False(t, Distribution{base()}.Equal(Distribution{changed}))
		})
	}
}

func TestValuesOutOfRangeAreClampedAndCounted(t *testing.T) {
	h := engine.NewHist(time.Second)
	h.Record(time.Millisecond)
	h.Record(time.Hour)
	h.Record(-time.Millisecond)
	d := Distribution{h}
	require.EqualValues(t, 3, d.Count())
	require.EqualValues(t, 2, d.Clamped())
	require.Equal(t, time.Hour, d.Max())
	require.Equal(t, -time.Millisecond, d.Min())
	require.Equal(t, time.Hour/3, d.Mean())
	require.GreaterOrEqual(t, d.Quantile(1), time.Second)
	require.LessOrEqual(t, d.Quantile(1), time.Hour)
}

// TestRankedAgainstSortedValues: each value lies between the edges of its rank, and clamped ones do too.
func TestRankedAgainstSortedValues(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	for range 20 {
		values := make([]time.Duration, 1+rng.IntN(500))
		h := engine.NewHist(time.Second)
		for i := range values {
			values[i] = time.Duration(rng.Uint64()>>(20+rng.IntN(40))) - 1
			h.Record(values[i])
		}
		slices.Sort(values)
		for i, want := range values {
			least, most := Distribution{h}.ranked(int64(i + 1))
			require.LessOrEqual(t, least, want, "rank %d of %d", i+1, len(values))
			require.GreaterOrEqual(t, most, want, "rank %d of %d", i+1, len(values))
			if inside := h.HDR.ValueAtQuantile(0) < int64(least) && int64(most) < h.HDR.ValueAtQuantile(100); inside {
				require.LessOrEqual(t, most-least, most/1000)
			}
		}
	}
}
