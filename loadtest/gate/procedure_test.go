package gate

import (
	"encoding/json"
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

// calm is a side of a pair in which nothing happened.
var calm = side{
	Conns: 1000, CPU: time.Second, Requests: 10_000, Fewest: 450, P50: 100 * time.Microsecond, P99: time.Millisecond,
	P999: 2 * time.Millisecond, Max: 3 * time.Millisecond,
}

// pairsOf returns as many pairs whose CPU time per request differs by these percentages.
func pairsOf(percents ...float64) []pair {
	pairs := make([]pair, len(percents))
	for i, percent := range percents {
		head := calm
		head.CPU = time.Duration(float64(calm.CPU) * (1 + percent/100))
		pairs[i] = pair{Number: i, Base: calm, Head: head, Slices: []slice{
			{Took: 100 * time.Millisecond, Requests: 500}, {Head: true, Took: 100 * time.Millisecond, Requests: 510},
		}}
	}
	return pairs
}

// around returns n percentages, evenly from middle − spread to middle + spread.
func around(n int, middle, spread float64) (p []float64) {
	for i := range n {
		p = append(p, middle+spread*(2*float64(i)/float64(n-1)-1))
	}
	return p
}

// with changes the heads of pairs.
func with(pairs []pair, change func(i int, head *side)) []pair {
	for i := range pairs {
		change(i, &pairs[i].Head)
	}
	return pairs
}

// freshly hands out these pairs, once, if as many are asked for.
func freshly(t *testing.T, pairs []pair, err error) func(int) ([]pair, error) {
	asked := false
	return func(n int) ([]pair, error) {
		require.False(t, asked, "there is no third try")
		asked = true
		if err == nil {
			require.Len(t, pairs, n)
		}
		return pairs, err
	}
}

func nothingFlagged(t *testing.T) func(int) ([]pair, error) {
	return func(n int) ([]pair, error) {
		require.Fail(t, "nothing is flagged", "asked for %d pairs", n)
		return nil, nil
	}
}

func find(t *testing.T, metrics []metric, name string) metric {
	i := slices.IndexFunc(metrics, func(m metric) bool { return m.Name == name })
	require.GreaterOrEqual(t, i, 0, "%s", name)
	return metrics[i]
}

func TestDecideCPU(t *testing.T) {
	disturbed := &disturbedError{"6 of 24 pairs were disturbed"}
	for _, tc := range []struct {
		name     string
		first    []float64
		fresh    []float64
		err      error
		want     outcome
		why      string
		needed   int
		estimate float64
	}{
		{name: "same", first: around(12, 0, 3), want: same},
		{name: "same, though by a little more", first: around(12, 2, 2), want: same, estimate: 0.02},
		{name: "better", first: around(12, -10, 4), want: better, estimate: -0.10},
		{
			name: "worse", first: around(12, 10, 3), fresh: around(24, 9, 3), want: worse, estimate: 0.09,
			why: "12 pairs found it worse (p = 0.00024), and 24 fresh ones again (p < 0.0001)",
		},
		{
			name: "worse by less than same is", first: around(12, 4, 0.5), fresh: around(24, 4, 0.5), want: worse, estimate: 0.04,
			why: "12 pairs found it worse (p = 0.00024), and 24 fresh ones again (p < 0.0001)",
		},
		{
			name: "not confirmed", first: around(12, 10, 3), fresh: around(24, 0, 3), want: same, estimate: 0,
			why: "12 pairs found it worse (p = 0.00024), 24 fresh ones did not confirm it (p = 1)",
		},
		{
			name: "contradicted", first: around(12, 10, 3), fresh: around(24, -10, 3), want: same, estimate: -0.10,
			why: "12 pairs found it worse (p = 0.00024), 24 fresh ones did not confirm it (p = 1)",
		},
		{
			name: "neither confirmed nor refuted", first: around(12, 10, 3), fresh: around(24, 4, 12), want: unknown, estimate: 0.04,
			needed: 0,
			why: "12 pairs found it worse (p = 0.00024), 24 fresh ones did not confirm it (p = 0.14); 24 pairs leave it between +1.0 % " +
				"and +6.6 %; it would likely take more than 100 to tell",
		},
		{
			name: "open", first: around(12, 0, 20), want: unknown, needed: 71,
			why: "12 pairs leave it between -7.7 % and +7.1 %; some 71 would likely tell",
		},
		{
			name: "hopeless", first: around(12, 3.5, 20), want: unknown, needed: 0, estimate: 0.035,
			why: "12 pairs leave it between -4.2 % and +10.6 %; it would likely take more than 100 to tell",
		},
		{
			name: "too few", first: []float64{0, 0, 0, 0}, want: unknown, needed: 12,
			why: "4 pairs bound nothing: it takes 5, and 12 are usual",
		},
		{
			name: "disturbed", first: around(12, 10, 3), err: disturbed, want: unknown, estimate: 0.10,
			why: "12 pairs found it worse (p = 0.00024), which could not be confirmed: 6 of 24 pairs were disturbed",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			more := nothingFlagged(t)
			if tc.fresh != nil || tc.err != nil {
				more = freshly(t, pairsOf(tc.fresh...), tc.err)
			}
			j, err := decide(pairsOf(tc.first...), more)
			require.NoError(t, err)
			require.Len(t, j.confirming, len(tc.fresh))
			m := find(t, j.metrics, "CPU per request")
			require.Equal(t, tc.want, m.Outcome)
			require.Equal(t, tc.why, m.Why)
			require.Equal(t, tc.needed, m.Needed)
			require.InDelta(t, tc.estimate, m.Change.Estimate, 0.01)
			require.Equal(t, tc.fresh != nil, m.Confirm != nil)
			require.Equal(t, 1e5, *m.Base)
		})
	}
}

