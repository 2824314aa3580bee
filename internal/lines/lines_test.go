package lines

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFold(t *testing.T) {
	require.Equal(t, []string{"  ab cd", "  µµµµµ", "  much-too-long", "  x"},
		Fold("  ab cd µµµµµ much-too-long x", 7))
	require.Equal(t, []string{""}, Fold("", 7))
}

func TestLabelled(t *testing.T) {
	long := strings.Repeat("a", 60)
	require.Equal(t, "on      "+long+"\n        "+long+"\n", Labelled("on", 8, long+" "+long))
	require.Equal(t, "on\n", Labelled("on", 8, ""))
}

func TestOne(t *testing.T) {
	require.Equal(t, "a b c d e", One("a\nb\x1bc\u202ed\u2028e"))
	require.Equal(t, strings.Repeat("a", 199)+"…", One(strings.Repeat("a", 199)+"µ"), "no half of a character")
}
