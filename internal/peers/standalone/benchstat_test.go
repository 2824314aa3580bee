package standalone

import (
	"bytes"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/perf/benchfmt"
	"golang.org/x/perf/benchunit"

	"example.com/holdfast/loadtest"
)

// TestBenchstatReadsResults: each line is understood, each unit gets a table, and its figures a prefix.
func TestBenchstatReadsResults(t *testing.T) {
	t.Parallel()
	s := loadtest.NewServer(t, nil)
	for name, args := range map[string][]string{
		"Bench":                  {"-test.bench=Server/conns=100$", "-keepalive=600ms"},
		"Bench, verbose":         {"-test.bench=Server/conns=100$", "-keepalive=600ms", "-test.v"},
		"ReportMetrics":          {"-test.bench=URL", "-keepalive=600ms", "-conns=20", "-url=" + s.URL},
		"ReportMetrics, verbose": {"-test.bench=URL", "-keepalive=600ms", "-conns=20", "-url=" + s.URL, "-test.v"},
	} {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			cmd := standAlone(t, append(args, "-test.count=3")...)
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			require.NoError(t, cmd.Run(), "%s%s", &stdout, &stderr)
			units := unitsOf(t, stdout.Bytes(), 3)
			require.Subset(t, units, []string{"p99-sec", "connect-p99-sec", "conns/s", "req/s", "drops/op", "failed/op", "held/op"})
			table := benchstat(t, stdout.Bytes())
			for _, unit := range units {
				require.Regexp(t, `│\s+`+regexp.QuoteMeta(unit)+`\s+│`, table)
			}
			require.Regexp(t, `/conns=\d+\S*\s+\d+\.\d+[µm] ± ∞`, table, "durations in µs and ms")
			if slices.Contains(units, "rss-B/conn") {
				require.Regexp(t, `/conns=\d+\S*\s+\d+\.\d+[KM]i ± ∞`, table, "bytes in KiB or MiB")
			}
		})
	}
}

// unitsOf reads the results of one benchmark, so many of them.
func unitsOf(t *testing.T, stdout []byte, want int) []string {
	t.Helper()
	units, results := map[string]bool{}, 0
	r := benchfmt.NewReader(bytes.NewReader(stdout), "stdout")
	for r.Scan() {
		switch of := r.Result().(type) {
		case *benchfmt.SyntaxError:
			require.NoError(t, of, "%s", stdout)
		case *benchfmt.Result:
			results++
			for _, v := range of.Values {
				units[v.Unit] = true
				bytes := strings.Contains(v.Unit, "B/")
				require.Equal(t, bytes, benchunit.ClassOf(v.Unit) == benchunit.Binary, v.Unit)
			}
		}
	}
	require.NoError(t, r.Err())
	require.Equal(t, want, results, "%s", stdout)
	return slices.Sorted(maps.Keys(units))
}

// benchstat runs it as people do.
func benchstat(t *testing.T, results []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "new.txt")
	require.NoError(t, os.WriteFile(path, results, 0o644))
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "go", "tool", "benchstat", path)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	require.NoError(t, cmd.Run(), "%s", &stderr)
	require.Empty(t, stderr.String())
	return stdout.String()
}

// TestUsersDoNotPayForTests: the module of somebody who imports loadtest requires nothing that only our tests and tools do.
func TestUsersDoNotPayForTests(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("../../..")
	require.NoError(t, err)
	dir := t.TempDir()
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	write("go.mod", "module example.org/user\n\ngo 1.26\n\nreplace example.com/holdfast => "+root+"\n")
	write("user_test.go", "package user\n\nimport _ \"example.com/holdfast/loadtest\"\n")
	cmd := exec.CommandContext(t.Context(), "go", "mod", "tidy")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	for _, name := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		require.Contains(t, string(text), "github.com/HdrHistogram/hdrhistogram-go")
		require.NotContains(t, string(text), "golang.org/x/perf")
		require.NotContains(t, string(text), "aclements")
	}
}
