package loadtest

import (
	"time"

	"example.com/holdfast/internal/netpoll"
)

// A Host is what the host was busy with over a span of time. It is of the whole host, whoever is on it, unless said
// otherwise. Shares are of the time of all its CPUs, 0 … 1. What is unknown is −1, and all is in a synctest bubble and
// elsewhere than on Linux.
type Host struct {
	Span time.Duration `json:"span_ns"` // between the two readings: a busy host reads late

	Busy    float64 `json:"busy"`    // not idle, stolen time included
	Foreign float64 `json:"foreign"` // used by others than the generator, the test process and the tree of Config.ServerPID
	Steal   float64 `json:"steal"`   // taken by the hypervisor for other guests

	Throttled time.Duration `json:"throttled_ns"` // this process's control groups were stopped by their CPU quotas, each CPU's time
	Pressure  time.Duration `json:"pressure_ns"`  // some task was ready and had no CPU (pressure stall information)
	RunDelay  time.Duration `json:"run_delay_ns"` // the generator's threads, in sum, were ready and had no CPU

	// TCP sockets in use, and conns in TIME_WAIT, of this process's network namespace, at the start and at the end.
	SocketsBefore  int64 `json:"sockets_before"`
	Sockets        int64 `json:"sockets"`
	TimeWaitBefore int64 `json:"time_wait_before"`
	TimeWait       int64 `json:"time_wait"`
}

func unknownHost() Host {
	return Host{Span: -1, Busy: -1, Foreign: -1, Steal: -1, Throttled: -1, Pressure: -1, RunDelay: -1,
		SocketsBefore: -1, Sockets: -1, TimeWaitBefore: -1, TimeWait: -1}
}

// KernelCounters says how much counters of the kernel grew. They count everything in this process's network namespace,
// which is the whole host unless in a container, and SoftnetDropped the whole host always: another program's trouble is
// in them too. −1: unknown, as everywhere but on Linux, and in a synctest bubble.
type KernelCounters struct {
	ListenOverflows    int64 `json:"listen_overflows"`     // connections that found a server's accept queue full
	ListenDrops        int64 `json:"listen_drops"`         // connections dropped by a listening socket, for that or another reason
	TCPSynRetrans      int64 `json:"tcp_syn_retrans"`      // SYNs sent again: each cost its connect a second or more
	TCPRetransSegs     int64 `json:"tcp_retrans_segs"`     // segments sent again, those SYNs included
	TCPTimeouts        int64 `json:"tcp_timeouts"`         // retransmission timers that ran out
	TCPMemoryPressures int64 `json:"tcp_memory_pressures"` // TCP began to be short of memory (net.ipv4.tcp_mem)
	SoftnetDropped     int64 `json:"softnet_dropped"`      // packets dropped because a CPU did not take them in time
}

var unknownCounters = KernelCounters(netpoll.UnknownCounters)

func kernelBetween(before, after netpoll.KernelCounters) KernelCounters {
	return KernelCounters{
		ListenOverflows:    grown(before.ListenOverflows, after.ListenOverflows),
		ListenDrops:        grown(before.ListenDrops, after.ListenDrops),
		TCPSynRetrans:      grown(before.TCPSynRetrans, after.TCPSynRetrans),
		TCPRetransSegs:     grown(before.TCPRetransSegs, after.TCPRetransSegs),
		TCPTimeouts:        grown(before.TCPTimeouts, after.TCPTimeouts),
		TCPMemoryPressures: grown(before.TCPMemoryPressures, after.TCPMemoryPressures),
		SoftnetDropped:     grown(before.SoftnetDropped, after.SoftnetDropped),
	}
}

// leastSpan is how long a span must be for shares of it to be told: the kernel counts in ticks of 10 ms.
const leastSpan = 100 * time.Millisecond

// hostBetween says what happened between two readings. What all CPUs had to give is the wall clock's time; what they did
// not idle away, and gave neither to interrupts nor to other guests nor to us, was used by others:
//
//	Foreign = (wall × CPUs − idle − interrupts − stolen − ours) / (wall × CPUs)
//
// Idle and ours are exact but for the kernel's rounding, and what lies between the readings of the one and the other. The
// time in user and in system mode is not asked: most kernels only sample that.
func hostBetween(a, b reading) Host {
	h := unknownHost()
	h.Span = b.at - a.at
	h.Throttled, h.Pressure = grown(a.host.Throttled, b.host.Throttled), grown(a.host.Pressure, b.host.Pressure)
	if h.RunDelay = grown(a.runDelay, b.runDelay); a.runDelay >= 0 && b.runDelay >= 0 {
		h.RunDelay = max(0, h.RunDelay) // a thread that ended takes its account with it
	}
	h.SocketsBefore, h.Sockets = a.host.Sockets, b.host.Sockets
	h.TimeWaitBefore, h.TimeWait = a.host.TimeWait, b.host.TimeWait

	cpus := b.host.CPUs
	if h.Span < leastSpan || cpus == 0 || a.host.CPUs != cpus {
		return h
	}
	all := h.Span * time.Duration(cpus)
	share := func(d time.Duration) float64 { return min(1, max(0, float64(d)/float64(all))) }
	idle, interrupts := grown(a.host.Idle, b.host.Idle), grown(a.host.Interrupts, b.host.Interrupts)
	steal, ours := grown(a.host.Steal, b.host.Steal), grown(a.ours(), b.ours())
	if a.host.Idle >= 0 && b.host.Idle >= 0 {
		h.Busy = share(all - idle)
		h.Steal = share(steal)
		if a.ours() >= 0 && b.ours() >= 0 {
			h.Foreign = share(all - idle - interrupts - steal - ours)
		}
	}
	return h
}
