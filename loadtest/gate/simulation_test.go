package gate

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The procedure is validated by gates whose truth is known: decide itself judges pairs that are drawn. go test -v prints the
// figures.

// simulatedGates are as many as tell 1 % red from 1.2 %: of 20 000, one standard error is 0.07 %.
const simulatedGates = 20_000

// A law is how the difference of a pair scatters, for both metrics together: by a normal distribution whose scale is
// drawn for each pair, so that a pair that was disturbed is so in both.
type law struct {
	name  string
	scale func(rng *rand.Rand) float64 // its square is 1 in the mean, so that σ is the standard deviation
}

var laws = []law{
	{"normal", func(*rand.Rand) float64 { return 1 }},

	// Student's t with 3 degrees of freedom, whose variance is 3: one in 72 lies beyond 3 σ, and of the normal one in 370.
	{"t3", func(rng *rand.Rand) float64 {
		x, y, z := rng.NormFloat64(), rng.NormFloat64(), rng.NormFloat64()
		return 1 / math.Sqrt(x*x+y*y+z*z)
	}},

	// One pair in ten scatters three times as much.
	{"contaminated", func(rng *rand.Rand) float64 {
		if rng.IntN(10) == 0 {
			return 3 / math.Sqrt(1.8)
		}
		return 1 / math.Sqrt(1.8)
	}},
}

// correlation of CPU time per request and p50 of service time in a pair: where a request takes longer, the median is longer.
const correlation = 0.7

// A truth is what gates are drawn from.
type truth struct {
	law      law
	sigma    float64 // of a pair
	cpu, p50 float64 // head ÷ base − 1
	drops    float64 // of a head's conn
	fixed    bool    // exactly so many
	accident float64 // chance that a pair's side loses 30 conns at once, of either
	lag      float64 // correlation of a pair with the one before
	misled   float64 // if not 0, the factor by which the first pairs find head worse than it is
}

func (w truth) pairs(rng *rand.Rand, n int) []pair {
	pairs := make([]pair, n)
	cpu := rng.NormFloat64()
	for i := range pairs {
		scale := w.sigma * w.law.scale(rng)
		if i > 0 {
			cpu = w.lag*cpu + math.Sqrt(1-w.lag*w.lag)*rng.NormFloat64()
		}
		p50 := correlation*cpu + math.Sqrt(1-correlation*correlation)*rng.NormFloat64()
		// What is not judged is not drawn either.
		base := side{Conns: 1000, CPU: time.Second, Requests: 20_000, Fewest: 1000, P50: 200 * time.Microsecond}
		head := base
		head.CPU = time.Duration(float64(base.CPU) * (1 + w.cpu) * math.Exp(scale*cpu))
		head.P50 = time.Duration(float64(base.P50) * (1 + w.p50) * math.Exp(scale*p50))
		head.Dropped = w.dropped(rng, head.Conns)
		for _, s := range []*side{&base, &head} {
			if w.accident > 0 && rng.Float64() < w.accident {
				s.Dropped += 30
			}
		}
		pairs[i] = pair{Number: i, Base: base, Head: head}
	}
	return pairs
}

func (w truth) dropped(rng *rand.Rand, conns int64) (n int64) {
	if w.fixed {
		return int64(w.drops * float64(conns))
	}
	if w.drops > 0 { // from one to the next, a number of conns that is drawn
		for at := rng.ExpFloat64() / w.drops; at < float64(conns); at += rng.ExpFloat64() / w.drops {
			n++
		}
	}
	return n
}

func TestLaws(t *testing.T) {
	for i, beyond := range []float64{0.0027, 0.0138, 0.0180} { // 3 σ: tables of the normal and of Student's t
		rng := rand.New(rand.NewPCG(6, uint64(500+i)))
		const draws = 200_000
		n := 0.0
		for range draws {
			if math.Abs(laws[i].scale(rng)*rng.NormFloat64()) > 3 {
				n++
			}
		}
		require.InDelta(t, beyond, n/draws, 0.001, "%s", laws[i].name)
	}
}

// frequencies are those of outcomes, of the gate and of its metrics.
type frequencies map[string]float64

