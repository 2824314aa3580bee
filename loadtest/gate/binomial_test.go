package gate

import (
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBinomialTailAgainstWholeNumbers(t *testing.T) {
	for n := range int64(41) {
		for k := range n + 2 {
			for _, parts := range [][2]int64{{1, 2}, {1, 3}, {9, 10}} {
				require.InDelta(t, exactTail(k, n, parts[0], parts[1]), binomialTail(k, n, float64(parts[0])/float64(parts[1])), 1e-12,
					"%d of %d, share %v", k, n, parts)
			}
		}
	}
}

// exactTail is the same for a share of a / b, as a sum of whole numbers.
func exactTail(k, n, a, b int64) float64 {
	sum, power := new(big.Int), func(x, y int64) *big.Int { return new(big.Int).Exp(big.NewInt(x), big.NewInt(y), nil) }
	for ; k <= n; k++ {
		term := new(big.Int).Binomial(n, k)
		sum.Add(sum, term.Mul(term, power(a, k)).Mul(term, power(b-a, n-k)))
	}
	f, _ := new(big.Rat).SetFrac(sum, power(b, n)).Float64()
	return f
}

func TestBinomialTail(t *testing.T) {
	require.Equal(t, 1.0, binomialTail(0, 0, 0.5))
	require.InEpsilon(t, 1.0/4096, binomialTail(12, 12, 0.5), 1e-12)
	require.InEpsilon(t, 7.888609052210118e-31, binomialTail(100, 100, 0.5), 1e-12) // 2^-100
	require.Equal(t, []float64{0, 1}, []float64{binomialTail(1, 1, 0), binomialTail(1, 1, 1)})
	for _, n := range []int64{1000, 480_000, 100_000_000} { // half of the middle term is beyond ½
		middle := binomialTail(n/2, n, 0.5) - binomialTail(n/2+1, n, 0.5)
		require.InDelta(t, 0.5+middle/2, binomialTail(n/2, n, 0.5), 1e-6, "n=%d", n)
	}
}
