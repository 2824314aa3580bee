package netpoll

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

func RSS() int64 { return statusKB("VmRSS") }

// PeakRSS does not use getrusage: the ru_maxrss of Linux survives exec, so that a process started by a bigger one
// reports its parent's peak.
func PeakRSS() int64 { return statusKB("VmHWM") }

func ThreadCPU() time.Duration {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t) != nil {
		return 0
	}
	return time.Duration(t.Nano())
}

// KernelMemory does without what the kernel holds by pages for others: stacks, page tables, the page cache. Inodes of
// sockets are counted as reclaimable.
func KernelMemory() int64 {
	meminfo, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return -1
	}
	sockstat, _ := os.ReadFile("/proc/self/net/sockstat")
	return parseKernelMemory(meminfo, sockstat)
}

func parseKernelMemory(meminfo, sockstat []byte) int64 {
	slab, pages := parseStatusKB(meminfo, "Slab"), parseSockstat(sockstat, "TCP:", "mem")
	if slab < 0 || pages < 0 {
		return -1
	}
	return slab + pages*int64(os.Getpagesize())
}

func statusKB(field string) int64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return -1
	}
	return parseStatusKB(text, field)
}
