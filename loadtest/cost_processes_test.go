package loadtest

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Tests that this binary runs once more as a process of its own: a server that is not the test's, and the oracle. The
// variable says which conns it is about, and that it is one.
const again = "HOLDFAST_COST_TEST"

// anotherProcess returns a command that runs one test of this binary alone.
func anotherProcess(tb testing.TB, test, value string) *exec.Cmd {
	tb.Helper()
	path, err := os.Executable()
	require.NoError(tb, err)
	cmd := exec.Command(path, "-test.run=^"+test+"$", "-test.v")
	cmd.Env = append(os.Environ(), again+"="+value)
	return cmd
}

// plainServer is a net/http server in a process of its own.
func plainServer(t *testing.T) (url string, pid int) {
	t.Helper()
	cmd := anotherProcess(t, "TestServeInAProcess", "serve")
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		stdin.Close()
		_, _ = io.Copy(io.Discard, stdout)
		require.NoError(t, cmd.Wait())
	})
	return lineOf(t, stdout, "URL "), cmd.Process.Pid
}

// lineOf returns what follows a word at the beginning of a line.
func lineOf(tb testing.TB, r io.Reader, word string) string {
	tb.Helper()
	var all []string
	for lines := bufio.NewScanner(r); lines.Scan(); {
		if text, ok := strings.CutPrefix(lines.Text(), word); ok {
			return text
		}
		all = append(all, lines.Text())
	}
	tb.Fatalf("nothing was said of %q:\n%s", word, strings.Join(all, "\n"))
	return ""
}

func TestServeInAProcess(t *testing.T) {
	if os.Getenv(again) == "" {
		t.Skip("it is part of TestMeasureCostOfAProcessTree")
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &http.Server{Handler: http.HandlerFunc(ok)}
	served := make(chan error, 1)
	go func() { served <- s.Serve(ln) }()
	fmt.Printf("URL http://%v\n", ln.Addr())
	_, _ = io.Copy(io.Discard, os.Stdin) // until the parent is done, or gone
	require.NoError(t, s.Close())
	require.ErrorIs(t, <-served, http.ErrServerClosed)
}

// profiled returns the bytes of all live objects by the heap profile, which must have all of them in it. What it knows lags
// two collections behind.
func profiled() (sum int64) {
	for range 3 {
		runtime.GC()
	}
	records := make([]runtime.MemProfileRecord, 1<<16)
	n, ok := runtime.MemProfile(records, false)
	if !ok {
		panic(fmt.Sprintf("the profile has %d records", n))
	}
	for _, r := range records[:n] {
		sum += r.InUseBytes()
	}
	return sum
}

// TestHeapProfileOfConns is the oracle of BenchmarkMeasureCost: heap per conn of a plain http.Server by a profile of every
// allocation, from a quarter of the conns to all.
func TestHeapProfileOfConns(t *testing.T) {
	var conns int
	if _, err := fmt.Sscan(os.Getenv(again), &conns); err != nil {
		t.Skip("it is part of BenchmarkMeasureCost")
	}
	require.Equal(t, 1, runtime.MemProfileRate)
	s := NewServer(t, nil)
	held := func(n int) (bytes int64) {
		cfg := Config{Server: s, Connections: n, Processes: 1, Ramp: defaultCostRamp, Hold: -1, Cadence: Silent()}
		run := systemRunner()
		run.held = func() { bytes = profiled() }
		r, err := run.run(t.Context(), cfg)
		require.NoError(t, err)
		require.EqualValues(t, n, r.Conns.Held)
		return bytes
	}
	held(conns) // what is kept for good
	few, all := held(conns/4), held(conns)
	fmt.Printf("HEAP %f\n", float64(all-few)/float64(conns-conns/4))
}

// costs measures what each conn costs a plain http.Server, by MeasureCost so often, and by the oracle.
func costs(b testing.TB, conns int, opts CostOptions, more func() bool) (heaps []float64, oracle float64, longest time.Duration) {
	s := NewServer(b, nil)
	for more() {
		began := time.Now()
		c, err := MeasureCost(b.Context(), Config{Server: s, Connections: conns}, opts)
		require.NoError(b, err)
		longest = max(longest, time.Since(began))
		b.Logf("in %v: %v", time.Since(began).Round(time.Millisecond), c)
		heaps = append(heaps, c.Heap.PerConn)
	}
	cmd := anotherProcess(b, "TestHeapProfileOfConns", fmt.Sprint(conns))
	cmd.Env = append(cmd.Env, "GODEBUG=memprofilerate=1")
	out, err := cmd.Output()
	require.NoError(b, err, "%s", out)
	_, err = fmt.Sscan(lineOf(b, strings.NewReader(string(out)), "HEAP "), &oracle)
	require.NoError(b, err)
	return heaps, oracle, longest
}

// BenchmarkMeasureCost is the evidence: with -benchtime=10x how far ten of them lie from their median, and that from the
// heap profile.
func BenchmarkMeasureCost(b *testing.B) {
	heaps, oracle, longest := costs(b, defaultCostConns, CostOptions{}, b.Loop)
	slices.Sort(heaps)
	median := (heaps[(len(heaps)-1)/2] + heaps[len(heaps)/2]) / 2
	spread := max(median-heaps[0], heaps[len(heaps)-1]-median) / median
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median, "heap-B/conn")
	b.ReportMetric(oracle, "profile-B/conn")
	b.ReportMetric(100*spread, "from-median-%")
	b.ReportMetric(100*(median/oracle-1), "over-profile-%")
	b.ReportMetric(longest.Seconds(), "s-at-most")
	require.LessOrEqual(b, spread, 0.02)
	require.InDelta(b, 1, median/oracle, 0.02)
}

// The benchmark, small: the two agree on what a conn takes, roughly.
func TestBenchmarkMeasureCost(t *testing.T) {
	onlyOnLinux(t)
	n := 0
	heaps, oracle, _ := costs(t, 400, CostOptions{Repeats: 2}, func() bool { n++; return n <= 1 })
	require.InEpsilon(t, oracle, heaps[0], 0.2)
}
