package netpoll

import (
	"time"

	"golang.org/x/sys/windows"
)

func ProcessCPU() (user, system time.Duration, ok bool) {
	var created, exited, kernel, spent windows.Filetime
	if windows.GetProcessTimes(windows.CurrentProcess(), &created, &exited, &kernel, &spent) != nil {
		return 0, 0, false
	}
	return span(spent), span(kernel), true
}

// span does not use Filetime.Nanoseconds, which takes it for a date and subtracts the epoch of Unix: the times of
// a process are spans, in units of 100 ns.
func span(t windows.Filetime) time.Duration {
	return 100 * time.Duration(int64(t.HighDateTime)<<32|int64(t.LowDateTime))
}

func ThreadCPU() time.Duration { return 0 }
func RSS() int64               { return -1 }
func PeakRSS() int64           { return -1 }
func KernelMemory() int64      { return -1 }
func KernelRelease() string    { return "" }
