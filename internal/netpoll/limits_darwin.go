package netpoll

import (
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Descriptors returns how many descriptors this process has open, and its limits.
func Descriptors() (open int, soft, hard uint64, err error) {
	entries, err := os.ReadDir("/dev/fd")
	if err != nil {
		return 0, 0, 0, fmt.Errorf("counting open descriptors: %w", err)
	}
	var lim unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &lim); err != nil {
		return 0, 0, 0, fmt.Errorf("reading the limit of descriptors: %w", err)
	}
	return len(entries) - 1, lim.Cur, hardest(lim.Max), nil // one of them read the directory
}

// hardest is the hard limit as it works: the kernel has one of its own, whatever the process's says.
func hardest(hard uint64) uint64 {
	if most, err := unix.SysctlUint32("kern.maxfilesperproc"); err == nil {
		return min(hard, uint64(most))
	}
	return hard
}

// RaiseDescriptors raises the soft limit of descriptors to the hard one.
func RaiseDescriptors() error {
	var lim unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &lim); err != nil {
		return fmt.Errorf("reading the limit of descriptors: %w", err)
	}
	lim.Cur = hardest(lim.Max)
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &lim); err != nil {
		return fmt.Errorf("raising the limit of descriptors to %d: %w", lim.Cur, err)
	}
	return nil
}

// PortRange returns the lowest and the highest port that the kernel gives to a connecting socket.
func PortRange() (lowest, highest int, ok bool) {
	first, err := unix.SysctlUint32("net.inet.ip.portrange.first")
	if err != nil {
		return 0, 0, false
	}
	last, err := unix.SysctlUint32("net.inet.ip.portrange.last")
	if err != nil {
		return 0, 0, false
	}
	return int(first), int(last), 0 < first && first <= last
}

// MemoryAvailable is unknown here: the kernel compresses and swaps as it sees fit.
func MemoryAvailable() (Memory, bool) { return Memory{}, false }

// InContainer reports false: there are none of this system.
func InContainer() bool { return false }

// DelayPort does nothing: the option is Linux's.
func DelayPort(_, _ string, _ syscall.RawConn) error { return nil }
