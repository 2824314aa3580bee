package gate

import (
	"errors"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/holdfast/loadtest"
)

// costsOf returns pairs of which one figure is this, and all others are 0.
func costsOf(name string, base, head []float64) []costPair {
	pairs := make([]costPair, len(base))
	for i := range pairs {
		pairs[i] = costPair{costOf(name, base[i]), costOf(name, head[i])}
	}
	return pairs
}

func costOf(name string, v float64) *loadtest.Cost {
	c := &loadtest.Cost{}
	figures := map[string]*loadtest.Marginal{
		heapName: &c.Heap, "goroutines per conn": &c.Goroutines, "descriptors per conn": &c.Descriptors, "stack per conn": &c.Stack,
		"RSS per conn": &c.RSS,
	}
	*figures[name] = loadtest.Marginal{PerConn: v, Low: v, High: v}
	return c
}

const heapName = "heap per conn"

func TestCompareCosts(t *testing.T) {
	type figures = []float64
	three := func(v float64) figures { return figures{v, v * 1.0005, v * 0.9995} }
	kilo := three(10_000)
	const notAgain = "3 pairs found it worse, 3 fresh ones did not confirm it"
	for _, tc := range []struct {
		name, metric string
		base, head   figures
		freshHead    figures // base as before
		want         outcome
		why          string
	}{
		{name: "same", metric: heapName, base: kilo, head: kilo, want: same},
		{name: "a little more", metric: heapName, base: kilo, head: three(10_150), want: same},
		{
			name: "five percent more", metric: heapName, base: kilo, head: three(10_500), freshHead: three(10_500), want: worse,
			why: "3 pairs found it worse, and 3 fresh ones again",
		},
		{
			name: "not confirmed", metric: heapName, base: kilo, head: three(10_500), freshHead: kilo, want: same, why: notAgain,
		},
		{
			name: "contradicted", metric: heapName, base: kilo, head: three(10_500), freshHead: three(9000), want: same,
			why: notAgain,
		},
		{
			name: "scattering afterwards", metric: heapName, base: kilo, head: three(10_500), freshHead: figures{10_000, 10_500, 10_000},
			want: unknown, why: notAgain + "; it scatters: 9995 to 1e+04 of base, 1e+04 to 1.05e+04 of head",
		},
		{name: "less", metric: heapName, base: kilo, head: three(9500), want: better},
		{
			name: "scattering", metric: heapName, base: figures{10_000, 10_300, 10_100}, head: figures{10_250, 10_100, 10_400},
			want: unknown, why: "it scatters: 1e+04 to 1.03e+04 of base, 1.01e+04 to 1.04e+04 of head",
		},
		{name: "nearly nothing", metric: heapName, base: figures{3, -4, 1}, head: figures{8, 9, 10}, want: same},
		{
			name: "one goroutine more", metric: "goroutines per conn", base: three(1), head: three(2), freshHead: three(2), want: worse,
			why: "3 pairs found it worse, and 3 fresh ones again",
		},
		{name: "a third of a goroutine", metric: "goroutines per conn", base: three(1), head: three(1.33), want: same},
		{name: "one goroutine less", metric: "goroutines per conn", base: three(2), head: three(1), want: better},
		{
			name: "one descriptor more", metric: "descriptors per conn", base: three(1), head: three(2), freshHead: three(2), want: worse,
			why: "3 pairs found it worse, and 3 fresh ones again",
		},
		{name: "stack", metric: "stack per conn", base: kilo, head: three(20_000), want: shown},
		{name: "RSS", metric: "RSS per conn", base: kilo, head: three(20_000), want: shown},
	} {
		t.Run(tc.name, func(t *testing.T) {
			asked := 0
			metrics, fresh, err := compareCosts(costsOf(tc.metric, tc.base, tc.head), func() ([]costPair, error) {
				asked++
				require.NotNil(t, tc.freshHead, "nothing is to be confirmed")
				return costsOf(tc.metric, tc.base, tc.freshHead), nil
			})
			require.NoError(t, err)
			m := find(t, metrics, tc.metric)
			require.Equal(t, tc.want, m.Outcome)
			require.Equal(t, tc.why, m.Why)
			require.Equal(t, tc.freshHead != nil, asked == 1)
			require.Equal(t, asked*3, len(fresh))
		})
	}
}

