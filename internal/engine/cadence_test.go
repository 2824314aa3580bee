package engine

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const s = time.Second

// A law is a cadence with what is known of it on paper: F of the pauses, and of what is left of a pause that began long
// ago, whose density is (1 − F(t)) / mean.
type law struct {
	name      string
	cadence   Cadence
	pauses    func(t float64) float64 // nil: a step at Min
	remaining func(t float64) float64
}

func laws() []law {
	uniform := func(name string, a, b time.Duration) law {
		lo, hi := float64(a), float64(b)
		return law{name, Cadence{Kind: Uniform, Min: a, Max: b},
			func(t float64) float64 { return (t - lo) / (hi - lo) },
			func(t float64) float64 {
				mean := (lo + hi) / 2
				if t <= lo {
					return t / mean
				}
				return (lo + ((hi-lo)*(hi-lo)-(hi-t)*(hi-t))/(2*(hi-lo))) / mean
			}}
	}
	exponential := func(t float64) float64 { return 1 - math.Exp(-t/float64(10*s)) }
	return []law{
		uniform("uniform", s, 30*s),
		uniform("uniform from 0", 0, 5*s),
		{"every", Cadence{Kind: Every, Min: 7 * s}, nil, func(t float64) float64 { return t / float64(7*s) }},
		{"exponential", Cadence{Kind: Exponential, Min: 10 * s}, exponential, exponential},
	}
}

// requireLaw bounds the distance between the draws and their law by Kolmogorov and Smirnov's statistic: for a correct law
// it exceeds 1.95/√n once in a thousand seeds, and the seeds are fixed.
func requireLaw(t *testing.T, cdf func(float64) float64, draws []time.Duration) {
	t.Helper()
	slices.Sort(draws)
	n, most := float64(len(draws)), 0.0
	for i, d := range draws {
		f := cdf(float64(d))
		most = max(most, f-float64(i)/n, float64(i+1)/n-f)
	}
	require.Less(t, most*math.Sqrt(n), 1.95)
}

func TestPausesFollowTheirLaw(t *testing.T) {
	const n = 50_000
	for _, l := range laws() {
		t.Run(l.name, func(t *testing.T) {
			var ofSlots, ofOne, first []time.Duration
			sum := 0.0
			for i := range n {
				ofSlots = append(ofSlots, l.cadence.pause(1, i, 1))
				ofOne = append(ofOne, l.cadence.pause(2, 77, uint32(i+1)))
				first = append(first, l.cadence.first(3, i))
				sum += float64(ofOne[i])
			}
			require.InEpsilon(t, float64(l.cadence.Mean()), sum/n, 0.02)
			if l.pauses != nil {
				requireLaw(t, l.pauses, ofSlots)
				requireLaw(t, l.pauses, ofOne)
			}
			requireLaw(t, l.remaining, first)
			lowest, highest := slices.Min(ofOne), slices.Max(ofOne)
			switch l.cadence.Kind {
			case Uniform:
				require.GreaterOrEqual(t, lowest, l.cadence.Min)
				require.Less(t, highest, l.cadence.Max)
			case Every:
				require.Equal(t, []time.Duration{7 * s, 7 * s}, []time.Duration{lowest, highest})
			case Exponential:
				require.GreaterOrEqual(t, lowest, time.Duration(0))
			}
			require.GreaterOrEqual(t, slices.Min(first), time.Duration(0))
		})
	}
}

func TestPausesOfNoLaw(t *testing.T) {
	require.Equal(t, never, Cadence{}.pause(1, 1, 1))
	require.Equal(t, never, Cadence{}.Mean())
	require.Zero(t, Cadence{}.first(1, 1))
	loop := Cadence{Kind: BackToBack}
	require.Zero(t, loop.pause(1, 1, 1))
	require.Zero(t, loop.first(1, 1))
	require.Zero(t, loop.Mean())
}

// TestDrawsAreIndependent: neighbours in seed, slot, count and lane must not resemble each other.
func TestDrawsAreIndependent(t *testing.T) {
	const n = 20_000
	neighbours := map[string]func(i int) (u, v float64){
		"seed":  func(i int) (u, v float64) { return unit(uint64(i), 5, 1, 0), unit(uint64(i)+1, 5, 1, 0) },
		"slot":  func(i int) (u, v float64) { return unit(1, i, 1, 0), unit(1, i+1, 1, 0) },
		"count": func(i int) (u, v float64) { return unit(1, 5, uint32(i), 0), unit(1, 5, uint32(i+1), 0) },
		"lane":  func(i int) (u, v float64) { return unit(1, i, 0, 0), unit(1, i, 0, 1) },
		// A second worker's seed must not be a shifted copy of the first's slots.
		"diagonal": func(i int) (u, v float64) { return unit(1, i, 7, 0), unit(1, i-1, 8, 0) },
	}
	for name, pair := range neighbours {
		sum := 0.0
		for i := range n {
			u, v := pair(i)
			require.True(t, 0 <= u && u < 1 && 0 <= v && v < 1)
			sum += (u - 0.5) * (v - 0.5)
		}
		// Var((U−½)(V−½)) = 1/144.
		require.Less(t, math.Abs(sum/n), 4.0/12/math.Sqrt(n), "correlation by %s", name)
	}
}

// TestRateIsFlatFromTheStart draws the due instants of 10 000 conns that are all established at 0: each second of two
// minutes has as many as any other.
func TestRateIsFlatFromTheStart(t *testing.T) {
	const conns, seconds = 10_000, 120
	for _, l := range laws() {
		t.Run(l.name, func(t *testing.T) {
			var counts [seconds]float64
			for slot := range conns {
				due := l.cadence.first(1, slot)
				for k := uint32(1); due < seconds*s; k++ {
					counts[due/s]++
					due += l.cadence.pause(1, slot, k)
				}
			}
			want := conns / l.cadence.Mean().Seconds()
			for second, got := range counts {
				// A renewal process at equilibrium with a coefficient of variation up to 1 is no wider than Poisson's.
				require.InDelta(t, want, got, 4*math.Sqrt(want), "second %d", second)
			}
		})
	}
}

// TestDuesAreTheSameForAnyWorkers runs the machine with 1 and with 3 workers and compares each slot's due instants.
func TestDuesAreTheSameForAnyWorkers(t *testing.T) {
	const slots, requests = 50, 20
	dues := func(workers int) [][]time.Duration {
		p := plan(slots)
		p.Workers, p.Tick, p.Seed = workers, 0, 9
		ph := newPhases(slots, workers, time.Hour)
		all := make([][]time.Duration, slots)
		for worker := range workers {
			m := newMachine(&p, ph, worker)
			for j := range uint32(len(m.conns)) {
				m.dial(j, 0)
				m.established(j, s)
			}
			// In an order that depends on the worker: it must not matter.
			rng := rand.New(rand.NewPCG(uint64(workers), uint64(worker)))
			for range requests {
				for _, j := range rng.Perm(len(m.conns)) {
					c := &m.conns[j]
					slot := m.slot(uint32(j))
					all[slot] = append(all[slot], c.due)
					m.woken(uint32(j), c.due)
					m.wrote(uint32(j), c.due, len(p.Request))
					m.received(uint32(j), []byte(ok), c.due+time.Millisecond, c.due+2*time.Millisecond, true)
				}
			}
		}
		return all
	}
	one := dues(1)
	require.Equal(t, one, dues(3))
	require.Equal(t, one, dues(7))
	require.NotEqual(t, one[0], one[1])
}
