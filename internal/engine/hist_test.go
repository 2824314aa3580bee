package engine

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

func TestHistQuantiles(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{1, 2, 10, 101, 1000, 12_345} {
		h, values := NewHist(time.Minute), []time.Duration{}
		sum := time.Duration(0)
		for range n {
			d := time.Duration(math.Exp(rng.Float64()*18) * 100) // 100 ns … 6.5 s, over all scales
			h.Record(d)
			values, sum = append(values, d), sum+d
		}
		slices.Sort(values)
		require.EqualValues(t, n, h.Count())
		require.Equal(t, sum, h.Sum)
		require.Equal(t, values[0], h.Min)
		require.Equal(t, values[n-1], h.Max)
		for _, q := range []float64{0, 0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 1} {
			// HdrHistogram rounds the rank to the nearest.
			want := values[max(1, min(n, int(q*float64(n)+0.5)))-1]
			got := h.Quantile(q)
			require.GreaterOrEqual(t, got, want-want/1000, "n %d, q %v", n, q)
			require.LessOrEqual(t, got, want+want/1000, "n %d, q %v", n, q)
		}
		require.Equal(t, values[n-1], h.Quantile(1))
	}
}

func TestHistEmpty(t *testing.T) {
	h := NewHist(time.Minute)
	require.Zero(t, h.Quantile(0.5))
	require.Zero(t, h.Count())
	h.Merge(NewHist(time.Minute))
	require.Zero(t, h.Max)
}

// TestHistClamps: no value is thrown away for being out of range.
func TestHistClamps(t *testing.T) {
	h := NewHist(time.Minute)
	for _, d := range []time.Duration{-5, time.Second, 10 * time.Hour} {
		h.Record(d)
	}
	require.EqualValues(t, 3, h.Count())
	require.EqualValues(t, 2, h.Clamped)
	require.Equal(t, time.Duration(-5), h.Min)
	require.Equal(t, 10*time.Hour, h.Max)
	require.Equal(t, 10*time.Hour+time.Second-5, h.Sum)
	require.InEpsilon(t, float64(time.Second), float64(h.Quantile(0.5)), 0.001)

	h = NewHist(time.Minute)
	h.Record(-7)
	require.Equal(t, time.Duration(-7), h.Max, "exact, whatever the sign")
	o := NewHist(time.Minute)
	o.Merge(h)
	require.Equal(t, time.Duration(-7), o.Max)
}

func TestHistMergeIsLossless(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	all := NewHist(time.Minute)
	parts := []*Hist{NewHist(time.Minute), NewHist(time.Minute), NewHist(time.Minute), NewHist(time.Minute)}
	for range 10_000 {
		d := time.Duration(rng.Int64N(int64(2 * time.Minute)))
		all.Record(d)
		parts[rng.IntN(3)].Record(d) // the last stays empty
	}
	parts[0].Censored, all.Censored = 7, 7
	merged := NewHist(time.Minute)
	for _, p := range parts {
		merged.Merge(p)
	}
	require.Greater(t, merged.Clamped, int64(100))
	require.Empty(t, cmp.Diff(all.HDR.Export(), merged.HDR.Export()))
	merged.HDR, all.HDR = nil, nil
	require.Equal(t, all, merged)
}