// TestNeededIsEnough: so many pairs, which scatter as these, decide what these have left open.
func TestNeededIsEnough(t *testing.T) {
	for _, percents := range [][]float64{around(12, 0, 20), around(12, 1, 12), around(12, -9, 30), around(12, 12, 20)} {
		n := needed(newSignedRank(readingsOf(t, percents).differences()), 0.02, 0.05)
		require.Greater(t, n, 12, "%v", percents)
		middle, spread := (percents[0]+percents[11])/2, (percents[11]-percents[0])/2
		j, err := decide(pairsOf(around(n, middle, spread)...), func(m int) ([]pair, error) {
			return pairsOf(around(m, middle, spread)...), nil
		})
		require.NoError(t, err)
		require.NotEqual(t, unknown, j.metrics[0].Outcome, "%d pairs of %v", n, percents)
	}
}

func readingsOf(t *testing.T, percents []float64) readings {
	r, why := specs[0].readAll(pairsOf(percents...))
	require.Empty(t, why)
	return r
}

// TestFlaggedTogetherAreConfirmedTogether: p is divided by how many were flagged.
func TestFlaggedTogetherAreConfirmedTogether(t *testing.T) {
	fresh := around(24, 6.3, 12) // p of the fresh ones lies between .01/2 and .01
	j, err := decide(pairsOf(around(12, 10, 3)...), freshly(t, pairsOf(fresh...), nil))
	require.NoError(t, err)
	m := find(t, j.metrics, "CPU per request")
	require.Equal(t, worse, m.Outcome, "%v", *m.Confirm)
	require.Greater(t, *m.Confirm, pConfirm/2)

	slower := func(_ int, head *side) { head.P50 *= 2 }
	j, err = decide(with(pairsOf(around(12, 10, 3)...), slower), freshly(t, with(pairsOf(fresh...), slower), nil))
	require.NoError(t, err)
	require.Equal(t, unknown, find(t, j.metrics, "CPU per request").Outcome)
	require.Equal(t, worse, find(t, j.metrics, "p50 of service time").Outcome)
	require.Equal(t, worse, overall(j.metrics))
}

