package peers

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// ProcessUsage returns the usage of the process pid, which may be this one (os.Getpid). CPU is exact to the ns. The
// process must not have ended; CPU alone could still be read from a zombie, its memory is gone.
//
// PeakRSS is VmHWM, not ru_maxrss: the latter starts with the peak of the process that forked (exec keeps it), so that a
// small child of a big test process would be charged with the parent's memory.
func ProcessUsage(pid int) (Usage, error) {
	cpu, err := processCPU(pid)
	if err != nil {
		return Usage{}, err
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return Usage{}, fmt.Errorf("memory of process %d: %w", pid, err)
	}
	u := Usage{CPU: cpu}
	if u.RSS, err = statusBytes(status, "VmRSS:"); err != nil {
		return Usage{}, fmt.Errorf("memory of process %d: %w", pid, err)
	}
	if u.PeakRSS, err = statusBytes(status, "VmHWM:"); err != nil {
		return Usage{}, fmt.Errorf("memory of process %d: %w", pid, err)
	}
	return u, nil
}

// processCPU reads the clock that clock_getcpuclockid(3) names: /proc/PID/stat counts in ticks of 10 ms.
func processCPU(pid int) (time.Duration, error) {
	const cpuclockSched = 2
	var ts unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|cpuclockSched), &ts); err != nil {
		return 0, fmt.Errorf("CPU clock of process %d: %w", pid, err)
	}
	return time.Duration(ts.Nano()), nil
}

// statusBytes finds the line "key  123 kB" of /proc/PID/status.
func statusBytes(status []byte, key string) (int64, error) {
	for line := range bytes.Lines(status) {
		rest, ok := bytes.CutPrefix(line, []byte(key))
		if !ok {
			continue
		}
		number, ok := strings.CutSuffix(strings.TrimSpace(string(rest)), " kB")
		kib, err := strconv.ParseInt(number, 10, 64)
		if err != nil || !ok {
			return 0, fmt.Errorf("cannot understand %q", line)
		}
		return kib << 10, nil
	}
	return 0, fmt.Errorf("no line %s (has the process ended?)", key)
}

// procStat is the part of /proc/PID/stat that is used here.
type procStat struct {
	parent int
	ended  time.Duration // CPU of the children that have ended and were waited for, in ticks of 10 ms
}

func readStat(pid string) (procStat, error) {
	text, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return procStat{}, err
	}
	// The name in field 2 may hold blanks and parentheses: count from the last one, which ends it.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 15 {
		return procStat{}, fmt.Errorf("cannot understand /proc/%s/stat: %q", pid, text)
	}
	parent, err1 := strconv.Atoi(fields[1])
	user, err2 := strconv.ParseInt(fields[13], 10, 64)
	system, err3 := strconv.ParseInt(fields[14], 10, 64)
	if err := errors.Join(err1, err2, err3); err != nil {
		return procStat{}, fmt.Errorf("cannot understand /proc/%s/stat: %w", pid, err)
	}
	const tick = time.Second / 100 // USER_HZ
	return procStat{parent: parent, ended: time.Duration(user+system) * tick}, nil
}

// childrenOf returns the processes whose parent is pid, zombies included.
func childrenOf(pid int) ([]int, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	var children []int
	for _, e := range entries {
		child, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if st, err := readStat(e.Name()); err == nil && st.parent == pid { // an error: it has just ended
			children = append(children, child)
		}
	}
	return children, nil
}

// endedChildrenCPU returns the CPU time of pid's children that have ended and were waited for.
func endedChildrenCPU(pid int) (time.Duration, error) {
	st, err := readStat(strconv.Itoa(pid))
	return st.ended, err
}