// simulate draws gates.
func (w truth) simulate(t *testing.T, gates int, seed uint64) frequencies {
	t.Helper()
	rng := rand.New(rand.NewPCG(6, seed))
	of := frequencies{}
	for range gates {
		first := w
		if w.misled > 0 {
			first.cpu, first.p50 = (1+w.cpu)*w.misled-1, (1+w.p50)*w.misled-1
		}
		j, err := decide(first.pairs(rng, usualPairs), func(n int) ([]pair, error) { return w.pairs(rng, n), nil })
		if err != nil {
			t.Fatal(err)
		}
		of["gate "+string(overall(j.metrics))]++
		for _, m := range j.metrics[:4] {
			of[m.Name+" "+string(m.Outcome)]++
		}
		if len(j.confirming) > 0 {
			of["second stage"]++
		}
	}
	for k := range of {
		of[k] /= float64(gates)
	}
	return of
}

func (of frequencies) String() string {
	var b strings.Builder
	for _, name := range []string{"gate", specs[0].name, specs[1].name, specs[2].name} {
		fmt.Fprintf(&b, "\n%-20s", name)
		for _, o := range []outcome{worse, unknown, same, better} {
			fmt.Fprintf(&b, " %s %6.2f %%  ", o, 100*of[name+" "+string(o)])
		}
	}
	return fmt.Sprintf("%s\nsecond stage %.1f %%", b.String(), 100*of["second stage"])
}

func raceDetector() bool {
	info, _ := debug.ReadBuildInfo()
	return slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// onceOnly skips what draws thousands of gates under the race detector, with which it takes three minutes.
func onceOnly(t *testing.T) {
	t.Helper()
	if raceDetector() {
		t.Skip("goroutines share nothing here: the test without the race detector has said the same")
	}
}

// eachLaw runs f for all laws and σ at the same time, each with a seed of its own.
func eachLaw(t *testing.T, laws []law, f func(t *testing.T, w truth, k int, seed uint64)) {
	t.Helper()
	onceOnly(t)
	for i, l := range laws {
		for k, sigma := range sigmas {
			t.Run(fmt.Sprintf("%s/σ=%.0f%%", l.name, 100*sigma), func(t *testing.T) {
				t.Parallel()
				f(t, truth{law: l, sigma: sigma}, k, uint64(10*i+k))
			})
		}
	}
}

var sigmas = []float64{0.03, 0.05, 0.08, 0.10}

// heavyTailed are the laws that are as bad as what was measured.
var heavyTailed = laws[1:]

// TestRedWithoutCause: where head is worse by just the tolerances, in both metrics, at most 1 gate in 100 is red.
func TestRedWithoutCause(t *testing.T) {
	eachLaw(t, heavyTailed, func(t *testing.T, w truth, _ int, seed uint64) {
		w.cpu, w.p50 = 0.02, 0.05
		of := w.simulate(t, simulatedGates, seed)
		t.Log(of)
		require.LessOrEqual(t, of["gate worse"], 0.01)
		require.InDelta(t, 0.075, of["second stage"], 0.015, "the first stage takes its 5 %% of each of two metrics")
	})
}

// TestFreshPairsAlone: even where all first pairs are wrong, and find both metrics worse by a fifth, 1 gate in 100 is red.
func TestFreshPairsAlone(t *testing.T) {
	for i, l := range heavyTailed {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			of := truth{law: l, sigma: 0.05, cpu: 0.02, p50: 0.05, misled: 1.2}.simulate(t, simulatedGates/2, uint64(200+i))
			t.Log(of)
			// The tests take nearly all of their 1 %: of so many gates, one standard error of it is 0.1 %.
			require.InDelta(t, 0.009, of["gate worse"], 0.003)
		})
	}
}

// TestPower: 10 % more CPU per request is found, also where p50 is at its tolerance and may be flagged besides. Of laws with the same
// σ the normal one is the hardest: what has heavy tails is the closer together but for these, and ranks make little of them.
func TestPower(t *testing.T) {
	eachLaw(t, laws, func(t *testing.T, w truth, k int, seed uint64) {
		w.cpu, w.p50 = 0.10, 0.05
		of := w.simulate(t, simulatedGates/4, seed)
		t.Log(of)
		least := []float64{0.99, 0.99, 0.90, 0.75}
		if w.law.name == "normal" {
			least = []float64{0.99, 0.99, 0.85, 0.62}
		}
		require.GreaterOrEqual(t, of["CPU per request worse"], least[k])
	})
}

