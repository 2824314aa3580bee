package loadtest

import (
	"maps"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/holdfast/internal/generator"
)

// metricsOf runs a benchmark, and returns what it reports.
func metricsOf(t *testing.T, of func(b *testing.B)) testing.BenchmarkResult {
	t.Helper()
	r := testing.Benchmark(of)
	require.Positive(t, r.N, "the benchmark failed")
	return r
}

func TestBench(t *testing.T) {
	t.Parallel()
	var last *Report
	result := metricsOf(t, func(b *testing.B) {
		last = Bench(b, Config{Server: NewServer(b, nil), Connections: 20, IdleTimeout: 400 * time.Millisecond,
			Hold: 1200 * time.Millisecond}) // memory is read once a second
	})
	units := []string{"conns/s", "connect-p99-ns", "drops/op", "failed/op", "held/op", "ns/op", "p50-ns", "p99-ns", "p999-ns", "req/s"}
	if generator.Supported {
		require.Equal(t, 1, last.Config.Processes, "the server has its process to itself")
	}
	switch each, read := last.ServerUse.perConn(20); {
	case !generator.Supported || last.ServerUse.Shared: // by another test's run at the same time
		units = append(units, "gen-cpu-ns/req")
	case !read || each < 0: // the machine was busy, or memory of earlier tests went back to it
		units = append(units, "cpu-ns/req")
	default:
		units = append(units, "cpu-ns/req", "rss-B/conn")
	}
	if u := last.ServerUse; u.Of != "" && !u.Shared && u.Hold.Heap >= 0 { // other tests' goroutines may have ended meanwhile
		for unit, grown := range map[string]int64{
			"heap-B/conn": u.Hold.Heap - u.Before.Heap, "stack-B/conn": u.Hold.Stack - u.Before.Stack,
			"goroutines/conn": u.Hold.Goroutines - u.Before.Goroutines,
		} {
			if grown >= 0 {
				units = append(units, unit)
			}
		}
	}
	require.ElementsMatch(t, units, slices.Collect(maps.Keys(result.Extra)))
	require.EqualValues(t, 20, result.Extra["held/op"])
	require.EqualValues(t, 0, result.Extra["drops/op"])
	require.EqualValues(t, 0, result.Extra["failed/op"])
	require.EqualValues(t, 20, last.Conns.Held)
	require.Zero(t, result.Extra["ns/op"], "how long a run takes is its plan's")
}

// TestBenchOverMemory: where no other process can generate, the generator's CPU time has a name of its own.
func TestBenchOverMemory(t *testing.T) {
	t.Parallel()
	var last *Report
	result := metricsOf(t, func(b *testing.B) {
		last = Bench(b, Config{Server: Serve(b, "memory", serveHTTP(after(0))), Connections: 5, IdleTimeout: 400 * time.Millisecond})
	})
	require.Zero(t, last.Config.Processes)
	require.Contains(t, result.Extra, "gen-cpu-ns/req")
	require.NotContains(t, result.Extra, "cpu-ns/req")
	require.NotContains(t, result.Extra, "rss-B/conn")
}

// TestBenchHasAFineTick: where Run would take a coarse one.
func TestBenchHasAFineTick(t *testing.T) {
	t.Parallel()
	cfg := Config{URL: "http://127.0.0.1:1/", Connections: 2, Cadence: Every(10 * time.Second), Hold: -1} // nobody listens
	fine, err := benchOnce(t.Context(), cfg, 0, time.Minute)
	require.NoError(t, err)
	coarse, err := Run(t.Context(), cfg)
	require.NoError(t, err)
	if fine.Config.Driver == "epoll" {
		require.Equal(t, fineTick, fine.Config.Tick)
		require.Equal(t, coarsestTick, coarse.Config.Tick)
	}
}

// TestBenchStopsByItself: nobody else would stop it.
func TestBenchStopsByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := Config{Server: Serve(t, "memory", serveHTTP(after(0))), Connections: 5, Cadence: Silent(), Hold: time.Hour}
		r, err := benchOnce(t.Context(), cfg, 90*time.Second, 10*time.Minute)
		require.ErrorContains(t, err, "loadtest: a run was to take some 1m30s, and was stopped after 10m in the hold: is the server stuck")
		require.ErrorContains(t, err, "0 of 5 conns held", "with the report")
		require.Equal(t, 10*time.Minute, r.Phases.Total())

		expected, limit := cfg.benchLimit()
		require.Equal(t, time.Hour+5*time.Millisecond, expected)
		require.Greater(t, limit, 2*time.Hour)
		_, err = benchOnce(t.Context(), cfg, expected, limit)
		require.NoError(t, err)
	})
}

