package holdfast_test

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/holdfast/loadtest"
)

// units are what a benchmark reports, sorted as it does.
var units = regexp.MustCompile(`\S+ connect-p99-ns\s+\S+ conns/s\s+\S+ cpu-ns/req\s+0 drops/op\s+20\.00 held\s+` +
	`\S+ p50-ns\s+\S+ p99-ns\s+\S+ req/s$`)

func TestBenchmarkServerBody(t *testing.T) {
	r := testing.Benchmark(func(b *testing.B) {
		benchmarkServer(b, loadtest.Config{Connections: 20, IdleTimeout: 200 * time.Millisecond})
	})
	require.Positive(t, r.N, "the benchmark failed")
	require.Regexp(t, units, r.String())
}

func TestLiveLines(t *testing.T) {
	lost := loadtest.Loss{Slot: 17, Cause: "closed while idle", At: 1500 * time.Millisecond, Idle: 1400 * time.Millisecond, Served: 3}
	failed := loadtest.Loss{Slot: 18, Cause: "connect refused", At: 1600 * time.Millisecond, Detail: "connection refused"}
	var out strings.Builder
	liveLines(&out, loadtest.Sample{
		At: 2 * time.Second, Phase: "hold", Open: 998, Connected: 4, Due: 70, Sent: 69, Answered: 68, Failed: 1, Dropped: 5,
		LatencyP50: 212345, LatencyP99: 1234567, Lost: []loadtest.Loss{lost, failed},
	})
	require.Equal(t, `   1.5s conn 17 closed while idle, 3 answered, idle 1.4s
   1.6s conn 18 connect refused, 0 answered, idle 0s: connection refused
   2.0s and 3 more lost
   2.0s hold   998 open  +4 -5  69 sent  68 answered  1 failed  latency p50 212µs p99 1.235ms
`, out.String())
}

// standAlone is this test binary as people start it without go test.
func standAlone(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	return exec.CommandContext(t.Context(), self,
		append([]string{"-test.run=^$", "-test.bench=.", "-test.benchtime=1x", "-conns=20"}, args...)...)
}

// The result is one whole line of stdout, with -v and without.
func TestStandAlone(t *testing.T) {
	t.Parallel()
	for _, verbose := range []string{"false", "true"} {
		s := loadtest.NewServer(t, shop())
		cmd := standAlone(t, "-test.v="+verbose, "-url="+s.URL, "-keepalive=600ms", "-hold=1s")
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		require.NoError(t, cmd.Run(), "%s%s", &stdout, &stderr)
		var results []string
		for line := range strings.Lines(stdout.String()) {
			if units.MatchString(strings.TrimSpace(line)) {
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
	s := loadtest.NewServer(t, shop())
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
