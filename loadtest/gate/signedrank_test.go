package gate

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// samples calls f with differences of n pairs: without ties, with many, and with zeros among them.
func samples(t *testing.T, most int, f func(t *testing.T, d []float64, tied bool)) {
	t.Helper()
	for n := 1; n <= most; n++ {
		for seed := range uint64(6) {
			rng := rand.New(rand.NewPCG(uint64(n), seed))
			tied := seed%2 == 1
			d := make([]float64, n)
			for i := range d {
				d[i] = rng.NormFloat64() + float64(seed)/4
				if tied {
					d[i] = math.Round(2 * d[i])
				}
			}
			t.Run(fmt.Sprintf("n=%d/tied=%v/%d", n, tied, seed), func(t *testing.T) { f(t, d, tied) })
		}
	}
}

// allSigns calls f with each way to give the values signs.
func allSigns(values []float64, f func(signed []float64)) {
	signed := make([]float64, len(values))
	for signs := range 1 << len(values) {
		for i, v := range values {
			signed[i] = v
			if signs>>i&1 == 1 {
				signed[i] = -v
			}
		}
		f(signed)
	}
}

// rankSum is the statistic as textbooks have it: the sum of the ranks, by size, of what is positive.
func rankSum(d []float64) (sum int) {
	sorted := slices.Clone(d)
	slices.SortFunc(sorted, func(a, b float64) int { return int(math.Copysign(1, math.Abs(a)-math.Abs(b))) })
	for i, v := range sorted {
		if v > 0 {
			sum += i + 1
		}
	}
	return sum
}

func TestSignedRankAgainstAllSigns(t *testing.T) {
	samples(t, 12, func(t *testing.T, d []float64, tied bool) {
		if tied {
			return // their ranks are not these: TestTiesCountAgainst
		}
		atLeast, all, found := 0, 0, rankSum(d)
		allSigns(d, func(signed []float64) {
			all++
			if rankSum(signed) >= found {
				atLeast++
			}
		})
		require.Equal(t, float64(atLeast)/float64(all), newSignedRank(d).above(0), "%v", d)
	})
}

// TestSignedRankKeepsItsWord: whatever ties and zeros there are, of all signs, which are equally likely when the true difference is
// zero, at most a share of p has a p as small.
func TestSignedRankKeepsItsWord(t *testing.T) {
	samples(t, 12, func(t *testing.T, d []float64, tied bool) {
		var ps []float64
		allSigns(d, func(signed []float64) { ps = append(ps, newSignedRank(signed).above(0)) })
		slices.Sort(ps)
		for i, p := range ps {
			if last := i+1 == len(ps) || ps[i+1] > p; last {
				require.LessOrEqual(t, float64(i+1)/float64(len(ps)), p*(1+1e-12), "%v", d)
			}
		}
	})
}

// TestTiesCountAgainst: p is the greatest of those of all ways to break ties.
func TestTiesCountAgainst(t *testing.T) {
	samples(t, 7, func(t *testing.T, d []float64, _ bool) {
		worst := 0.0
		nudges := make([]float64, len(d))
		for i := range nudges {
			nudges[i] = 1e-6 * (1 + float64(i)*0.37)
		}
		slices.Sort(nudges)
		for range permutations(nudges) {
			allSigns(nudges, func(signed []float64) {
				broken := slices.Clone(d)
				for i := range broken {
					broken[i] += signed[i]
				}
				worst = max(worst, newSignedRank(broken).above(0))
			})
		}
		require.Equal(t, worst, newSignedRank(d).above(0), "%v", d)
	})
}

// permutations yields while s is in some of its orders: each rotation of it, there and back.
func permutations(s []float64) func(yield func() bool) {
	return func(yield func() bool) {
		for range 2 {
			for range s {
				if !yield() {
					return
				}
				first := s[0]
				copy(s, s[1:])
				s[len(s)-1] = first
			}
			slices.Reverse(s)
		}
	}
}

// TestSignedRankOfTables: the greatest sums of ranks of the rarer sign with p ≤ 2.5 %, for n from 6 on, as in
// oeis.org/A226330.
func TestSignedRankOfTables(t *testing.T) {
	for i, want := range []int{
		0, 2, 3, 5, 8, 10, 13, 17, 21, 25, 29, 34, 40, 46, 52, 58, 65, 73, 81, 89, 98, 107, 116, 126, 137, 147, 159, 170, 182, 195,
		208, 221, 235, 249, 264, 279, 294, 310, 327, 343, 361, 378, 396, 415, 434, 453, 473, 494, 514, 536, 557, 579, 602, 625, 648,
		672, 697,
	} {
		n := 6 + i
		c := signedRank{tails: rankTails(n)}.critical(0.025)
		require.Equal(t, want, n*(n+1)/2-c, "n=%d", n)
	}
}

