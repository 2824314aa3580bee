package gate

import (
	"flag"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestThisPlaceIsThisPackage(t *testing.T) {
	dir, err := os.Getwd()
	require.NoError(t, err)
	t.Chdir(t.TempDir()) // where a test goes later is not asked
	p, err := thisPlace("TestX", "main...")
	require.NoError(t, err)
	require.Equal(t, "example.com/holdfast/loadtest/gate", p.Package)
	require.Equal(t, dir, p.Dir)
	require.Equal(t, runtime.Version(), p.Go)
	require.Equal(t, "gate", filepath.Base(p.Dir))
	require.NotEmpty(t, p.Settings)
	require.Equal(t, testing.CoverMode() != "", p.Covered)
}

func TestBaseOfEnvironmentAndOption(t *testing.T) {
	t.Setenv(baseVariable, " main... ")
	require.Equal(t, "main...", baseOf("v1"))
	t.Setenv(baseVariable, "")
	require.Empty(t, baseOf("v1"), "set to nothing: none")
	os.Unsetenv(baseVariable)
	require.Equal(t, "v1", baseOf("v1"))
}

func TestSandboxAndFilesAreRefused(t *testing.T) {
	lookup := func(names ...string) func(string) (string, bool) {
		return func(name string) (string, bool) { return "", slices.Contains(names, name) }
	}
	require.NoError(t, sandboxed(lookup("TEST_SRCDIR")))
	require.ErrorContains(t, sandboxed(lookup("TEST_SRCDIR", "TEST_WORKSPACE")), "gate: under Bazel a base cannot be checked out and built")
	require.ErrorContains(t, sandboxed(lookup("BAZEL_TEST")), "or name no base (HOLDFAST_BASE)")
	_, err := packageOf("command-line-arguments.test")
	require.ErrorContains(t, err, "go test was given files instead of a package")
	_, err = packageOf("example.org/m/cmd")
	require.ErrorContains(t, err, "is no test binary")
}

func TestPatternFindsOneTest(t *testing.T) {
	require.Equal(t, "^TestX$", patternOf("TestX"))
	require.Equal(t, `^TestX$/^a\.b\[0\]\|c$/^#01$`, patternOf("TestX/a.b[0]|c/#01"))
	for _, name := range []string{"a.b(", "a/b", "with space", "x", "x", "", "[", "½"} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, []string{"-test.run=" + patternOf(t.Name()), "-test.timeout=0"}, serverArgs(t.Name())[:2])
		})
	}
}

func TestOwnArgumentsAreKeptAsGiven(t *testing.T) {
	known := flag.NewFlagSet("x", flag.ContinueOnError)
	known.SetOutput(io.Discard)
	known.Bool("test.v", false, "")
	known.String("test.run", "", "")
	known.Bool("fast", false, "")
	known.Func("add", "", func(string) error { return nil })
	for _, c := range []struct{ args, want []string }{
		{nil, nil},
		{[]string{"-test.v", "-test.run", "x", "--test.run=y"}, nil},
		{[]string{"-test.v=true", "-fast", "-add", "-test.v", "-add=b", "--add", "c", "rest", "-test.v"},
			[]string{"-fast", "-add", "-test.v", "-add=b", "--add", "c", "rest", "-test.v"}},
		{[]string{"-test.v", "--", "-test.v"}, []string{"--", "-test.v"}},
		{[]string{"-test.run", "x", "-", "y"}, []string{"-", "y"}},
		{[]string{"-add"}, []string{"-add"}},
	} {
		require.Equal(t, c.want, ownArgs(c.args, known), "%q", c.args)
	}
}
