package loadtest

import (
	"runtime"
	"runtime/metrics"
	"slices"
	"time"

	"example.com/holdfast/internal/netpoll"
)

// A pause is while all conns are open and Plan.Held is called: what this process does then, to read what is held and to look
// around for whoever asked, is nothing that a server does.
type pause struct {
	known         bool
	before, after usageSnapshot
	thread        time.Duration // CPU time of the thread that did it
	marking       time.Duration // and of the collections that it asked for, on other threads
}

// while does what is to be done in the pause.
func (p *pause) while(do func()) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	p.before = takeUsage()
	thread := netpoll.ThreadCPU()
	do()
	p.thread = netpoll.ThreadCPU() - thread
	p.after, p.known = takeUsage(), true
}

// most is the CPU time of the process in the pause: what others did meanwhile, the server too, is in it.
func (p pause) most() time.Duration {
	if !p.known {
		return 0
	}
	return max(0, grown(p.before.cpu, p.after.cpu))
}

// least is the CPU time that the pause took for sure.
func (p pause) least() time.Duration { return min(p.thread+p.marking, p.most()) }

// leftOut returns later, which was read after the pause, without what came of it.
func (p pause) leftOut(later usageSnapshot) usageSnapshot {
	if !p.known {
		return later
	}
	if cpu := p.least(); later.cpu >= 0 {
		later.cpu -= cpu
		if user := min(cpu, max(0, grown(p.before.user, p.after.user))); later.user >= 0 {
			later.user, later.sys = later.user-user, later.sys-(cpu-user)
		}
	}
	r, b, a := &later.runtime, p.before.runtime, p.after.runtime
	r.gcs, r.gcPause, r.allocs = r.gcs-(a.gcs-b.gcs), r.gcPause-(a.gcPause-b.gcPause), r.allocs-(a.allocs-b.allocs)
	r.sched = countsLeftOut(r.sched, b.sched, a.sched)
	return later
}

// countsLeftOut returns later without what came from before to after.
func countsLeftOut(later, before, after *metrics.Float64Histogram) *metrics.Float64Histogram {
	if later == nil || before == nil || after == nil {
		return later
	}
	rest := &metrics.Float64Histogram{Buckets: later.Buckets, Counts: slices.Clone(later.Counts)}
	for i := range rest.Counts {
		rest.Counts[i] -= after.Counts[i] - before.Counts[i]
	}
	return rest
}

// markingCPU returns for how long collections have marked, on all threads but those that asked for them. The runtime measures
// that by the wall clock. Its total would have the pauses too, each as often as there are processors.
func markingCPU() (sum time.Duration) {
	s := []metrics.Sample{
		{Name: "/cpu/classes/gc/mark/assist:cpu-seconds"},
		{Name: "/cpu/classes/gc/mark/dedicated:cpu-seconds"},
		{Name: "/cpu/classes/gc/mark/idle:cpu-seconds"},
	}
	metrics.Read(s)
	for i := range s {
		sum += time.Duration(s[i].Value.Float64() * float64(time.Second))
	}
	return sum
}
