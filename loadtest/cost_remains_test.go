package loadtest

import (
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestRemainsAreTakenOff: of each conn that was closed a goroutine stays with its stack, a file and 5 KB; of each that is open
// two and two and 10 KB more. What a step stands on is not in the slope.
func TestRemainsAreTakenOff(t *testing.T) {
	n := steps{200, 400, 800}
	held := func(conns, closed int) Resources {
		c, k := int64(conns), int64(closed)
		return Resources{1<<20 + 10_000*c + 5_000*k, 1<<18 + 8192*c + 2048*k, 10 + 2*c + k, 20 + 2*c + k}
	}
	var all [figureCount][]stepReadings
	var r remains
	closed := 800 // of the run that does not count
	for range 3 {
		var repeat [figureCount]stepReadings
		for i, conns := range n {
			r.add(held(0, closed), conns)
			h := held(conns, closed)
			for figure, v := range []int64{h.Heap, h.Stack, h.Goroutines, h.Descriptors, 1, 1} {
				repeat[figure][i] = v
			}
			closed += conns
		}
		for figure := range all {
			all[figure] = append(all[figure], repeat[figure])
		}
	}
	require.InDelta(t, 3, marginalOf(figureKinds[2], n, all[2]).PerConn, 1e-9, "as if that were of the conns")
	r.takeOff(&all, n)
	for figure, want := range []float64{10_000, 8192, 2, 2} {
		require.InDelta(t, want, marginalOf(figureKinds[figure], n, all[figure]).PerConn, 1e-9, figureKinds[figure].name)
	}
	m := Marginal{PerConn: 1}
	r.forbid(&m, figureRSS)
	require.Equal(t, "the server keeps 6.88KiB of each conn that was closed: see Budget.LeakRounds", m.Why)
	require.Greater(t, m.PerConn, 1e300)
	m = Marginal{PerConn: 1, Why: "unknown"}
	r.forbid(&m, figureKernel)
	require.Equal(t, "unknown", m.Why)
}

// TestWhatComesAndGoesDoesNotRemain, nor what is not known.
func TestWhatComesAndGoesDoesNotRemain(t *testing.T) {
	for _, last := range []Resources{
		{1<<20 + 16<<10 + 64*1000, 1 << 30, 12, 12}, {1, 1, 1, 1}, unknownResources,
	} {
		var r remains
		r.add(Resources{1 << 20, 1 << 18, 10, 10}, 1000)
		r.add(last, 2000)
		require.Zero(t, r.each())
	}
}

// TestCostOfATreeThatDoesNotLetGo is told by its descriptors. A few may be its own.
func TestCostOfATreeThatDoesNotLetGo(t *testing.T) {
	onlyOnLinux(t)
	cmd := exec.CommandContext(t.Context(), "cat")
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	_, err = in.Write([]byte("\n"))
	require.NoError(t, err)
	_, err = out.Read(make([]byte, 1)) // it has its libraries now, and their files closed
	require.NoError(t, err)
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	s, err := newStaircase(systemRunner(), Config{ServerPID: cmd.Process.Pid})
	require.NoError(t, err)
	s.patience, s.patienceWithFew = 20*time.Millisecond, 0
	was := s.descriptors
	s.descriptors = -100
	require.ErrorContains(t, s.letGo(t.Context(), 100), "descriptors more than before open: does it read from them")
	s.descriptors = was - noiseCount
	require.NoError(t, s.letGo(t.Context(), 25))
	require.Equal(t, was, s.descriptors, "from then on they are there before")

	require.NoError(t, cmd.Process.Kill())
	var gone error
	for end := time.Now().Add(time.Minute); gone == nil && time.Now().Before(end); {
		gone = s.letGo(t.Context(), 25)
	}
	require.ErrorContains(t, gone, "can no longer be counted: did it end?")
	_, err = newStaircase(systemRunner(), Config{ServerPID: cmd.Process.Pid}) // nobody has waited for it
	require.ErrorContains(t, err, "whose descriptors cannot be counted")
}

// TestCostOfAServerThatKeeps of each conn that was closed some heap and a file: while conns are open they cost one of each
// more, not as many as were closed before.
func TestCostOfAServerThatKeeps(t *testing.T) {
	onlyOnLinux(t)
	const bytes = 32 << 10
	var mu sync.Mutex
	var files []*os.File
	var heap [][]byte
	keeps := &http.Server{Handler: http.HandlerFunc(ok), ConnContext: func(ctx context.Context, _ net.Conn) context.Context {
		mu.Lock()
		defer mu.Unlock()
		f, err := os.Open(os.DevNull)
		if err == nil {
			files = append(files, f)
		}
		heap = append(heap, make([]byte, bytes))
		return ctx
	}}
	s := Serve(t, "tcp", keeps.Serve)
	defer func() {
		for _, f := range files {
			f.Close()
		}
	}()
	c, err := MeasureCost(t.Context(), Config{Server: s, Connections: 200}, CostOptions{Repeats: 3})
	require.NoError(t, err)
	t.Log(c)
	require.InDelta(t, 2, c.Descriptors.PerConn, 0.05)
	require.InDelta(t, 1, c.Goroutines.PerConn, 0.05)
	require.Regexp(t, `^the server keeps 3\d.\dKiB of each conn that was closed: see Budget.LeakRounds$`, c.RSS.Why)
	require.Regexp(t, `^the server keeps (1|1\.0\d*|0\.9\d*) descriptors of each conn that was closed`, c.Kernel.Why)
	runtime.KeepAlive(heap)
}
