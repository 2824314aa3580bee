package standalone

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/holdfast/loadtest"
)

// result is the line of a benchmark with all its units, sorted as testing does.
var result = regexp.MustCompile(`\S+ connect-p99-ns\s+\S+ conns/s\s+0 drops/op\s+0 failed/op\s+\S+ gen-cpu-ns/req\s+20\.00 held/op\s+` +
	`\S+ p50-ns\s+\S+ p99-ns\s+\S+ p999-ns\s+\S+ req/s$`)

// compiled is the root package's test binary, as people make it. It is compiled once.
var compiled = sync.OnceValues(func() (path string, err error) {
	dir, err := os.MkdirTemp("", "holdfast")
	if err != nil {
		return "", err
	}
	path = filepath.Join(dir, "holdfast.exe") // Windows wants the suffix, nobody else minds
	if out, err := exec.Command("go", "test", "-c", "-o", path, "example.com/holdfast").CombinedOutput(); err != nil {
		return path, fmt.Errorf("go test -c: %w\n%s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, _ := compiled(); path != "" {
		os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// standAlone is that binary as people start it without go test.
func standAlone(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	path, err := compiled()
	require.NoError(t, err)
	return exec.CommandContext(t.Context(), path,
		append([]string{"-test.run=^$", "-test.bench=.", "-test.benchtime=1x", "-conns=20"}, args...)...)
}

// The result is one whole line of stdout, with -v and without.
func TestStandAlone(t *testing.T) {
	t.Parallel()
	for _, verbose := range []string{"false", "true"} {
		s := loadtest.NewServer(t, nil)
		cmd := standAlone(t, "-test.v="+verbose, "-url="+s.URL, "-keepalive=600ms", "-hold=1s")
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		require.NoError(t, cmd.Run(), "%s%s", &stdout, &stderr)
		var results []string
		for line := range strings.Lines(stdout.String()) {
			if result.MatchString(strings.TrimSpace(line)) {
				results = append(results, line)
			}
		}
		require.Len(t, results, 1, "%s", &stdout)
		require.Regexp(t, `^BenchmarkURL/conns=20\S*\s+1\s`, results[0])
		require.Equal(t, verbose == "true", strings.Contains(stdout.String(), "20 of 20 conns held"), "%s", &stdout)
		require.Equal(t, verbose == "true", strings.Contains(stderr.String(), "20 open  +20 -0"), "%s", &stderr)
		require.EqualValues(t, 20, s.Counts().Accepted)
	}
}

// Ctrl-C ends a run of ten hours with its report, and with an exit code that says so.
func TestStandAloneInterrupted(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows cannot send Ctrl-C to one process")
	}
	t.Parallel()
	s := loadtest.NewServer(t, nil)
	cmd := standAlone(t, "-test.v", "-url="+s.URL, "-keepalive=600ms", "-hold=10h")
	var stdout bytes.Buffer
	cmd.Stdout = &stdout
	stderr, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	live := bufio.NewScanner(stderr)
	for live.Scan() && !strings.Contains(live.Text(), "s hold ") {
	}
	require.NoError(t, cmd.Process.Signal(os.Interrupt), "before it held: %s", &stdout)
	for live.Scan() {
	}
	var exit *exec.ExitError
	require.ErrorAs(t, cmd.Wait(), &exit)
	require.Equal(t, 1, exit.ExitCode())
	require.Contains(t, stdout.String(), "loadtest: the run was cancelled in the hold: context canceled")
	require.Contains(t, stdout.String(), "CANCELLED in hold")
	require.Contains(t, stdout.String(), "20 ever established")
}
