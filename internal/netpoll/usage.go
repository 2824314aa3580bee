package netpoll

import "time"

// The usage files read what this process, other processes and the host have used. What is unknown is −1, or ok = false.
// Each OS file provides of this process
//
//	ProcessCPU() (user, system time.Duration, ok bool)  // since it started, all threads
//	RSS() int64                                         // bytes resident now
//	PeakRSS() int64                                     // the most since it started
//	ThreadCPU() time.Duration                           // of the calling thread, user and system; 0 where it is not known
//
// of any process, all of which is unknown but on Linux,
//
//	CPUClock(pid int) (cpu time.Duration, ok bool)      // since it started, all threads, user and system, in ns; not its children
//	(*Meter).Process(pid int) (Process, bool)           // false also: there is none
//	(*Meter).PIDs(into []int) []int                     // of all processes, appended
//	(*Meter).Memory(pid int) (rss, peak int64)          // bytes resident now, and the most since it started
//	(*Meter).RunDelay(pid int) time.Duration            // for how long its threads that live were ready and had no CPU
//
// and of the host, unknown but on Linux too,
//
//	NewMeter() *Meter
//	(*Meter).Host() Host
//	(*Meter).Kernel() KernelCounters
//	Governor() string                                   // of the CPUs' clocks: the first that is not "performance"; "": unknown
//	KernelRelease() string                              // "": unknown
//	KernelMemory() int64                                // bytes in the kernel's slab caches and in TCP's buffers, now
//
// A Meter has a buffer of its own, so that readings once a second leave next to no garbage; it is for one goroutine.

// A Process is told from a later one with the same number by when it started.
type Process struct {
	PID    int
	Parent int
	Start  uint64 // in clock ticks since boot
	Ended  bool   // and was not waited for yet: it has nothing any more
}

// KernelCounters are counters since boot: of this process's network namespace, but SoftnetDropped of the whole host.
// −1: unknown.
type KernelCounters struct {
	ListenOverflows    int64
	ListenDrops        int64
	TCPSynRetrans      int64
	TCPRetransSegs     int64
	TCPTimeouts        int64
	TCPMemoryPressures int64
	SoftnetDropped     int64
}

// UnknownCounters is what can be said where nothing is known.
var UnknownCounters = KernelCounters{-1, -1, -1, -1, -1, -1, -1}

// A Host is what the whole host did since boot, in CPU time summed over its CPUs unless said otherwise. −1: unknown.
type Host struct {
	CPUs int           // online; 0: unknown
	Idle time.Duration // waiting for disks included
	// Interrupts is the time in interrupts that is in no process's CPU clock: most kernels measure interrupts, and take them
	// out of the clock of the process that they interrupt. Others do not, and it is 0.
	Interrupts time.Duration
	Steal      time.Duration // taken by the hypervisor; most kernels take it out of the processes' clocks
	Throttled  time.Duration // that this process's control groups, and those above, were stopped by their quotas
	Pressure   time.Duration // wall-clock time in which some task was ready and had no CPU
	Sockets    int64         // TCP sockets in use now, in this process's network namespace
	TimeWait   int64         // TCP conns in TIME_WAIT now, in the same
}

// UnknownHost is what can be said where nothing is known.
var UnknownHost = Host{0, -1, -1, -1, -1, -1, -1, -1}
