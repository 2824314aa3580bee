package loadtest

import (
	"fmt"
	"time"
)

// The kinds of [Warning] about the host. What other programs do is in most of them: see [Host] and [KernelCounters].
const (
	// WarnSteal: the largest share of all CPUs' time that the hypervisor took for other guests, in a second of the run.
	WarnSteal = "steal"

	// WarnThrottled: the largest share of a second for which the CPU quota of this process's control group stopped it.
	WarnThrottled = "throttled"

	// WarnForeign: the largest share of all CPUs' time that other processes used in a second of the run: neither the
	// generator's, nor the test process, nor the tree of Config.ServerPID.
	WarnForeign = "foreign CPU"

	// WarnSchedDelay: the 99th percentile of the time, in seconds, for which goroutines of the test process were ready and
	// did not run. With a server in that process it may be the server's own doing.
	WarnSchedDelay = "scheduler delay"

	// WarnRunDelay: for so much of the run's time the threads of the generator, in sum, were ready and had no CPU.
	WarnRunDelay = "run queue delay"

	// WarnListenOverflows: so many conns found a server's accept queue full.
	WarnListenOverflows = "listen overflows"

	// WarnTCPMemory: TCP came so often to be short of memory.
	WarnTCPMemory = "TCP memory pressure"

	// WarnSoftnetDrops: so many packets were dropped before a CPU took them.
	WarnSoftnetDrops = "softnet drops"

	// WarnRetransmissions: so many TCP segments were sent again.
	WarnRetransmissions = "retransmissions"

	// WarnClocks: the CPUs may change their frequency as they please (Environment.Governor). What was measured at one
	// frequency does not compare with what was at another.
	WarnClocks = "unpinned clocks"
)

// hostWarnings are in the order in which a cause is looked for: who took the CPUs, who waited for them, what the kernel
// counted.
var hostWarnings = []func(*Report) (Warning, bool){stolen, throttled, foreign, schedDelay, runDelay, listenOverflows,
	tcpMemory, softnetDrops, retransmissions, clocks}

// worst finds the second with the largest share, how many are above the limit, and of how many it is known.
func (r *Report) worst(of func(Host) float64, limit float64) (most float64, above, known int) {
	most = -1
	for _, s := range r.Timeline {
		share := of(s.Host)
		most = max(most, share)
		if share >= 0 {
			known++
		}
		if share > limit {
			above++
		}
	}
	return most, above, known
}

// shareWarning is of what was more than limit in some second.
func shareWarning(r *Report, kind string, limit float64, of func(Host) float64, text string) (Warning, bool) {
	most, above, known := r.worst(of, limit)
	w := Warning{Kind: kind, Value: most, Threshold: limit}
	w.Text = fmt.Sprintf("up to %s %s (more than %s in %d of %s): latencies contain that", percent(max(0, most)), text,
		percent(limit), above, some(int64(known), "second"))
	return w, most > limit
}

func stolen(r *Report) (Warning, bool) {
	return shareWarning(r, WarnSteal, mostSteal, func(h Host) float64 { return h.Steal },
		"of the host's CPU time went to other guests of its hypervisor")
}

func throttled(r *Report) (Warning, bool) {
	share := func(h Host) float64 {
		if h.Throttled < 0 || h.Span <= 0 {
			return -1
		}
		return float64(h.Throttled) / float64(h.Span)
	}
	return shareWarning(r, WarnThrottled, mostThrottled, share,
		"of a second this process's control group was stopped by its CPU quota")
}

func foreign(r *Report) (Warning, bool) {
	w, seen := shareWarning(r, WarnForeign, mostForeign, func(h Host) float64 { return h.Foreign },
		"of the host's CPU time went to other processes")
	if r.Fixture == nil && r.ServerUse.Of == "" {
		w.Text += "; if the server is one of them, set Config.ServerPID"
	}
	return w, seen
}

func schedDelay(r *Report) (Warning, bool) {
	p99 := time.Duration(-1)
	for _, u := range []Usage{r.Generator, r.ServerUse} {
		p99 = max(p99, u.SchedDelay)
	}
	w := Warning{Kind: WarnSchedDelay, Value: p99.Seconds(), Threshold: mostSchedDelay.Seconds()}
	w.Text = fmt.Sprintf("one goroutine in a hundred of the test process was ready for %s or more before it ran: too "+
		"much for its %s", threeDigits(p99), some(int64(r.Environment.GOMAXPROCS), "processor"))
	return w, p99 > mostSchedDelay
}

func runDelay(r *Report) (Warning, bool) {
	share := waitShare(r.Host)
	w := Warning{Kind: WarnRunDelay, Value: share, Threshold: mostWaitShare}
	w.Text = fmt.Sprintf("the generator's threads, in sum, were ready and had no CPU for %s of the run's time: the host "+
		"had too much to do", percent(max(0, share)))
	return w, share > mostWaitShare
}

// counterWarning is of a counter of the kernel that should not have grown so much.
func counterWarning(kind string, n, most int64, thing, format string) (Warning, bool) {
	w := Warning{Kind: kind, Value: float64(n), Threshold: float64(most)}
	w.Text = fmt.Sprintf(format, some(n, thing)) + " (of the whole host)"
	return w, n > most
}

func listenOverflows(r *Report) (Warning, bool) {
	return counterWarning(WarnListenOverflows, r.Kernel.ListenOverflows, mostListenOverflows, "time",
		"a server's accept queue was full %s: ramp more slowly, or raise its backlog and net.core.somaxconn")
}

func tcpMemory(r *Report) (Warning, bool) {
	return counterWarning(WarnTCPMemory, r.Kernel.TCPMemoryPressures, mostTCPMemoryPressures, "time",
		"TCP was short of memory %s, and then took less of it for each conn: raise net.ipv4.tcp_mem")
}

func softnetDrops(r *Report) (Warning, bool) {
	return counterWarning(WarnSoftnetDrops, r.Kernel.SoftnetDropped, mostSoftnetDropped, "packet",
		"no CPU took %s in time: raise net.core.netdev_max_backlog")
}

func retransmissions(r *Report) (Warning, bool) {
	most := max(mostRetrans, int64(mostRetransShare*float64(r.Requests.Sent)))
	return counterWarning(WarnRetransmissions, r.Kernel.TCPRetransSegs, most, "TCP segment",
		"%s were sent again: packets were lost, or a host was too busy to answer them in time")
}

func clocks(r *Report) (Warning, bool) {
	g := r.Environment.Governor
	w := Warning{Kind: WarnClocks, Value: 1}
	w.Text = fmt.Sprintf("the CPUs' clocks follow the governor %q: CPU times of two runs compare only with "+
		"\"performance\" (sudo cpupower frequency-set -g performance)", g)
	return w, g != "" && g != "performance"
}