// TestNoChange: what gates of equal versions come to.
func TestNoChange(t *testing.T) {
	eachLaw(t, heavyTailed, func(t *testing.T, w truth, k int, seed uint64) {
		of := w.simulate(t, simulatedGates/10, seed)
		t.Log(of)
		require.LessOrEqual(t, of["gate worse"], 0.001)
		require.GreaterOrEqual(t, of["CPU per request same"], []float64{0.98, 0.93, 0.65, 0.50}[k])
	})
}

// TestImprovement: what gates of a head that takes 10 % less CPU come to.
func TestImprovement(t *testing.T) {
	eachLaw(t, heavyTailed, func(t *testing.T, w truth, k int, seed uint64) {
		w.cpu = -0.10
		of := w.simulate(t, simulatedGates/10, seed)
		t.Log(of)
		require.GreaterOrEqual(t, of["CPU per request better"], []float64{0.99, 0.98, 0.93, 0.85}[k])
		require.Zero(t, of["CPU per request worse"])
	})
}

// TestRedWithDrift: pairs that resemble those before them, as much as 40 pairs without a difference may before anybody notices, are
// more alike than the tests take them for.
func TestRedWithDrift(t *testing.T) {
	eachLaw(t, heavyTailed[:1], func(t *testing.T, w truth, _ int, seed uint64) {
		w.cpu, w.p50, w.lag = 0.02, 0.05, 0.32
		of := w.simulate(t, simulatedGates/2, 300+seed)
		t.Log(of)
		require.LessOrEqual(t, of["gate worse"], 0.01)
	})
}

// TestSimulatedNeeded: of gates that leave CPU open, and say how many pairs would likely decide it, so many decide nine in ten.
func TestSimulatedNeeded(t *testing.T) {
	onceOnly(t)
	for i, effect := range []float64{0, 0.02, 0.06} {
		t.Run(fmt.Sprintf("%+.0f%%", 100*effect), func(t *testing.T) {
			t.Parallel()
			w := truth{law: heavyTailed[0], sigma: 0.08, cpu: effect}
			rng := rand.New(rand.NewPCG(6, uint64(400+i)))
			judge := func(n int) metric {
				j, err := decide(w.pairs(rng, n), func(n int) ([]pair, error) { return w.pairs(rng, n), nil })
				require.NoError(t, err)
				return j.metrics[0]
			}
			gates, told, decided := 500, 0, 0
			for range gates {
				if m := judge(usualPairs); m.Outcome == unknown && m.Needed > 0 {
					told++
					if judge(m.Needed).Outcome != unknown {
						decided++
					}
				}
			}
			t.Logf("%d of %d gates said a number, %d of them were right", told, gates, decided)
			require.Greater(t, told, 50)
			require.GreaterOrEqual(t, float64(decided)/float64(told), 0.9)
		})
	}
}

func TestSimulatedDrops(t *testing.T) {
	onceOnly(t)
	quiet := truth{law: laws[1], sigma: 0.03}
	for i, tc := range []struct {
		name        string
		truth       truth
		least, most float64
	}{
		{"one fixed drop per 1000 conns", truth{drops: 0.001, fixed: true}, 1, 1},
		{"one per 1000 conns by chance", truth{drops: 0.001}, 0.90, 1},
		{"accidents of either in a pair of 20", truth{accident: 0.05}, 0, 0.01},
		{"accidents of either in a pair of 5", truth{accident: 0.2}, 0, 0.01},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := quiet
			w.drops, w.fixed, w.accident = tc.truth.drops, tc.truth.fixed, tc.truth.accident
			of := w.simulate(t, 2000, uint64(100+i))
			t.Log(of)
			require.GreaterOrEqual(t, of["dropped conns worse"], tc.least)
			require.LessOrEqual(t, of["dropped conns worse"], tc.most)
		})
	}
}
