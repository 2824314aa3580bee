package rerun

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCommand(t *testing.T) {
	require.Equal(t, `HOLDFAST_SEED=7 go test -count=1 -run='^TestX$' example.com/a`,
		Command("HOLDFAST_SEED", "7", "TestX", "example.com/a", false))
	require.Equal(t, `HOLDFAST_SEED=7 go test -count=1 -run='^$' -bench='^BenchmarkX$' -benchtime=1x .`,
		Command("HOLDFAST_SEED", "7", "BenchmarkX", "command-line-arguments", false))
	require.Equal(t, `HOLDFAST_BASE=main go test -count=1 -race -run='^TestX$/^it'\''s_1\.5$/^#00$' a`,
		Command("HOLDFAST_BASE", "main", "TestX/it's_1.5/#00", "a", true))
}

func TestPackage(t *testing.T) { require.Equal(t, "example.com/holdfast/internal/rerun", Package()) }
