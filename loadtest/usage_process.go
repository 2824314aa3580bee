package loadtest

import (
	"math"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"

	"example.com/holdfast/internal/netpoll"
)

// usageSnapshot is the state of this process's meters at one instant.
type usageSnapshot struct {
	at        time.Time
	cpu       time.Duration
	user, sys time.Duration
	rss, peak int64
	runtime   runtimeSnapshot
}

// takeUsage reads the meters. It does not stop the world.
func takeUsage() usageSnapshot {
	s := usageSnapshot{at: time.Now(), user: -1, sys: -1, cpu: -1, rss: netpoll.RSS(), peak: netpoll.PeakRSS()}
	if user, sys, ok := netpoll.ProcessCPU(); ok {
		s.user, s.sys, s.cpu = user, sys, user+sys
	}
	if cpu, ok := netpoll.CPUClock(os.Getpid()); ok {
		s.cpu = cpu
	}
	s.runtime = takeRuntime()
	return s
}

// runtimeSnapshot is what Go's runtime knows of itself.
type runtimeSnapshot struct {
	memory          Memory
	allocs, mallocs int64
	gcs             int64
	gcPause         time.Duration
	sched           *metrics.Float64Histogram // of seconds
}

func takeRuntime() runtimeSnapshot {
	s := []metrics.Sample{
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/unused:bytes"},
		{Name: "/memory/classes/heap/stacks:bytes"},
		{Name: "/memory/classes/os-stacks:bytes"},
		{Name: "/memory/classes/total:bytes"},
		{Name: "/memory/classes/heap/released:bytes"},
		{Name: "/gc/heap/allocs:bytes"},
		{Name: "/gc/heap/allocs:objects"},
		{Name: "/gc/heap/tiny/allocs:objects"}, // those that share a block, and are not in the former
		{Name: "/sched/latencies:seconds"},
	}
	metrics.Read(s)
	v := func(i int) int64 { return int64(s[i].Value.Uint64()) }
	var gc debug.GCStats
	debug.ReadGCStats(&gc)
	return runtimeSnapshot{
		memory: Memory{Heap: v(0) + v(1), Stack: v(2) + v(3), Mapped: v(4) - v(5)},
		allocs: v(6), mallocs: v(7) + v(8),
		gcs: gc.NumGC, gcPause: gc.PauseTotal,
		sched: s[9].Value.Float64Histogram(),
	}
}

func usageBetween(before, after usageSnapshot) Usage {
	b, a := before.runtime, after.runtime
	return Usage{
		Wall:      after.at.Sub(before.at),
		CPU:       grown(before.cpu, after.cpu),
		CPUUser:   grown(before.user, after.user),
		CPUSystem: grown(before.sys, after.sys),
		RSSBefore: before.rss,
		RSSHold:   -1,
		RSS:       after.rss,
		PeakRSS:   after.peak,
		Allocs:    grown(b.allocs, a.allocs),
		Mallocs:   grown(b.mallocs, a.mallocs),
		GCs:       grown(b.gcs, a.gcs),
		GCPause:   grown(b.gcPause, a.gcPause),

		SchedDelay: quantileBetween(b.sched, a.sched, 0.99),
		Before:     b.memory,
		After:      a.memory,
	}
}

// quantileBetween returns the quantile of what came into a histogram of seconds from one reading to the next: the lower
// bound of its bucket. −1: unknown, as where nothing came.
func quantileBetween(before, after *metrics.Float64Histogram, q float64) time.Duration {
	if before == nil || after == nil || len(before.Counts) != len(after.Counts) {
		return -1
	}
	var all uint64
	for i, n := range after.Counts {
		all += n - before.Counts[i]
	}
	if all == 0 {
		return -1
	}
	rank := uint64(math.Ceil(q * float64(all)))
	for i, n := range after.Counts {
		if n -= before.Counts[i]; n < rank {
			rank -= n
			continue
		}
		return time.Duration(max(0, after.Buckets[i]) * float64(time.Second)) // the first bucket begins at −∞
	}
	return -1
}