func TestBenchFailsWithTheRun(t *testing.T) {
	failed := false
	r := testing.Benchmark(func(b *testing.B) {
		b.Cleanup(func() { failed = b.Failed() })
		Bench(b, Config{Connections: -1})
	})
	require.Zero(t, r.N)
	require.True(t, failed)
}

func TestReportMetrics(t *testing.T) {
	r := serverReport()
	r.Timeline[0].Connected, r.Timeline[1].Connected = 300, 700
	r.ServerUse.Before = Resources{Heap: 1 << 20, Stack: 500_000, Goroutines: 10, Descriptors: -1}
	r.ServerUse.Hold = Resources{Heap: 1<<20 + 10_000_000, Stack: 8_500_000, Goroutines: 1060, Descriptors: -1}
	result := metricsOf(t, func(b *testing.B) {
		for b.Loop() {
		}
		r.ReportMetrics(b)
	})
	require.Equal(t, map[string]float64{
		"p50-ns": 5988351, "p99-ns": 11763711, "p999-ns": 11870207, "connect-p99-ns": 408319,
		"conns/s": 700, "req/s": r.Load.Offered, "cpu-ns/req": 100_000, "rss-B/conn": 10_000,
		"heap-B/conn": 10_000, "stack-B/conn": 8000, "goroutines/conn": 1.05,
		"held/op": 1000, "drops/op": 0, "failed/op": 0, "ns/op": 0,
	}, result.Extra)
}

// TestFiguresMeanOneThing: what is not known has no figure, and what is of others has another unit.
func TestFiguresMeanOneThing(t *testing.T) {
	r := serverReport()
	r.ServerUse.Shared = true
	f := r.figures()
	require.NotContains(t, f, "cpu-ns/req", "another run is in it")
	require.NotContains(t, f, "rss-B/conn")
	require.EqualValues(t, r.Generator.CPU/1987, f["gen-cpu-ns/req"])

	r = soundReport()
	r.Config.Cadence = backToBack
	require.EqualValues(t, r.ServiceTime.Quantile(0.99), r.figures()["p99-ns"])

	r = &Report{Generator: unknownUsage(), ServerUse: unknownUsage()}
	require.Equal(t, []string{"conns/s", "drops/op", "failed/op", "held/op", "req/s"}, slices.Sorted(maps.Keys(r.figures())))
}

// TestFiguresOfSeveralOps: one loss in several runs is not lost in a median.
func TestFiguresOfSeveralOps(t *testing.T) {
	f := figures{}
	for i := range int64(4) {
		r := soundReport()
		r.Conns.Dropped, r.Requests.TimedOut = i/3, 2*i
		r.Load.Offered = float64(i * i)
		f.add(r)
	}
	result := metricsOf(t, func(b *testing.B) {
		for b.Loop() {
		}
		f.report(b)
	})
	require.Equal(t, 0.25, result.Extra["drops/op"])
	require.EqualValues(t, 3, result.Extra["failed/op"])
	require.Equal(t, 2.5, result.Extra["req/s"], "the median")
}

// BenchmarkSmallRun is what a run of ten conns takes beyond its ramp and hold: suites have many.
func BenchmarkSmallRun(b *testing.B) {
	for name, cfg := range smallRuns {
		b.Run(name, func(b *testing.B) {
			if cfg.Processes > 0 && !generator.Supported {
				b.Skip("generator processes need Linux")
			}
			benchmarkSmallRun(b, cfg)
		})
	}
}

var smallRuns = map[string]Config{
	"processes=0": {Connections: 10, IdleTimeout: 200 * time.Millisecond},
	"processes=1": {Connections: 10, IdleTimeout: 200 * time.Millisecond, Processes: 1},
}

func benchmarkSmallRun(b *testing.B, cfg Config) {
	cfg.Server = NewServer(b, http.NotFoundHandler())
	cfg.Request.Want = StatusRange{404, 404}
	var beyond time.Duration
	for b.Loop() {
		began := time.Now()
		r, err := Run(b.Context(), cfg)
		if err != nil || r.Conns.Held != 10 {
			b.Fatalf("%v\n%s", err, r)
		}
		beyond += time.Since(began) - r.Phases.Ramp - r.Phases.Hold
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(beyond)/float64(time.Millisecond)/float64(b.N), "overhead-ms")
}

func TestSmallRun(t *testing.T) {
	t.Parallel()
	cfg := smallRuns["processes=0"]
	require.Contains(t, metricsOf(t, func(b *testing.B) { benchmarkSmallRun(b, cfg) }).Extra, "overhead-ms")
}
