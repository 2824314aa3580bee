package gate

import (
	"fmt"
	"math"
	"slices"

	"golang.org/x/perf/benchmath"
)

// readings are the figures of both sides, pair by pair.
type readings struct{ base, head []float64 }

// readAll returns why there are none if any is missing: pairs that lack one would not be missing by chance.
func (s *spec) readAll(pairs []pair) (r readings, why string) {
	for _, p := range pairs {
		base, why := s.read(p, false)
		if why != "" {
			return r, why
		}
		head, why := s.read(p, true)
		if why != "" {
			return r, why
		}
		r.base, r.head = append(r.base, base), append(r.head, head)
	}
	if len(pairs) == 0 {
		return r, "no pair counts"
	}
	return r, ""
}

// differences are those of the logarithms.
func (r readings) differences() []float64 {
	d := make([]float64, len(r.base))
	for i := range d {
		d[i] = math.Log(r.head[i] / r.base[i])
	}
	return d
}

// read fills in what the pairs have of a metric, and returns the test of it; a why: they have nothing.
func (f *finding) read(s *spec, pairs []pair) (test signedRank, why string) {
	r, why := s.readAll(pairs)
	if why != "" {
		return test, why
	}
	base, head := median(r.base), median(r.head)
	f.Base, f.Head = &base, &head
	test = newSignedRank(r.differences())
	f.Change = &interval{math.Expm1(test.estimate()), math.Expm1(test.lower(pSure)), math.Expm1(test.upper(pSure))}
	return test, ""
}

// findRatio judges a metric by the ratio of its sides, with a tolerance.
func findRatio(s *spec, pairs []pair, _ bool) finding {
	f := finding{metric: s.metric(), p: 1}
	test, why := f.read(s, pairs)
	if why != "" {
		f.Why = why
		return f
	}
	p := test.above(math.Log1p(s.tolerance))
	f.p, f.First = p, &p
	switch {
	case test.below(-math.Log1p(s.tolerance)) <= pSure:
		f.Outcome = better
	case test.below(math.Log1p(s.limit)) <= pSure:
		f.Outcome = same
	default:
		f.Needed = needed(test, s.tolerance, s.limit)
		f.Why = s.undecided(test, f)
	}
	return f
}

func (s *spec) undecided(test signedRank, f finding) string {
	switch {
	case math.IsInf(f.Change.High, 1):
		return fmt.Sprintf("%d pairs bound nothing: it takes 5, and %d are usual", test.pairs, usualPairs)
	case f.Needed == 0:
		return fmt.Sprintf("%d pairs leave it between %s and %s; it would likely take more than %d to tell", test.pairs, percent(f.Change.Low),
			percent(f.Change.High), mostPairs)
	}
	return fmt.Sprintf("%d pairs leave it between %s and %s; some %d would likely tell", test.pairs, percent(f.Change.Low),
		percent(f.Change.High), f.Needed)
}

func percent(v float64) string { return fmt.Sprintf("%+.1f %%", 100*v) }

// needed returns how many first pairs would find a metric that n have left open worse, same or better in nine of ten gates, if
// what they estimate is so; 0: more than mostPairs.
//
// Half the width h of the interval is 1.645 standard errors of the estimate, and goes with 1/√n. To be on one side of a border at
// 95 % in nine of ten gates, the estimate must lie 1.645 + 1.282 of them away: of N pairs, for a border at the distance g,
// N = n (1.78 h / g)². The border that takes the fewest counts: below the limit it is same, above the tolerance worse, below
// minus the tolerance better. (Twice as many fresh pairs at 1 % take no more.)
func needed(test signedRank, tolerance, limit float64) int {
	half := (test.upper(pSure) - test.lower(pSure)) / 2
	if math.IsInf(half, 1) {
		return usualPairs
	}
	e := test.estimate()
	gap := max(math.Log1p(limit)-e, e-math.Log1p(tolerance), -math.Log1p(tolerance)-e)
	const sure = (1.645 + 1.282) / 1.645
	n := math.Ceil(float64(test.pairs) * math.Pow(sure*half/gap, 2))
	if gap <= 0 || n > mostPairs {
		return 0
	}
	return max(int(n), test.pairs+1)
}

// findShown has the figures of a metric that is not judged.
func findShown(s *spec, pairs []pair, _ bool) finding {
	f := finding{metric: s.metric(), p: 1}
	_, f.Why = f.read(s, pairs)
	return f
}

// median is that of benchstat.
func median(values []float64) float64 {
	sample := benchmath.NewSample(slices.Clone(values), &benchmath.DefaultThresholds) // it sorts them
	return benchmath.AssumeNothing.Summary(sample, 1-pSure).Center
}

// noise is the standard deviation of the differences of CPU time per request; 0 where there is none.
func noise(pairs []pair) float64 {
	r, why := specs[0].readAll(pairs)
	if why != "" || len(pairs) < 2 {
		return 0
	}
	d := r.differences()
	var mean, squares float64
	for _, v := range d {
		mean += v / float64(len(d))
	}
	for _, v := range d {
		squares += (v - mean) * (v - mean)
	}
	return math.Sqrt(squares / float64(len(d)-1))
}
