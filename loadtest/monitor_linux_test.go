package loadtest

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/holdfast/internal/netpoll"
)

func noChildren() []int { return nil }

// burner starts a process that uses a CPU until the test ends.
func burner(t *testing.T) (pid int) {
	cmd := exec.CommandContext(t.Context(), "sh", "-c", "while :; do :; done")
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd.Process.Pid
}

// Two monitors see the same host for the same time, and one is told whose the burner is. Whatever else there is on the
// host, what the one calls foreign and the other does not is the burner's CPU.
func TestForeignIsWhatOthersUse(t *testing.T) {
	pid := burner(t)
	tree, ok := netpoll.NewTree(netpoll.NewMeter(), pid)
	require.True(t, ok)
	knowing, ignorant := startMonitor(tree, noChildren), startMonitor(nil, noChildren)
	origin := time.Now()
	knowing.begin(origin)
	ignorant.begin(origin)
	before, _ := netpoll.CPUClock(pid)
	time.Sleep(time.Second)
	after, _ := netpoll.CPUClock(pid)
	known, _ := knowing.end().whole()
	unknown, _ := ignorant.end().whole()
	share := float64(after-before) / float64(known.Span) / float64(runtime.NumCPU())
	require.Positive(t, share)
	require.GreaterOrEqual(t, unknown.Foreign, 0.95*share-0.02)
	require.InDelta(t, share, unknown.Foreign-known.Foreign, 0.1*share+0.02, "told %+v, not told %+v", known, unknown)
	require.GreaterOrEqual(t, unknown.Busy, unknown.Foreign)
}

// The monitor reads before, once a second, and after; it follows the tree, and the generator's processes.
func TestMonitorReadsOnceASecond(t *testing.T) {
	server, child := burner(t), burner(t)
	tree, ok := netpoll.NewTree(netpoll.NewMeter(), server)
	require.True(t, ok)
	m := startMonitor(tree, func() []int { return []int{child} })
	began := time.Now()
	m.begin(began)
	time.Sleep(1100 * time.Millisecond)
	e := m.end()
	whole := time.Since(began)
	require.GreaterOrEqual(t, len(e.readings), 3)
	require.True(t, e.generators)
	last := time.Duration(-1 << 62)
	for i, r := range e.readings {
		require.Greater(t, r.at, last)
		last = r.at
		switch {
		case i == 0:
			require.LessOrEqual(t, r.at, time.Duration(0), "before the run")
		case i < len(e.readings)-1:
			require.GreaterOrEqual(t, r.at, time.Second, "never early")
		}
		require.Positive(t, r.test.cpu)
		require.Positive(t, r.test.rss)
		require.Positive(t, r.generators.rss)
		require.Positive(t, r.server.rss)
		require.Equal(t, r.test.cpu+r.generators.cpu+r.server.cpu, r.ours())
		require.GreaterOrEqual(t, r.runDelay, time.Duration(0))
		require.NotEqual(t, netpoll.UnknownCounters, r.kernel)
	}
	require.LessOrEqual(t, last, whole)
	first, end := e.readings[0], e.readings[len(e.readings)-1]
	require.Greater(t, end.server.cpu, first.server.cpu)
	require.Greater(t, end.generators.cpu, first.generators.cpu)
}

// In a bubble time is not the host's.
func TestMonitorInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := startMonitor(nil, noChildren)
		m.begin(time.Now())
		time.Sleep(time.Hour)
		e := m.end()
		require.Empty(t, e.readings)
		host, kernel := e.whole()
		require.Equal(t, unknownHost(), host)
		require.Equal(t, unknownCounters, kernel)
	})
}

func TestRunSaysWhatItCost(t *testing.T) {
	s := NewServer(t, nil)
	cfg := brief(s, "", 50)
	cfg.Hold = 1200 * time.Millisecond
	began := time.Now()
	r, err := Run(t.Context(), cfg)
	took := time.Since(began)
	require.NoError(t, err)
	u := r.Generator
	require.Equal(t, "test process", u.Of)
	require.True(t, u.Shared, "the server is in it")
	require.Positive(t, u.CPU)
	require.InDelta(t, u.CPUUser+u.CPUSystem, u.CPU, float64(20*time.Millisecond), "%+v", u)
	for _, n := range []int64{u.RSSBefore, u.RSSHold, u.RSS, u.Allocs} {
		require.Positive(t, n, "%+v", u)
	}
	require.GreaterOrEqual(t, u.PeakRSS, u.RSSHold)
	require.Equal(t, unknownUsage(), r.ServerUse)

	require.GreaterOrEqual(t, r.Host.Span, u.Wall, "the host is read before and after")
	require.LessOrEqual(t, r.Host.Span, took)
	require.Greater(t, r.Host.Busy, 0.0)
	require.GreaterOrEqual(t, r.Kernel.ListenOverflows, int64(0))
	for _, sample := range r.Timeline {
		require.GreaterOrEqual(t, sample.Host.Span, shortest-time.Millisecond, "second ending at %v", sample.At)
		require.GreaterOrEqual(t, sample.Host.Foreign, 0.0)
		require.Greater(t, sample.Host.Sockets, int64(0))
		require.GreaterOrEqual(t, sample.Kernel.TCPRetransSegs, int64(0))
	}
	require.Contains(t, r.String(), "generator and server: test process, CPU ")
}

