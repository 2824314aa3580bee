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

// A trial is how a benchmark here, or the test of it, measures.
type trial struct {
	conns int
	pairs int // of a gate first; or of each kind
	pace  pace
}

func (c trial) match(tb testing.TB, head handicap, seed uint64) *match {
	head.conns = c.conns
	m := matchOf(tb, handicap{conns: c.conns}, head)
	m.seed, m.pace = seed, c.pace
	return m
}

// slower returns a server that takes so much more CPU time for each request, under load.
func (c trial) slower(tb testing.TB, share float64) handicap {
	const guess = 1000
	p, err := c.match(tb, handicap{spin: guess}, 0).pair(context.Background())
	require.NoError(tb, err)
	return handicap{spin: int(guess * share * p.Base.perRequest() / float64(spinOf(tb, p.Head)))}
}

// BenchmarkPairs measures pairs without a difference and pairs with a known one, in turn.
//
//	go test -run='^$' -bench=Pairs -benchtime=1x ./loadtest/gate -args -pairs=40
func BenchmarkPairs(b *testing.B) {
	for b.Loop() {
		found := trial{*connsFlag, *pairsFlag, usualPace}.differences(b)
		for name, d := range map[string][]float64{"null": found.null, "handicap": found.slow, "handicap-by-its-own-clock": found.known} {
			mean, sigma, lag := moments(d)
			b.ReportMetric(100*math.Expm1(mean), name+"-mean-%")
			b.ReportMetric(100*sigma, name+"-sigma-%")
			if name != "handicap-by-its-own-clock" {
				b.ReportMetric(lag, name+"-lag1")
				b.ReportMetric(100*2.6*sigma/math.Sqrt(float64(len(d))), name+"-bound-%")
			}
		}
		b.ReportMetric(float64(found.disturbed), "disturbed")
		b.ReportMetric(0, "ns/op")
	}
}

// TrialPairs are log ratios of CPU time of pairs.
type trialPairs struct {
	null, slow []float64
	known      []float64 // of the slow ones, by the clocks of the servers' threads
	disturbed  int       // pairs; they count
}

func (c trial) differences(tb testing.TB) (found trialPairs) {
	null, slow := c.match(tb, handicap{}, 1), c.match(tb, c.slower(tb, handicapShare), 2)
	measure := func(m *match) pair {
		p, err := m.pair(context.Background())
		require.NoError(tb, err)
		if p.Disturbed != "" {
			found.disturbed++
		}
		return p
	}
	for range c.pairs {
		found.null = append(found.null, logRatioOf(measure(null)))
		p := measure(slow)
		found.slow = append(found.slow, logRatioOf(p))
		found.known = append(found.known, math.Log1p(float64(spinOf(tb, p.Head))/p.Base.perRequest()))
	}
	return found
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

// change returns what a kind of gate is about.
func (c trial) change(tb testing.TB, kind string) handicap {
	switch kind {
	case "cpu":
		return c.slower(tb, handicapShare)
	case "heap":
		return handicap{heap: 480} // a twentieth
	case "goroutine":
		return handicap{goroutine: 1}
	case "drop":
		return handicap{drop: 1000}
	}
	return handicap{}
}

// BenchmarkGates carries out whole gates, of builds that do not differ and of such that do, and counts the red ones. Where costs
// or drops decide, the slices are short, and CPU time and service times say nothing.
//
//	go test -run='^$' -bench=Gates -benchtime=1x -timeout=3h ./loadtest/gate -args -gates=6
func BenchmarkGates(b *testing.B) {
	for _, kind := range []string{"null", "cpu", "drop", "heap", "goroutine"} {
		b.Run(kind, func(b *testing.B) {
			c := trial{*connsFlag, usualPairs, usualPace}
			switch kind {
			case "heap", "goroutine":
				c.pace = hasty
			case "drop":
				c.pace = pace{warm: 50 * time.Millisecond, slicePairs: 8, slice: 50 * time.Millisecond}
			}
			for b.Loop() {
				count := map[outcome]int{}
				var longest time.Duration
				var noise float64
				head := c.change(b, kind)
				for i := range *gatesFlag {
					r := c.gate(b, head, uint64(i+1))
					longest, noise = max(longest, r.Took), max(noise, r.Noise)
					count[r.Outcome]++
					b.Logf("gate %d: %v", i, summary(r))
				}
				b.ReportMetric(float64(count[worse]), "red")
				b.ReportMetric(float64(count[unknown]), "unknown")
				b.ReportMetric(float64(*gatesFlag), "gates")
				b.ReportMetric(longest.Seconds(), "longest-s")
				b.ReportMetric(100*noise, "most-sigma-%")
				b.ReportMetric(0, "ns/op")
			}
		})
	}
}

// hasty is a pace that shows that everything is measured, and nothing of what.
var hasty = pace{warm: 10 * time.Millisecond, slicePairs: 4, slice: 20 * time.Millisecond}

// gate has base and head compared as Check would.
func (c trial) gate(tb testing.TB, head handicap, seed uint64) *result {
	g := &gate{options: Options{Pairs: c.pairs}}
	r := &result{Format: resultFormat}
	began := time.Now()
	require.NoError(tb, g.measure(context.Background(), c.match(tb, head, seed), r))
	r.Took = time.Since(began)
	return r
}

// TestValidation is the benchmarks with tiny numbers.
func TestValidation(t *testing.T) {
	if !supported {
		t.Skip("a gate needs Linux")
	}
	c := trial{conns: 100, pairs: 2, pace: hasty}
	found := c.differences(t)
	require.Len(t, found.null, 2)
	require.Len(t, found.slow, 2)
	for _, d := range found.known {
		require.Positive(t, d)
	}

	c.pairs = 5
	r := c.gate(t, handicap{drop: 50, goroutine: 1}, 1)
	require.Equal(t, worse, r.Outcome, summary(r))
	for _, m := range r.Metrics {
		if m.Unit == "drops/conn" {
			require.Equal(t, worse, m.Outcome, summary(r))
		}
	}
	require.Len(t, r.Confirming, 10)
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
