//go:build unix && !linux

package netpoll

import (
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

func ThreadCPU() time.Duration { return 0 }

func RSS() int64 { return -1 }

func KernelMemory() int64 { return -1 }

func PeakRSS() int64 {
	var ru unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &ru) != nil {
		return -1
	}
	if runtime.GOOS == "darwin" || runtime.GOOS == "ios" {
		return int64(ru.Maxrss) // bytes; all others count in kB
	}
	return int64(ru.Maxrss) << 10
}