func TestDecideDrops(t *testing.T) {
	still := around(12, 0, 3)
	dropping := func(n int, lost func(i int) int64) []pair {
		return with(pairsOf(around(n, 0, 3)...), func(i int, head *side) { head.Dropped = lost(i) })
	}
	oneEach := func(int) int64 { return 1 }
	accident := func(i int) int64 {
		if i == 3 {
			return 50
		}
		return 0
	}
	four := func(i int) int64 { return max(0, 3-int64(i)) / 2 * 2 } // two in each of the first two pairs
	for _, tc := range []struct {
		name         string
		first, fresh []pair
		want         outcome
		why          string
	}{
		{name: "none", first: pairsOf(still...), want: same},
		{
			name: "one in each pair", first: dropping(12, oneEach), fresh: dropping(24, oneEach), want: worse,
			why: "12 pairs found it worse (p = 0.00024), and 24 fresh ones again (p < 0.0001)",
		},
		{
			name: "one accident", first: dropping(12, accident), fresh: pairsOf(around(24, 0, 3)...), want: same,
			why: "12 pairs found it worse (p < 0.0001), 24 fresh ones did not confirm it (p = 1)",
		},
		{
			name: "two accidents", first: dropping(12, accident), fresh: dropping(24, accident), want: unknown,
			why: "12 pairs found it worse (p < 0.0001), 24 fresh ones did not confirm it (p = 0.5); head lost 50 of 24000 conns, more " +
				"in 1 of 24 pairs, and base 0 of 24000, more in 0: that may be chance",
		},
		{
			name: "a few", first: dropping(12, four), want: unknown,
			why: "head lost 4 of 12000 conns, more in 2 of 12 pairs, and base 0 of 12000, more in 0: that may be chance",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			more := nothingFlagged(t)
			if tc.fresh != nil {
				more = freshly(t, tc.fresh, nil)
			}
			j, err := decide(tc.first, more)
			require.NoError(t, err)
			m := find(t, j.metrics, "dropped conns")
			require.Equal(t, tc.want, m.Outcome)
			require.Equal(t, tc.why, m.Why)
			require.Zero(t, *m.Base)
		})
	}
	fixed := dropping(12, oneEach)
	for i := range fixed {
		fixed[i].Base, fixed[i].Head = fixed[i].Head, fixed[i].Base
	}
	j, err := decide(fixed, nothingFlagged(t))
	require.NoError(t, err)
	require.Equal(t, better, find(t, j.metrics, "dropped conns").Outcome)
	require.Equal(t, 0.001, *find(t, j.metrics, "dropped conns").Base)

	accidentOfBase := pairsOf(still...)
	accidentOfBase[3].Base.Dropped = 50
	j, err = decide(accidentOfBase, nothingFlagged(t))
	require.NoError(t, err)
	require.Equal(t, same, find(t, j.metrics, "dropped conns").Outcome, "one accident makes nothing better")
}

// TestDropsByExposure: a head of twice the conns may lose twice as many.
func TestDropsByExposure(t *testing.T) {
	pairs := with(pairsOf(around(12, 0, 3)...), func(_ int, head *side) { head.Conns, head.Dropped = 2000, 4 })
	for i := range pairs {
		pairs[i].Base.Dropped = 2
	}
	j, err := decide(pairs, nothingFlagged(t))
	require.NoError(t, err)
	require.Equal(t, same, find(t, j.metrics, "dropped conns").Outcome)
}

func TestDecideFailed(t *testing.T) {
	failing := func(n int, in ...int) []pair {
		return with(pairsOf(around(n, 0, 3)...), func(i int, head *side) {
			if slices.Contains(in, i) {
				head.Failed = 500
			}
		})
	}
	many := []int{1, 2, 3, 4, 5, 6, 7, 8}
	for _, tc := range []struct {
		name         string
		first, fresh []pair
		want         outcome
		why          string
	}{
		{name: "none", first: failing(12), want: same},
		{
			name: "of one stall", first: failing(12, 5), want: unknown,
			why: "head lost 500 of 120500 requests, more in 1 of 12 pairs, and base 0 of 120000, more in 0: that may be chance",
		},
		{
			name: "in many pairs", first: failing(12, many...), fresh: failing(24, many...), want: worse,
			why: "12 pairs found it worse (p = 0.0039), and 24 fresh ones again (p = 0.0039)",
		},
		{
			name: "by chance", first: failing(12, many...), fresh: failing(24), want: same,
			why: "12 pairs found it worse (p = 0.0039), 24 fresh ones did not confirm it (p = 1)",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			more := nothingFlagged(t)
			if tc.fresh != nil {
				more = freshly(t, tc.fresh, nil)
			}
			j, err := decide(tc.first, more)
			require.NoError(t, err)
			m := find(t, j.metrics, "failed requests")
			require.Equal(t, tc.want, m.Outcome)
			require.Equal(t, tc.why, m.Why)
		})
	}
}

