package loadtest

import (
	"runtime/metrics"
	"time"

	"example.com/holdfast/internal/netpoll"
)

// Usage is what this whole process used while a run lasted: a server in the same process, other runs and tests at the
// same time are in it too. Only a server of its own process can be told from its generator. What is unknown is −1.
type Usage struct {
	Wall      time.Duration `json:"wall_ns"`
	CPUUser   time.Duration `json:"cpu_user_ns"`
	CPUSystem time.Duration `json:"cpu_system_ns"`

	RSS     int64 `json:"rss_bytes"`      // resident at the end of the run
	PeakRSS int64 `json:"peak_rss_bytes"` // the most resident since the process started

	Before Memory `json:"before"`
	After  Memory `json:"after"`
}

// Memory is what the Go runtime of the whole process holds, in bytes.
type Memory struct {
	Heap   int64 `json:"heap_bytes"`   // objects, and room in spans that have some
	Stack  int64 `json:"stack_bytes"`  // of goroutines and of threads
	Mapped int64 `json:"mapped_bytes"` // all that it holds from the system and has not given back, the former included
}

// CPU returns user and system time together; −1: unknown.
func (u Usage) CPU() time.Duration {
	if u.CPUUser < 0 || u.CPUSystem < 0 {
		return -1
	}
	return u.CPUUser + u.CPUSystem
}

// KernelCounters says how much counters of the kernel grew during the run. They count everything in this process's
// network namespace, on the whole host unless in a container: another program's trouble is in them too. −1: unknown, as
// everywhere but on Linux.
type KernelCounters struct {
	ListenOverflows int64 `json:"listen_overflows"` // connections that found a server's accept queue full
	ListenDrops     int64 `json:"listen_drops"`     // connections dropped by a listening socket, for that or another reason
	TCPSynRetrans   int64 `json:"tcp_syn_retrans"`  // SYNs sent again: each cost its connect a second or more
	TCPTimeouts     int64 `json:"tcp_timeouts"`     // retransmission timers that ran out
}

// usageSnapshot is the state of the meters at one instant.
type usageSnapshot struct {
	at        time.Time
	user, sys time.Duration
	rss, peak int64
	memory    Memory
	kernel    netpoll.KernelCounters
}

// takeUsage reads the meters. It does not stop the world.
func takeUsage() usageSnapshot {
	user, sys, ok := netpoll.ProcessCPU()
	if !ok {
		user, sys = -1, -1
	}
	return usageSnapshot{
		at: time.Now(), user: user, sys: sys,
		rss: netpoll.RSS(), peak: netpoll.PeakRSS(),
		memory: takeMemory(),
		kernel: netpoll.NewMeter().Kernel(),
	}
}

func takeMemory() Memory {
	s := []metrics.Sample{
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/unused:bytes"},
		{Name: "/memory/classes/heap/stacks:bytes"},
		{Name: "/memory/classes/os-stacks:bytes"},
		{Name: "/memory/classes/total:bytes"},
		{Name: "/memory/classes/heap/released:bytes"},
	}
	metrics.Read(s)
	v := func(i int) int64 { return int64(s[i].Value.Uint64()) }
	return Memory{Heap: v(0) + v(1), Stack: v(2) + v(3), Mapped: v(4) - v(5)}
}

func usageBetween(before, after usageSnapshot) Usage {
	return Usage{
		Wall:      after.at.Sub(before.at),
		CPUUser:   grown(before.user, after.user),
		CPUSystem: grown(before.sys, after.sys),
		RSS:       after.rss,
		PeakRSS:   after.peak,
		Before:    before.memory,
		After:     after.memory,
	}
}

func kernelBetween(before, after usageSnapshot) KernelCounters {
	b, a := before.kernel, after.kernel
	return KernelCounters{
		ListenOverflows: grown(b.ListenOverflows, a.ListenOverflows),
		ListenDrops:     grown(b.ListenDrops, a.ListenDrops),
		TCPSynRetrans:   grown(b.TCPSynRetrans, a.TCPSynRetrans),
		TCPTimeouts:     grown(b.TCPTimeouts, a.TCPTimeouts),
	}
}

// grown returns how much a meter grew; −1 if either reading is unknown.
func grown[T ~int64](before, after T) T {
	if before < 0 || after < 0 {
		return -1
	}
	return after - before
}
