package loadtest

import (
	"math"
	"runtime"
	"runtime/metrics"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

func TestUsageIsWhatGrew(t *testing.T) {
	in := sampleInput()
	want := Usage{
		Of: "test process", Wall: 31238 * time.Millisecond,
		CPU: 209 * time.Millisecond, CPUUser: 71 * time.Millisecond, CPUSystem: 137 * time.Millisecond,
		RSSBefore: 6 << 20, RSSHold: 6<<20 + 31<<10, RSS: 8 << 20, PeakRSS: 9 << 20,
		Allocs: 1 << 20, GCs: 1, GCPause: 100 * time.Microsecond, SchedDelay: -1,
		Before: in.before.runtime.resources, Hold: unknownResources, After: in.after.runtime.resources,
	}
	generator, server := in.usages()
	require.Empty(t, cmp.Diff(want, generator), "-want +got")
	require.Empty(t, cmp.Diff(unknownUsage(), server), "-want +got")
	require.Equal(t, 209*time.Millisecond/1987, generator.perRequest(1987))

	in.cfg.Server = new(Server)
	generator, server = in.usages()
	want.Shared = true
	require.Empty(t, cmp.Diff(want, generator), "with a server in the process (-want +got)")
	require.Equal(t, unknownUsage(), server, "it cannot be told from the generator")
}

// A process tree is known by the monitor's readings alone.
func TestUsageOfAProcessTree(t *testing.T) {
	in := sampleInput()
	in.cfg.ServerPID = 4711
	in.overlapped = true
	for i := range in.evidence.readings {
		in.evidence.readings[i].server.rss = []int64{3 << 20, 9 << 20, 5 << 20}[min(i, 2)]
	}
	generator, server := in.usages()
	require.True(t, generator.Shared)
	want := unknownUsage()
	want.Of, want.Shared = "process tree 4711", true
	want.Wall, want.CPU = 31238*time.Millisecond, 32*3*time.Millisecond
	want.RSSBefore, want.RSSHold, want.RSS, want.PeakRSS = 3<<20, 5<<20, 5<<20, 9<<20
	require.Empty(t, cmp.Diff(want, server), "-want +got")
	each, ok := server.perConn(1000)
	require.True(t, ok)
	require.EqualValues(t, 2<<20/1000, each)

	in.evidence.readings = nil
	_, server = in.usages()
	require.Equal(t, unknownUsage(), server)
}

// With generator processes the test process is the server's, if that is in it.
func TestUsageOfGeneratorProcesses(t *testing.T) {
	in := sampleInput()
	in.evidence.generators = true
	for i := range in.evidence.readings {
		in.evidence.readings[i].generators = processes{cpu: time.Duration(i) * time.Millisecond, rss: 5 << 20}
	}
	generator, server := in.usages()
	require.Equal(t, "generator processes", generator.Of)
	require.Equal(t, 32*time.Millisecond, generator.CPU)
	require.EqualValues(t, 5<<20, generator.PeakRSS)
	require.Equal(t, unknownUsage(), server)

	in.cfg.Server = new(Server)
	_, server = in.usages()
	require.Equal(t, "test process", server.Of)
	require.Equal(t, 209*time.Millisecond, server.CPU)
	require.False(t, server.Shared)
}

// TestCPUOfCleanSeconds: between readings a little late, seconds that were not clean are left out, and who was not told from
// the generator is nobody.
func TestCPUOfCleanSeconds(t *testing.T) {
	var in reportInput
	var timeline []Sample
	in.evidence.readings = []reading{{at: -time.Millisecond, server: processes{cpu: 7}, test: processes{cpu: 9}}}
	for i := range time.Duration(5) {
		timeline = append(timeline, Sample{At: (i + 1) * time.Second, Clean: i != 2})
		in.evidence.readings = append(in.evidence.readings, reading{at: (i+1)*time.Second + 3*time.Millisecond,
			server: processes{cpu: 7 + 1<<i}, test: processes{cpu: 9 + 100<<i}})
	}
	require.Zero(t, in.sureCPU(timeline))
	in.cfg.ServerPID = 4711
	require.EqualValues(t, 1+1+4+8, in.sureCPU(timeline), "not the 2 of the third second")
	in.cfg = Config{Server: new(Server)}
	require.Zero(t, in.sureCPU(timeline), "the generator is in the process")
	in.evidence.generators = true
	require.EqualValues(t, 100*(1+1+4+8), in.sureCPU(timeline))
	in.evidence.readings[2].at += 900 * time.Millisecond
	require.EqualValues(t, 100*(1+4+8), in.sureCPU(timeline), "the reading is of the third second too")
	in.evidence.readings[5].test.cpu = -1
	require.EqualValues(t, 100*(1+4), in.sureCPU(timeline), "unknown is nothing")
}

func TestUnknownStaysUnknown(t *testing.T) {
	in := sampleInput()
	in.before.user, in.before.cpu, in.after.rss = -1, -1, -1
	u := usageBetween(in.before, in.after)
	require.EqualValues(t, -1, u.CPUUser)
	require.EqualValues(t, -1, u.CPU)
	require.EqualValues(t, -1, u.RSS)
	require.EqualValues(t, -1, u.perRequest(7))
	require.EqualValues(t, -1, Usage{CPU: 5}.perRequest(0))
	_, ok := u.perConn(7)
	require.False(t, ok)
	_, ok = Usage{RSSHold: 5}.perConn(0)
	require.False(t, ok)
}

// The last reading in hold counts; without one the first of the sweep, in which all conns are open still.
func TestRSSInHold(t *testing.T) {
	in := sampleInput()
	var e evidence
	for i, at := range []time.Duration{0, 999, 1003, 31001, 31003, 31229, 31238} {
		e.readings = append(e.readings, reading{at: at * time.Millisecond, test: processes{rss: int64(i)}})
	}
	of := func(r reading) int64 { return r.test.rss }
	require.EqualValues(t, 3, e.rssHold(in.result, of))
	in.result.HoldEnd = in.result.RampEnd
	require.EqualValues(t, 2, e.rssHold(in.result, of))
	in.result.SweepEnd = in.result.HoldEnd
	require.EqualValues(t, -1, e.rssHold(in.result, of))
}

func TestMemoryCountsTheHeap(t *testing.T) {
	runtime.GC() // what other tests left would be gone after, and hide what is new
	before := takeUsage()
	block := make([]byte, 64<<20)
	runtime.GC()
	after := takeUsage()
	runtime.KeepAlive(block)
	u := usageBetween(before, after)
	require.Greater(t, u.After.Heap-u.Before.Heap, int64(32<<20))
	require.Positive(t, u.Before.Stack)
	require.Positive(t, u.Before.Goroutines)
	require.Equal(t, unknownResources, u.Hold)
	require.Positive(t, u.Wall)
	require.GreaterOrEqual(t, u.Allocs, int64(len(block)))
	require.GreaterOrEqual(t, u.GCs, int64(1))
	require.Positive(t, u.GCPause)
}

func TestQuantileBetweenReadings(t *testing.T) {
	hist := func(counts ...uint64) *metrics.Float64Histogram {
		return &metrics.Float64Histogram{Counts: counts, Buckets: []float64{math.Inf(-1), 1e-3, 2e-3, 4e-3, math.Inf(1)}}
	}
	before := hist(1000, 5, 0, 0)
	for _, test := range []struct {
		after *metrics.Float64Histogram
		want  time.Duration
	}{
		{hist(1000, 5, 0, 0), -1},
		{hist(1100, 5, 0, 0), 0},
		{hist(1099, 6, 0, 0), 0},
		{hist(1098, 6, 1, 0), time.Millisecond},
		{hist(1098, 5, 2, 0), 2 * time.Millisecond},
		{hist(1000, 5, 0, 1), 4 * time.Millisecond},
		{nil, -1},
		{&metrics.Float64Histogram{}, -1},
	} {
		require.Equal(t, test.want, quantileBetween(before, test.after, 0.99), "%+v", test.after)
	}
}
