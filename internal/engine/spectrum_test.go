package engine

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestSpectrumEdges: a duration is read as its bucket's lower edge, at most a 128th below it.
func TestSpectrumEdges(t *testing.T) {
	require.Equal(t, []int{0, 0, 127, 128, spectrumSize - 2, spectrumSize - 1, spectrumSize - 1},
		[]int{bucketOf(-1), bucketOf(0), bucketOf(127), bucketOf(128), bucketOf(1<<48 - 1), bucketOf(1 << 48), bucketOf(never)})
	for bucket := range spectrumSize {
		require.Equal(t, bucket, bucketOf(edgeOf(bucket)))
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 10_000 {
		d := time.Duration(rng.Uint64() >> (16 + rng.IntN(40)))
		edge := edgeOf(bucketOf(d))
		require.LessOrEqual(t, edge, d)
		require.GreaterOrEqual(t, edge, d-d/128)
	}
}

// durationsOf returns all durations of a spectrum.
func durationsOf(s Spectrum) map[time.Duration]int64 {
	all := map[time.Duration]int64{}
	last := time.Duration(-1)
	for d, n := range s.All() {
		if d <= last || n <= 0 {
			return nil
		}
		all[d], last = n, d
	}
	return all
}

func TestSpectraAddUp(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 100 {
		want := map[time.Duration]int64{}
		var all Spectrum
		for range 1 + rng.IntN(4) {
			var m Spectrometer
			for range rng.IntN(200) {
				d := time.Duration(rng.ExpFloat64() * 1e5)
				m.Record(d)
				want[edgeOf(bucketOf(d))]++
			}
			part := m.Take()
			require.Nil(t, m.Take(), "it has begun anew")
			all = all.Merge(part)
		}
		require.Equal(t, want, durationsOf(all))
	}
}

// TestSpectrumCutShort: what comes from elsewhere may end anywhere.
func TestSpectrumCutShort(t *testing.T) {
	var m Spectrometer
	for _, d := range []time.Duration{ms, s, 10 * s} {
		m.Record(d)
	}
	whole := m.Take()
	for end := range len(whole) {
		require.LessOrEqual(t, len(durationsOf(whole[:end])), 3)
	}
	require.Len(t, durationsOf(whole), 3)
	require.Empty(t, durationsOf(Spectrum{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 1}), "beyond the last bucket")
}
