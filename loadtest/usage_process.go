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
	resources Resources
	allocs    int64
	gcs       int64
	gcPause   time.Duration
	sched     *metrics.Float64Histogram // of seconds
}

func takeRuntime() runtimeSnapshot {
	s := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}, {Name: "/sched/latencies:seconds"}}
	metrics.Read(s)
	var gc debug.GCStats
	debug.ReadGCStats(&gc)
	return runtimeSnapshot{
		resources: currentResources(),
		allocs:    int64(s[0].Value.Uint64()),
		gcs:       gc.NumGC, gcPause: gc.PauseTotal,
		sched: s[1].Value.Float64Histogram(),
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
		GCs:       grown(b.gcs, a.gcs),
		GCPause:   grown(b.gcPause, a.gcPause),

		SchedDelay: quantileBetween(b.sched, a.sched, 0.99),
		Before:     b.resources,
		Hold:       unknownResources,
		After:      a.resources,
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
