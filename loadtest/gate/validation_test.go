package gate

import (
	"context"
	"flag"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The benchmarks here are how the procedure was validated on real machines; README.md has what they showed. In ordinary tests
// each is run with a tiny number.
var (
	pairsFlag = flag.Int("pairs", 2, "pairs of each kind")
	gatesFlag = flag.Int("gates", 1, "gates of each kind")
	connsFlag = flag.Int("conns", 1000, "conns of each server")
)

const handicapShare = 0.10 // of a request's CPU time

// plainCPU returns what a request costs the server without handicap.
func plainCPU(tb testing.TB, conns int) time.Duration {
	p, err := matchOf(tb, handicap{conns: conns}, handicap{conns: conns}).pair(context.Background())
	require.NoError(tb, err)
	return (p.Base.CPU + p.Head.CPU) / time.Duration(p.Base.Requests+p.Head.Requests)
}

// slower returns a server that takes so much more CPU time for each request.
func slower(tb testing.TB, conns int, share float64) handicap {
	cost := plainCPU(tb, conns)
	return handicap{conns: conns, spin: spinFor(time.Duration(share * float64(cost)))}
}

// BenchmarkPairs measures pairs without a difference and pairs with a known one, in turn.
//
//	go test -run='^$' -bench=Pairs -benchtime=1x ./loadtest/gate -args -pairs=40
func BenchmarkPairs(b *testing.B) {
	plain := handicap{conns: *connsFlag}
	for b.Loop() {
		null, slow := matchOf(b, plain, plain), matchOf(b, plain, slower(b, *connsFlag, handicapShare))
		slow.seed++
		var ofNull, ofSlow []float64
		disturbedPairs := 0
		for range *pairsFlag {
			for m, d := range map[*match]*[]float64{null: &ofNull, slow: &ofSlow} {
				p, err := m.pair(b.Context())
				require.NoError(b, err)
				if p.Disturbed != "" {
					disturbedPairs++
				}
				*d = append(*d, logRatioOf(p))
			}
		}
		report := func(name string, d []float64) {
			mean, sigma, lag := moments(d)
			b.ReportMetric(100*mean, name+"-mean-%")
			b.ReportMetric(100*sigma, name+"-sigma-%")
			b.ReportMetric(lag, name+"-lag1")
			b.ReportMetric(100*2.6*sigma/math.Sqrt(float64(len(d))), name+"-bound-%")
		}
		report("null", ofNull)
		report("handicap", ofSlow)
		b.ReportMetric(float64(disturbedPairs), "disturbed")
		b.ReportMetric(0, "ns/op")
	}
}

// moments returns mean, standard deviation and lag-1 correlation.
func moments(d []float64) (mean, sigma, lag float64) {
	n := float64(len(d))
	for _, v := range d {
		mean += v / n
	}
	var squares, products float64
	for i, v := range d {
		squares += (v - mean) * (v - mean)
		if i > 0 {
			products += (v - mean) * (d[i-1] - mean)
		}
	}
	return mean, math.Sqrt(squares / max(1, n-1)), products / squares
}

// handicaps are the changes that a gate is to find, and the one that it is not.
func handicaps(tb testing.TB, conns int, names map[string]bool) map[string]handicap {
	all := map[string]func() handicap{
		"null":      func() handicap { return handicap{conns: conns} },
		"cpu":       func() handicap { return slower(tb, conns, handicapShare) },
		"heap":      func() handicap { return handicap{conns: conns, heap: 512} },
		"goroutine": func() handicap { return handicap{conns: conns, goroutine: 1} },
		"drop":      func() handicap { return handicap{conns: conns, drop: 1000} },
	}
	chosen := map[string]handicap{}
	for name, make := range all {
		if names == nil || names[name] {
			chosen[name] = make()
		}
	}
	return chosen
}

// BenchmarkGates carries out whole gates, of builds that do not differ and of such that do, and counts the red ones.
//
//	go test -run='^$' -bench=Gates -benchtime=1x -timeout=3h ./loadtest/gate -args -gates=6
func BenchmarkGates(b *testing.B) {
	for _, kind := range []string{"null", "cpu", "heap", "goroutine", "drop"} {
		b.Run(kind, func(b *testing.B) {
			head := handicaps(b, *connsFlag, map[string]bool{kind: true})[kind]
			for b.Loop() {
				red, unsure := 0, 0
				var longest time.Duration
				var noise float64
				for i := range *gatesFlag {
					began := time.Now()
					r := carryOut(b, handicap{conns: *connsFlag}, head, uint64(i+1))
					longest = max(longest, time.Since(began))
					noise = max(noise, r.Noise)
					switch r.Outcome {
					case worse:
						red++
					case unknown:
						unsure++
					}
					if testing.Verbose() {
						b.Logf("gate %d: %v", i, summary(r))
					}
				}
				b.ReportMetric(float64(red), "red")
				b.ReportMetric(float64(unsure), "unknown")
				b.ReportMetric(float64(*gatesFlag), "gates")
				b.ReportMetric(longest.Seconds(), "longest-s")
				b.ReportMetric(100*noise, "most-sigma-%")
				b.ReportMetric(0, "ns/op")
			}
		})
	}
}

func summary(r *result) string {
	s := fmt.Sprintf("%s in %v, σ %.1f %%, %d discarded", r.Outcome, r.Took.Round(time.Second), 100*r.Noise, len(r.Discarded))
	for _, m := range r.Metrics {
		if m.Outcome != same && m.Outcome != shown {
			s += fmt.Sprintf("; %s %s %s %s", m.Name, m.change(), m.Outcome, m.Why)
		}
	}
	return s
}

// carryOut has base and head compared as Check would.
func carryOut(tb testing.TB, base, head handicap, seed uint64) *result {
	m := matchOf(tb, base, head)
	m.seed = seed
	g := &gate{options: Options{Pairs: usualPairs}}
	r := &result{Format: resultFormat}
	began := time.Now()
	require.NoError(tb, g.measure(context.Background(), m, r))
	r.Took = time.Since(began)
	return r
}
