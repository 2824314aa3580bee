package peers

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"example.com/holdfast/internal/netpoll"
)

// Usage is what a process has used since it began.
type Usage struct {
	CPU     time.Duration // user and system time of all its threads
	RSS     int64         // resident now, bytes
	PeakRSS int64         // resident at most, bytes
}

// ProcessUsage returns the usage of the process pid, which may be this one (os.Getpid). CPU is exact to the ns. The
// process must not have ended; CPU alone could still be read from a zombie, its memory is gone.
//
// PeakRSS is VmHWM, not ru_maxrss: the latter starts with the peak of the process that forked (exec keeps it), so that a
// small child of a big test process would be charged with the parent's memory.
func ProcessUsage(pid int) (Usage, error) {
	cpu, ok := netpoll.CPUClock(pid)
	rss, peak := netpoll.NewMeter().Memory(pid)
	if !ok || rss < 0 || peak < 0 {
		return Usage{}, fmt.Errorf("usage of process %d is unknown: it has ended, or this is not Linux", pid)
	}
	return Usage{CPU: cpu, RSS: rss, PeakRSS: peak}, nil
}

// childrenOf returns the processes whose parent is pid, zombies included.
func childrenOf(pid int) []int {
	var children []int
	meter := netpoll.NewMeter()
	for _, child := range meter.PIDs(nil) {
		if p, ok := meter.Process(child); ok && p.Parent == pid { // not ok: it has just ended
			children = append(children, child)
		}
	}
	return children
}

// endedChildrenCPU returns the CPU time of pid's children that have ended and were waited for, in ticks of 10 ms.
func endedChildrenCPU(pid int) (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	// The name in field 2 may hold blanks and parentheses: count from the last one, which ends it.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 15 {
		return 0, fmt.Errorf("cannot understand /proc/%d/stat: %q", pid, text)
	}
	user, err1 := strconv.ParseInt(fields[13], 10, 64)
	system, err2 := strconv.ParseInt(fields[14], 10, 64)
	if err := errors.Join(err1, err2); err != nil {
		return 0, fmt.Errorf("cannot understand /proc/%d/stat: %w", pid, err)
	}
	const tick = time.Second / 100 // USER_HZ
	return time.Duration(user+system) * tick, nil
}
