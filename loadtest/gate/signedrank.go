package gate

import (
	"math"
	"slices"
)

// A signedRank is Wilcoxon's signed-rank test of how far apart the two sides of pairs are. It takes for granted that a
// difference lies above the true one as often as below it, and as far. That is so where one side differs from the other
// by a factor alone, whatever the noise: then exchanging them mirrors the differences of logarithms.
//
// Its statistic is the number of Walsh averages, those of each two differences and of each one with itself, that lie above
// what it asks about. Where there are no ties that is the sum of the ranks of the differences above it. So whatever is asked,
// and each bound, is an order statistic of one list, and a bound says neither more nor less than the test does.
//
// Ties and zeros count against what is to be shown: an average just there is on neither side. That is the worst of all ways to
// break them at random, so a p is never less than it may be. Differences that are equal to one another cost nothing.
//
// Note: mid-ranks, with their distribution given the ties, lost. There p is no monotone function of what is asked about, and
// its inverse no interval; and what they gain, they gain where two differences lie exactly as far above as below.
type signedRank struct {
	pairs int
	walsh []float64 // ascending
	tails []float64 // tails[w] is the chance of w or more averages above the true difference
}

func newSignedRank(differences []float64) signedRank {
	n := len(differences)
	walsh := make([]float64, 0, n*(n+1)/2)
	for i, a := range differences {
		for _, b := range differences[i:] {
			walsh = append(walsh, a/2+b/2)
		}
	}
	slices.Sort(walsh)
	return signedRank{n, walsh, rankTails(n)}
}

// rankTails returns the chances that the sum of n ranks, each there or not like heads or tails, is so much or more.
func rankTails(n int) []float64 {
	top := n * (n + 1) / 2
	chances := make([]float64, top+2)
	chances[0] = 1
	for rank, sum := 1, 0; rank <= n; rank++ {
		sum += rank
		for w := sum; w >= 0; w-- {
			chances[w] /= 2
			if w >= rank {
				chances[w] += chances[w-rank] / 2
			}
		}
	}
	for w := top; w >= 0; w-- { // the small ones first
		chances[w] += chances[w+1]
	}
	return chances
}

// above returns the chance of differences that lie so far above v, or farther, if the true one is v or less.
func (s signedRank) above(v float64) float64 {
	i, _ := slices.BinarySearchFunc(s.walsh, v, func(a, v float64) int {
		if a > v {
			return 1
		}
		return -1
	})
	return s.tails[len(s.walsh)-i]
}

// below returns the chance of differences that lie so far below v, or farther, if the true one is v or more.
func (s signedRank) below(v float64) float64 {
	i, _ := slices.BinarySearch(s.walsh, v)
	return s.tails[i]
}

// estimate is that of Hodges and Lehmann, the median of the Walsh averages. Without a pair it is NaN.
func (s signedRank) estimate() float64 {
	n := len(s.walsh)
	if n == 0 {
		return math.NaN()
	}
	return s.walsh[(n-1)/2]/2 + s.walsh[n/2]/2
}

// upper returns what the true difference is not above, with a confidence of 1 − p: all that is greater, and nothing else,
// has a below of p or less. +Inf: so few pairs cannot say.
func (s signedRank) upper(p float64) float64 {
	if c := s.critical(p); c <= len(s.walsh) {
		return s.walsh[c-1]
	}
	return math.Inf(1)
}

// lower returns what the true difference is not below, like upper.
func (s signedRank) lower(p float64) float64 {
	if c := s.critical(p); c <= len(s.walsh) {
		return s.walsh[len(s.walsh)-c]
	}
	return math.Inf(-1)
}

// critical returns how many averages on one side have a chance of p or less; more than there are: none.
func (s signedRank) critical(p float64) int {
	c, _ := slices.BinarySearchFunc(s.tails, p, func(tail, p float64) int {
		if tail <= p {
			return 1
		}
		return -1
	})
	return max(c, 1)
}
