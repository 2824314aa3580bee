package loadtest

import (
	"context"
	"net"
	"net/http"
	"os"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestCostTable(t *testing.T) {
	c := &Cost{Of: "test process", Conns: 8000, Repeats: 5}
	for i, m := range c.figures() {
		*m = Marginal{PerConn: 1, Low: 0.98, High: 1.02, kind: figureKinds[i]}
	}
	c.Heap.PerConn, c.Heap.Low, c.Heap.High = 9544, 9541, 9547
	c.RSS.Why = "not linear: 9.77KiB from 2000 to 4000 conns, 14.6KiB from there to 8000"
	c.Kernel.Why = "unknown"
	require.Equal(t, `each conn costs the test process (5 repeats up to 8000 conns; ± for 95 % confidence)
heap         9.32KiB ± 3B
stack        1B ± 0.02B
goroutines   1 ± 0.02
descriptors  1 ± 0.02
RSS          not linear: 9.77KiB from 2000 to 4000 conns, 14.6KiB from there to 8000
kernel       unknown`, c.String())
}

func TestCostThatCannotBeMeasured(t *testing.T) {
	s := fixtureOn("tcp", "http://127.0.0.1:1")
	for want, test := range map[string]struct {
		cfg  Config
		opts CostOptions
	}{
		"whose cost to measure is not known: set Server, or ServerPID": {cfg: Config{URL: "http://127.0.0.1:1/"}},
		"the Server is on memory, which only its own process reaches":  {cfg: Config{Server: fixtureOn("memory", "http://memory")}},
		"DialContext is a function":                                    {cfg: Config{Server: s, DialContext: noDial}},
		"Processes is -1 and Server is in this process":                {cfg: Config{Server: s, Processes: -1}},
		"Processes is 26, and of 100 Connections the first step opens 25": {cfg: Config{Server: s, Connections: 100, Processes: 26,
			Reopen: Reopen{PerSecond: 1}}},
		"Connections is 99: a slope takes 100 or more":            {cfg: Config{Server: s, Connections: 99}},
		"CostOptions.Repeats is 1: an interval takes two or more": {cfg: Config{Server: s}, opts: CostOptions{Repeats: 1}},
		"ConnectTimeout is -1ns":                                  {cfg: Config{Server: s, ConnectTimeout: -1}},
	} {
		_, err := MeasureCost(t.Context(), test.cfg, test.opts)
		var refused *ConfigError
		require.ErrorAs(t, err, &refused, want)
		require.Len(t, refused.Problems, 1, "%v", err)
		require.Contains(t, err.Error(), want)
	}
	synctest.Test(t, func(t *testing.T) {
		_, err := MeasureCost(t.Context(), Config{Server: Serve(t, "memory", serveHTTP(http.HandlerFunc(ok)))}, CostOptions{})
		require.ErrorContains(t, err, "is on memory")
	})
}

func onlyOnLinux(t *testing.T) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("generator processes are of Linux")
	}
}

func TestMeasureCost(t *testing.T) {
	onlyOnLinux(t)
	c, err := MeasureCost(t.Context(), Config{Server: NewServer(t, nil), Connections: 800, Seed: 7}, CostOptions{Repeats: 2})
	require.NoError(t, err)
	t.Log(c)
	require.Equal(t, "test process", c.Of)
	require.Equal(t, 800, c.Conns)
	require.Equal(t, 2, c.Repeats)
	require.EqualValues(t, 7, c.Seed)
	require.InDelta(t, 1, c.Goroutines.PerConn, 0.01)
	require.InDelta(t, 1, c.Descriptors.PerConn, 0.01)
	require.Greater(t, c.Heap.PerConn, 4096.0)
	require.Less(t, c.Heap.PerConn, 20480.0)
	require.LessOrEqual(t, c.Heap.Low, c.Heap.PerConn)
	require.GreaterOrEqual(t, c.Heap.High, c.Heap.PerConn)
}

// Of a process tree only what the system tells is known.
func TestMeasureCostOfAProcessTree(t *testing.T) {
	onlyOnLinux(t)
	url, pid := plainServer(t)
	c, err := MeasureCost(t.Context(), Config{URL: url, ServerPID: pid, Connections: 400}, CostOptions{Repeats: 2})
	require.NoError(t, err)
	t.Log(c)
	require.InDelta(t, 1, c.Descriptors.PerConn, 0.01)
	require.Equal(t, "unknown", c.Heap.Why)
	require.Equal(t, "unknown", c.Goroutines.Why)
}

// TestMeasureCostOfAServerThatFails: what a server holds that does not serve is not its cost.
func TestMeasureCostOfAServerThatFails(t *testing.T) {
	onlyOnLinux(t)
	var accepted, answered atomic.Int64
	closing := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if answered.Add(1) == 300 {
				w.Header().Set("Connection", "close")
			}
		}),
		ConnContext: func(ctx context.Context, _ net.Conn) context.Context { accepted.Add(1); return ctx },
	}
	_, err := MeasureCost(t.Context(), Config{Server: Serve(t, "tcp", closing.Serve), Connections: 200}, CostOptions{})
	require.ErrorContains(t, err, "what a conn costs cannot be measured, with 200 of them: only 199 were held. Lost: 1 closed as announced")
	require.EqualValues(t, 200, accepted.Load(), "it ends with the first step that fails")

	wrong := NewServer(t, http.NotFoundHandler())
	_, err = MeasureCost(t.Context(), Config{Server: wrong, Connections: 100}, CostOptions{})
	require.ErrorContains(t, err, "200 of 200 requests failed. Failed: 200 with status 404.")
}

func TestMeasureCostIsCancelled(t *testing.T) {
	onlyOnLinux(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	cfg := Config{Server: NewServer(t, nil), Connections: 100, Progress: func(Sample) { cancel(os.ErrProcessDone) }}
	_, err := MeasureCost(ctx, cfg, CostOptions{Repeats: 1000})
	require.ErrorIs(t, err, os.ErrProcessDone)
}

// TestCostOfAServerThatDoesNotLetGo: conns that stay would be in the next step's figures.
func TestCostOfAServerThatDoesNotLetGo(t *testing.T) {
	s, err := newStaircase(systemRunner(), Config{Server: NewServer(t, nil)})
	require.NoError(t, err)
	s.open = -3
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	require.ErrorContains(t, s.letGo(ctx, 100), "measuring what a conn costs was cancelled: context deadline exceeded")
	s.patience = 20 * time.Millisecond
	require.ErrorContains(t, s.letGo(t.Context(), 100), "20ms after the generator had closed all conns, the server still has 3 of them open")
}