// Both are told, the one that started first too.
func TestRunsAtOnceAreShared(t *testing.T) {
	s := NewServer(t, nil)
	first := brief(nil, s.URL, 5)
	first.Hold = time.Minute
	second := brief(nil, s.URL, 5)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	begun := make(chan struct{}, 100)
	first.Progress = func(Sample) {
		select {
		case begun <- struct{}{}:
		default:
		}
	}
	reports := make(chan *Report)
	go func() {
		r, _ := Run(ctx, first)
		reports <- r
	}()
	<-begun
	later, err := Run(t.Context(), second)
	require.NoError(t, err)
	cancel()
	earlier := <-reports
	require.True(t, earlier.Generator.Shared)
	require.True(t, later.Generator.Shared)
	require.Contains(t, later.String(), "test process, shared with another run, CPU ")
}

func TestServerPIDThatIsRefused(t *testing.T) {
	gone := exec.CommandContext(t.Context(), "true")
	require.NoError(t, gone.Run())
	for want, pid := range map[string]int{
		"this process: Report.Generator has what it used":      os.Getpid(),
		"from which this process descends":                     os.Getppid(),
		"and there is no such process: did the server end, or": gone.Process.Pid,
	} {
		_, err := Run(t.Context(), Config{URL: "http://127.0.0.1:1/", ServerPID: pid})
		var refused *ConfigError
		require.ErrorAs(t, err, &refused, want)
		require.Len(t, refused.Problems, 1)
		require.Contains(t, refused.Problems[0], fmt.Sprintf("ServerPID is %d, ", pid))
		require.Contains(t, refused.Problems[0], want)
	}
	require.Equal(t, []string{fmt.Sprintf("Server and ServerPID are both set: a Server lives in this process, and "+
		"Report.Generator has what that used; leave ServerPID (%d) 0", 7)},
		problemsOf(t, Config{Server: fixtureOn("tcp", "http://127.0.0.1:1"), ServerPID: 7}))
}

// TestDescriptorsOfAProcessTree: those of the server's processes, in the run too.
func TestDescriptorsOfAProcessTree(t *testing.T) {
	// A server that opens a file when it is told to, with a child that has some too.
	cmd := exec.CommandContext(t.Context(), "sh", "-c", "(exec <&3; echo ready; read never) & read go; exec 8</dev/null 9</dev/null; wait")
	silence, never, err := os.Pipe()
	require.NoError(t, err)
	defer silence.Close()
	defer never.Close()
	cmd.ExtraFiles = []*os.File{silence}
	says, err := cmd.StdoutPipe()
	require.NoError(t, err)
	tell, err := cmd.StdinPipe()
	require.NoError(t, err)
	cmd.SysProcAttr = netpoll.OwnGroup()
	require.NoError(t, cmd.Start())
	defer func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait() // killed
	}()
	_, err = io.ReadFull(says, make([]byte, len("ready\n")))
	require.NoError(t, err)
	var before int64
	for _, pid := range append(childrenOfProcess(t, cmd.Process.Pid), cmd.Process.Pid) {
		open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
		require.NoError(t, err)
		before += int64(len(open))
	}
	cfg := brief(nil, NewServer(t, nil).URL, 5)
	cfg.Hold, cfg.ServerPID = 1500*time.Millisecond, cmd.Process.Pid
	cfg.Progress = func(Sample) { _, _ = tell.Write([]byte("\n")) }
	r, err := Run(t.Context(), cfg)
	require.NoError(t, err)
	u := r.ServerUse
	require.Equal(t, Resources{-1, -1, -1, before}, u.Before)
	require.Equal(t, Resources{-1, -1, -1, before + 2}, u.Hold)
	require.Equal(t, u.Hold, u.After)
	require.Contains(t, r.String(), "per conn: 0.40 descriptors")
}

// A tree that ends in the middle of a run keeps what it was seen to have used.
func TestServerThatEndsInTheRun(t *testing.T) {
	s := NewServer(t, nil)
	cmd := exec.CommandContext(t.Context(), "sh", "-c", "while :; do :; done")
	require.NoError(t, cmd.Start())
	cfg := brief(nil, s.URL, 5)
	cfg.Hold, cfg.ServerPID = 1500*time.Millisecond, cmd.Process.Pid
	cfg.Progress = func(Sample) { _ = cmd.Process.Kill(); _ = cmd.Wait() }
	r, err := Run(t.Context(), cfg)
	require.NoError(t, err)
	u := r.ServerUse
	require.Equal(t, fmt.Sprintf("process tree %d", cfg.ServerPID), u.Of)
	require.GreaterOrEqual(t, u.CPU, time.Duration(0))
	require.Positive(t, u.RSSBefore)
	require.Positive(t, u.PeakRSS)
	require.EqualValues(t, -1, u.RSS)
	require.False(t, u.Shared)
}

// BenchmarkReading is what the monitor costs a second.
func BenchmarkReading(b *testing.B) {
	tree, ok := netpoll.NewTree(netpoll.NewMeter(), os.Getpid())
	require.True(b, ok)
	for name, server := range map[string]*netpoll.Family{"none": nil, "tree": tree} {
		b.Run("server="+name, func(b *testing.B) {
			b.ReportAllocs()
			b.ReportMetric(float64(readings(b.Loop, server))/float64(b.N), "cpu-ns/op")
		})
	}
}

func TestBenchmarkReading(t *testing.T) {
	n := 0
	require.Positive(t, readings(func() bool { n++; return n <= 3 }, nil))
}

// readings returns the CPU time of readings.
func readings(more func() bool, server *netpoll.Family) time.Duration {
	m := startMonitor(server, noChildren)
	defer m.end()
	before, _ := netpoll.CPUClock(os.Getpid())
	for more() {
		m.readings = m.readings[:0]
		m.read()
	}
	after, _ := netpoll.CPUClock(os.Getpid())
	return after - before
}
