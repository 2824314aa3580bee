package generator

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// hostile compiles the test binary of package hostile, and returns its path from the directory of this package.
func hostile(t *testing.T, flags ...string) (relative string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "hostile.test")
	args := append(append([]string{"test", "-c"}, flags...), "-o", path, "./hostile")
	out, err := exec.CommandContext(t.Context(), "go", args...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	wd, err := os.Getwd()
	require.NoError(t, err)
	relative, err = filepath.Rel(wd, path)
	require.NoError(t, err)
	return relative
}

// Children are found whatever the test binary is: with the race detector or coverage in it, started by a relative path and
// gone elsewhere since, with packages that do much before it is theirs.
func TestHostileBinary(t *testing.T) {
	for name, flags := range map[string][]string{
		"plain": nil, "race": {"-race"}, "cover": {"-cover", "-coverpkg=example.com/holdfast/..."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			command := exec.CommandContext(t.Context(), hostile(t, flags...), "-test.run=^TestHolds$", "-test.v", "-test.timeout=1m")
			out, err := command.CombinedOutput()
			require.NoError(t, err, "%s", out)
			require.Contains(t, string(out), "--- PASS: TestHolds")
		})
	}
}
