package netpoll

import "os"

func RSS() int64 { return statusKB("VmRSS") }

// PeakRSS does not use getrusage: the ru_maxrss of Linux survives exec, so that a process started by a bigger one
// reports its parent's peak.
func PeakRSS() int64 { return statusKB("VmHWM") }

func statusKB(field string) int64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return -1
	}
	return parseStatusKB(text, field)
}
