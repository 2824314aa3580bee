package peers

import (
	"cmp"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// median returns the middle one of values, which are not none; of an even number the upper.
func median[T cmp.Ordered](values []T) T {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// geometricMean returns the geometric mean of ratios and the upper end of its two-sided 95 % confidence interval: the
// t interval on their logarithms, in which a ratio and its inverse weigh the same. One ratio has no upper bound: +Inf.
func geometricMean(ratios []float64) (mean, upper float64) {
	n := float64(len(ratios))
	var sum, squares float64
	for _, r := range ratios {
		sum += math.Log(r)
	}
	m := sum / n
	for _, r := range ratios {
		squares += math.Pow(math.Log(r)-m, 2)
	}
	if n < 2 {
		return math.Exp(m), math.Inf(1)
	}
	standardError := math.Sqrt(squares / (n - 1) / n)
	return math.Exp(m), math.Exp(m + studentQuantile(0.975, n-1)*standardError)
}

// studentQuantile returns t with P(T ≤ t) = p for Student's distribution with df degrees of freedom, ½ ≤ p ≤ 0.99, by
// bisection of the integrated density.
func studentQuantile(p, df float64) float64 {
	low, high := 0.0, 64.0 // t(0.99, 1) = 31.8
	for range 60 {
		mid := (low + high) / 2
		if studentCDF(mid, df) < p {
			low = mid
		} else {
			high = mid
		}
	}
	return low
}

// studentCDF returns P(T ≤ t) for t ≥ 0: a half, and the integral of the density from 0 to t by Simpson's rule.
func studentCDF(t, df float64) float64 {
	a, _ := math.Lgamma((df + 1) / 2)
	b, _ := math.Lgamma(df / 2)
	scale := math.Exp(a-b) / math.Sqrt(df*math.Pi)
	density := func(x float64) float64 { return scale * math.Pow(1+x*x/df, -(df+1)/2) }
	const steps = 2000
	h := t / steps
	sum := density(0) + density(t)
	for i := 1; i < steps; i++ {
		sum += density(float64(i)*h) * float64(2+i%2*2)
	}
	return 0.5 + sum*h/3
}

func TestStudentQuantile(t *testing.T) {
	// From the printed tables.
	for _, c := range []struct{ p, df, want float64 }{
		{0.975, 1, 12.706}, {0.975, 2, 4.303}, {0.975, 4, 2.776}, {0.975, 11, 2.201}, {0.975, 30, 2.042},
		{0.95, 11, 1.796}, {0.95, 1, 6.314}, {0.975, 1000, 1.962}, {0.5, 7, 0},
	} {
		require.InDelta(t, c.want, studentQuantile(c.p, c.df), 0.001, "p = %v, df = %v", c.p, c.df)
	}
}

func TestGeometricMean(t *testing.T) {
	mean, upper := geometricMean([]float64{0.5, 2})
	require.InDelta(t, 1, mean, 1e-12, "a ratio and its inverse cancel")
	// The logarithms ±ln 2 have the standard error ln 2, and t(0.975, 1) is 12.706.
	require.InDelta(t, 12.706*math.Ln2, math.Log(upper), 0.001)

	mean, upper = geometricMean([]float64{0.8, 0.8, 0.8})
	require.InDelta(t, 0.8, mean, 1e-12)
	require.InDelta(t, 0.8, upper, 1e-12, "no spread, no interval")

	mean, upper = geometricMean([]float64{0.9})
	require.InDelta(t, 0.9, mean, 1e-12)
	require.True(t, math.IsInf(upper, 1), "one pair proves nothing")
}

func TestMedian(t *testing.T) {
	require.Equal(t, 3, median([]int{5, 1, 3}))
	require.Equal(t, 4, median([]int{4, 1, 3, 5}), "of an even number the upper one")
}