func TestNotMeasured(t *testing.T) {
	j, err := decide(with(pairsOf(around(12, 0, 3)...), func(i int, head *side) {
		if i == 7 {
			*head = side{Fewest: 143, Requests: 3000, CPU: time.Second}
		}
	}), nothingFlagged(t))
	require.NoError(t, err)
	got := map[string]string{}
	for _, m := range j.metrics {
		if m.Why != "" {
			got[m.Name] = string(m.Outcome) + ": " + m.Why
		}
	}
	require.Empty(t, cmp.Diff(map[string]string{
		"CPU per request":       "unknown: head answered 143 requests in a slice of pair 7, and CPU time of fewer than 200 is not exact",
		"p50 of service time":   "unknown: head has no service times in pair 7",
		"p99 of service time":   "shown: head has no service times in pair 7",
		"p99.9 of service time": "shown: head has no service times in pair 7",
		"longest service time":  "shown: head has no service times in pair 7",
	}, got))
	require.Equal(t, unknown, overall(j.metrics))

	j, err = decide(nil, nothingFlagged(t))
	require.NoError(t, err)
	require.Equal(t, "no pair counts", j.metrics[0].Why)
	require.Equal(t, "there were 0 conns of base and 0 of head", j.metrics[2].Why)
	require.Equal(t, unknown, overall(j.metrics))

	slow := with(pairsOf(around(24, 10, 3)...), func(_ int, head *side) { head.Fewest = 10 })
	j, err = decide(pairsOf(around(12, 10, 3)...), freshly(t, slow, nil))
	require.NoError(t, err)
	require.Equal(t, "12 pairs found it worse (p = 0.00024), and in the fresh ones head answered 10 requests in a slice of pair 0, and CPU "+
		"time of fewer than 200 is not exact", j.metrics[0].Why)
	require.Equal(t, unknown, j.metrics[0].Outcome)
	require.NotNil(t, j.metrics[0].First)
}

func TestMoreFails(t *testing.T) {
	broken := errors.New("no server")
	_, err := decide(pairsOf(around(12, 10, 3)...), freshly(t, nil, broken))
	require.ErrorIs(t, err, broken)
	_, err = decide(pairsOf(around(12, 10, 3)...), func(int) ([]pair, error) { return pairsOf(1, 2), nil })
	require.EqualError(t, err, "gate: asked for 24 fresh pairs, got 2")
}

func TestNoiseAndShown(t *testing.T) {
	j, err := decide(pairsOf(-3, 3, -3, 3, -3, 3), nothingFlagged(t))
	require.NoError(t, err)
	require.InDelta(t, 0.0329, j.noise, 0.0001)
	m := find(t, j.metrics, "requests per second")
	require.Equal(t, shown, m.Outcome)
	require.Equal(t, []float64{5000, 5100}, []float64{*m.Base, *m.Head})
	require.InDelta(t, 0.02, m.Change.Estimate, 1e-9)
	require.Zero(t, noise(nil))
}

func TestOverall(t *testing.T) {
	of := func(outcomes ...outcome) (m []metric) {
		for _, o := range outcomes {
			m = append(m, metric{Outcome: o})
		}
		return m
	}
	require.Equal(t, worse, overall(of(same, unknown, worse, better, shown)))
	require.Equal(t, unknown, overall(of(same, unknown, better, shown)))
	require.Equal(t, better, overall(of(same, better, shown)))
	require.Equal(t, same, overall(of(same, shown)))
	require.Equal(t, unknown, overall(of(shown)))
}

func TestIntervalJSON(t *testing.T) {
	for text, i := range map[string]interval{
		`{"estimate":0.1,"low":0.05,"high":0.2}`:  {0.1, 0.05, 0.2},
		`{"estimate":0.1,"low":null,"high":null}`: {0.1, math.Inf(-1), math.Inf(1)},
	} {
		got, err := json.Marshal(i)
		require.NoError(t, err)
		require.Equal(t, text, string(got))
		var back interval
		require.NoError(t, json.Unmarshal(got, &back))
		require.Equal(t, i, back)
	}
}
