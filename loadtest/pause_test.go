package loadtest

import (
	"os"
	"runtime"
	"runtime/metrics"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/holdfast/internal/netpoll"
)

// TestPauseIsLeftOut of what a process used: for sure only what the thread and the collections took, of all that was used in it.
func TestPauseIsLeftOut(t *testing.T) {
	const ms = time.Millisecond
	in := sampleInput()
	in.cfg.Server, in.evidence.generators = new(Server), true
	_, whole := in.usages()
	p := &in.held.pause
	p.known, p.thread, p.marking = true, 20*ms, 30*ms
	p.before, p.after = in.before, in.before
	p.after.cpu += 80 * ms
	p.after.user, p.after.sys = p.after.user+40*ms, p.after.sys+40*ms
	p.after.runtime.gcs++
	p.after.runtime.allocs += 300 << 10
	p.after.runtime.gcPause += 40 * time.Microsecond
	_, u := in.usages()
	require.Equal(t, whole.CPU-50*ms, u.CPU)
	require.Equal(t, whole.CPUUser-40*ms, u.CPUUser)
	require.Equal(t, whole.CPUSystem-10*ms, u.CPUSystem)
	require.Equal(t, whole.GCs-1, u.GCs)
	require.Equal(t, whole.Allocs-300<<10, u.Allocs)
	require.Equal(t, whole.GCPause-40*time.Microsecond, u.GCPause)

	timeline := []Sample{{At: 32 * time.Second, Clean: true}}
	sure := in.sureCPU(timeline)
	in.held.pause = pause{}
	require.Equal(t, in.sureCPU(timeline)-80*ms, sure, "optimistically all that was used then was the reading")

	p = &pause{known: true, thread: 60 * ms, marking: 30 * ms, before: in.before, after: in.before}
	p.after.cpu += 80 * ms
	require.Equal(t, 80*ms, p.least(), "marking is measured by the wall clock, which a busy machine stretches")
	p.after.cpu = -1
	require.Zero(t, p.least())
	require.Zero(t, p.most())
}

// TestDelaysOfThePauseAreLeftOut: the world is stopped in it, and all wait.
func TestDelaysOfThePauseAreLeftOut(t *testing.T) {
	buckets := []float64{0, 1e-3, 2e-3, 3e-3}
	at := func(counts ...uint64) usageSnapshot {
		return usageSnapshot{runtime: runtimeSnapshot{sched: &metrics.Float64Histogram{Counts: counts, Buckets: buckets}}}
	}
	p := pause{known: true, before: at(12, 0, 5), after: at(12, 0, 95)}
	require.Equal(t, time.Millisecond, usageBetween(at(0, 0, 5), p.leftOut(at(95, 5, 95))).SchedDelay)
	require.Equal(t, 2*time.Millisecond, usageBetween(at(0, 0, 5), pause{}.leftOut(at(95, 5, 95))).SchedDelay)
	require.Equal(t, time.Duration(-1), usageBetween(usageSnapshot{}, p.leftOut(usageSnapshot{})).SchedDelay)
}

// TestWhatIsAllocatedInThePauseIsLeftOut: profiles take megabytes.
func TestWhatIsAllocatedInThePauseIsLeftOut(t *testing.T) {
	const bytes = 64 << 20
	run := systemRunner()
	run.held = func() { runtime.KeepAlive(make([]byte, bytes)) }
	r, err := run.run(t.Context(), brief(NewServer(t, nil), "", 20))
	require.NoError(t, err)
	require.Less(t, r.Generator.Allocs, int64(bytes))
	require.Positive(t, r.Generator.Allocs)
}

// TestReadingIsNotTheServersCPU: nor is what else is done with all conns open.
func TestReadingIsNotTheServersCPU(t *testing.T) {
	onlyOnLinux(t)
	const burnt = 300 * time.Millisecond
	cfg := brief(NewServer(t, nil), "", 20)
	cfg.Processes = 1
	run := systemRunner()
	run.held = func() {
		for end := netpoll.ThreadCPU() + burnt; netpoll.ThreadCPU() < end; {
		}
	}
	before, _ := netpoll.CPUClock(os.Getpid())
	r, err := run.run(t.Context(), cfg)
	after, _ := netpoll.CPUClock(os.Getpid())
	require.NoError(t, err)
	require.Positive(t, r.ServerUse.CPU)
	require.LessOrEqual(t, r.ServerUse.CPU, after-before-burnt)
	require.LessOrEqual(t, r.ServerUse.CPUUser+r.ServerUse.CPUSystem, after-before-burnt+50*time.Millisecond, "it is sampled")
	require.LessOrEqual(t, r.Hold.Sure.CPU, r.ServerUse.CPU)
}

// TestMarkingIsMeasured: a heap of many objects takes some ms.
func TestMarkingIsMeasured(t *testing.T) {
	heap := make([]*[4]uintptr, 1<<19)
	for i := range heap {
		heap[i] = new([4]uintptr)
	}
	before := markingCPU()
	runtime.GC()
	require.Greater(t, markingCPU()-before, 100*time.Microsecond)
	runtime.KeepAlive(heap)
}
