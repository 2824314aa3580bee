package gate

import "math"

// binomialTail returns the chance that of n independent events k or more fall to a side that has this share of the chances.
//
// Note: the distribution of go-moremath, on which x/perf stands, lost: it panics from some 100 000 events on, and a server that
// drops all it has in each pair comes to more.
func binomialTail(k, n int64, share float64) float64 {
	switch {
	case k <= 0:
		return 1
	case k > n || share <= 0:
		return 0
	case share >= 1:
		return 1
	}
	// Away from the mode each term is less than the one before it, and soon nothing: so the smaller of the two tails is summed
	// outwards, from the term next to the border.
	if float64(k) > float64(n)*share {
		return min(1, sumTerms(k, n, share))
	}
	return max(0, 1-sumTerms(n-k+1, n, 1-share))
}

// sumTerms sums the chances of k and more of n, for k beyond the mean.
func sumTerms(k, n int64, share float64) (sum float64) {
	odds := share / (1 - share)
	for term := math.Exp(logBinomial(k, n, share)); k <= n && term > sum*1e-17; k++ {
		sum += term
		term *= float64(n-k) / float64(k+1) * odds
	}
	return sum
}

// logBinomial is the logarithm of the chance of exactly k of n.
func logBinomial(k, n int64, share float64) float64 {
	choose := func(n int64) float64 {
		l, _ := math.Lgamma(float64(n) + 1)
		return l
	}
	return choose(n) - choose(k) - choose(n-k) + float64(k)*math.Log(share) + float64(n-k)*math.Log1p(-share)
}
