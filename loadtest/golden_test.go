package loadtest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

// wantGolden compares got with testdata/name.golden. On a difference it leaves testdata/name.got to look at; with
// HOLDFAST_UPDATE set it writes the golden file instead.
func wantGolden(t *testing.T, name, got string) {
	t.Helper()
	golden := filepath.Join("testdata", name+".golden")
	if os.Getenv("HOLDFAST_UPDATE") != "" {
		require.NoError(t, os.WriteFile(golden, []byte(got), 0o644))
		return
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	if diff := cmp.Diff(string(want), got); diff != "" {
		left := filepath.Join("testdata", name+".got")
		require.NoError(t, os.WriteFile(left, []byte(got), 0o644))
		t.Errorf("%s differs from %s (-want +got):\n%s\nif %s is right, run again with HOLDFAST_UPDATE=1",
			name, golden, diff, left)
	}
}