func TestRankTails(t *testing.T) {
	require.Equal(t, []float64{1, 7. / 8, 6. / 8, 5. / 8, 3. / 8, 2. / 8, 1. / 8, 0}, rankTails(3))
	for _, n := range []int{12, 24, 48, 100, 200} {
		tails := rankTails(n)
		top := n * (n + 1) / 2
		require.InDelta(t, 1, tails[0], 1e-12)
		require.InEpsilon(t, math.Pow(2, -float64(n)), tails[top], 1e-12)
		require.True(t, slices.IsSortedFunc(tails, func(a, b float64) int { return int(math.Copysign(1, b-a)) }))
		for w := range top {
			require.InDelta(t, 1, tails[w]+tails[top-w+1], 1e-9, "n=%d, w=%d", n, w)
		}
		sd := math.Sqrt(float64(n*(n+1)*(2*n+1)) / 24) // of the normal distribution that it nears
		z := float64(n)
		w := float64(top)/2 + 1.6449*sd
		require.InDelta(t, 0.05, tails[int(w+0.5)], 0.1/z)
	}
}

func TestBoundsSayWhatTheTestSays(t *testing.T) {
	samples(t, 14, func(t *testing.T, d []float64, _ bool) {
		s := newSignedRank(d)
		around := slices.Clone(s.walsh)
		for _, w := range s.walsh {
			around = append(around, w-1e-9, w+1e-9, w-0.3, w+0.3)
		}
		for _, p := range []float64{0.2, 0.05, 0.01} {
			for _, v := range around {
				require.Equal(t, s.below(v) <= p, s.upper(p) < v, "%v at %v, p %v", d, v, p)
				require.Equal(t, s.above(v) <= p, s.lower(p) > v, "%v at %v, p %v", d, v, p)
			}
			require.LessOrEqual(t, s.lower(p), s.estimate())
			require.GreaterOrEqual(t, s.upper(p), s.estimate())
		}
	})
}

func TestSignedRankIsMonotoneAndSymmetric(t *testing.T) {
	samples(t, 14, func(t *testing.T, d []float64, _ bool) {
		s := newSignedRank(d)
		mirrored := make([]float64, len(d))
		for i := range d {
			mirrored[i] = -d[i]
		}
		m := newSignedRank(mirrored)
		require.Equal(t, s.estimate(), -m.estimate())
		require.Equal(t, s.upper(0.05), -m.lower(0.05))
		last := 0.0
		for v := -5.0; v <= 5; v += 0.25 {
			require.Equal(t, s.above(v), m.below(-v))
			require.GreaterOrEqual(t, s.above(v), last)
			last = s.above(v)
		}
		for i := range d { // the order of the pairs is of no account
			d[i], d[0] = d[0], d[i]
		}
		require.Equal(t, s.walsh, newSignedRank(d).walsh)
	})
}

// TestFewPairsBoundNothing: of four pairs all signs alike have a chance of 1 in 16.
func TestFewPairsBoundNothing(t *testing.T) {
	for n := range 5 {
		d := make([]float64, n)
		for i := range d {
			d[i] = 1 + float64(i)
		}
		s := newSignedRank(d)
		require.Equal(t, math.Inf(1), s.upper(0.05), "n=%d", n)
		require.Equal(t, math.Inf(-1), s.lower(0.05), "n=%d", n)
		require.Greater(t, s.above(0), 0.05, "n=%d", n)
	}
	s := newSignedRank([]float64{1, 2, 3, 4, 5})
	require.Equal(t, []float64{1, 3, 5}, []float64{s.lower(0.05), s.estimate(), s.upper(0.05)})
	require.Equal(t, 1.0/32, s.above(0))
	require.True(t, math.IsNaN(newSignedRank(nil).estimate()))
}

func TestEqualDifferences(t *testing.T) {
	s := newSignedRank(make([]float64, 12))
	require.Equal(t, []float64{1, 1}, []float64{s.above(0), s.below(0)})
	require.Equal(t, []float64{0, 0, 0}, []float64{s.lower(0.05), s.estimate(), s.upper(0.05)})
	require.Equal(t, math.Pow(2, -12), s.above(-0.1))
}