func TestCostsChange(t *testing.T) {
	metrics, _, err := compareCosts(costsOf(heapName, []float64{1000, 1010, 990}, []float64{1100, 1090, 1110}), func() ([]costPair, error) {
		return costsOf(heapName, []float64{1000, 1010, 990}, []float64{1200, 1190, 1210}), nil
	})
	require.NoError(t, err)
	m := find(t, metrics, heapName)
	require.Equal(t, []float64{1000, 1200}, []float64{*m.Base, *m.Head})
	require.InDelta(t, 0.2, m.Change.Estimate, 1e-12)
	require.InDelta(t, 1190.0/1010-1, m.Change.Low, 1e-12)
	require.InDelta(t, 1210.0/990-1, m.Change.High, 1e-12)
}

func TestCostsNotMeasured(t *testing.T) {
	v := []float64{1, 1, 1}
	noAgain := func() ([]costPair, error) {
		require.Fail(t, "nothing is to be confirmed")
		return nil, nil
	}
	for _, tc := range []struct {
		name   string
		change func(pairs []costPair)
		why    string
	}{
		{
			"no line", func(p []costPair) {
				p[1].Head.Heap = loadtest.Marginal{PerConn: math.Inf(1), Why: "not linear: 1 KiB from 25 to 50 conns, 2 KiB from there to 100"}
			},
			"head has no figure in pair 1: not linear: 1 KiB from 25 to 50 conns, 2 KiB from there to 100",
		},
		{
			"unknown", func(p []costPair) {
				p[2].Base.Heap = loadtest.Marginal{PerConn: math.Inf(1), Why: "unknown"}
			},
			"base has no figure in pair 2: unknown",
		},
		{"none", func(p []costPair) { p[0].Head = nil }, "head was not measured in pair 0"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			pairs := costsOf(heapName, v, v)
			tc.change(pairs)
			metrics, _, err := compareCosts(pairs, noAgain)
			require.NoError(t, err)
			m := find(t, metrics, heapName)
			require.Equal(t, unknown, m.Outcome)
			require.Equal(t, tc.why, m.Why)
			require.Nil(t, m.Base)
		})
	}
	metrics, _, err := compareCosts(nil, noAgain)
	require.NoError(t, err)
	require.Equal(t, "it was not measured", metrics[0].Why)
	require.Equal(t, unknown, overall(metrics))
}

func TestCostsAgainFails(t *testing.T) {
	first := costsOf(heapName, []float64{1000, 1000, 1000}, []float64{1100, 1100, 1100})
	broken := errors.New("no server")
	_, _, err := compareCosts(first, func() ([]costPair, error) { return nil, broken })
	require.ErrorIs(t, err, broken)

	metrics, _, err := compareCosts(first, func() ([]costPair, error) { return nil, &disturbedError{"the host was busy"} })
	require.NoError(t, err)
	m := find(t, metrics, heapName)
	require.Equal(t, unknown, m.Outcome)
	require.Equal(t, "3 pairs found it worse, which could not be confirmed: the host was busy", m.Why)

	metrics, _, err = compareCosts(first, func() ([]costPair, error) {
		fresh := costsOf(heapName, []float64{1000, 1000, 1000}, []float64{1100, 1100, 1100})
		fresh[0].Base = nil
		return fresh, nil
	})
	require.NoError(t, err)
	m = find(t, metrics, heapName)
	require.Equal(t, unknown, m.Outcome)
	require.Equal(t, "3 pairs found it worse, and in the fresh ones base was not measured in pair 0", m.Why)
}
