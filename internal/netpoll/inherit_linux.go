package netpoll

import (
	"bytes"
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const CanInherit = true

func SocketPair() (own, child *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("making a socket pair: %w", err)
	}
	return os.NewFile(uintptr(fds[0]), "parent"), os.NewFile(uintptr(fds[1]), "child"), nil
}

// Inherited looks before it touches: in a process that was not started by us the descriptor is somebody else's.
func Inherited(fd int) (*os.File, bool) {
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFSOCK {
		return nil, false
	}
	domain, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
	if err != nil || domain != unix.AF_UNIX {
		return nil, false
	}
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if err != nil || kind != unix.SOCK_STREAM {
		return nil, false
	}
	// Of a pair both ends have the credentials of who made it.
	if peer, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED); err != nil || !isParent(int(peer.Pid)) {
		return nil, false
	}
	unix.CloseOnExec(fd)
	return os.NewFile(uintptr(fd), "parent"), true
}

// isParent reports whether pid is, or was until it ended, this process's parent. A pid of 0 is one that this process's
// namespace does not show.
func isParent(pid int) bool {
	parent := os.Getppid()
	if pid == parent {
		return true
	}
	// It has ended, and somebody else has taken this process in.
	return pid > 0 && hasEnded(pid)
}

// hasEnded reports whether a process has ended, also if nobody has waited for it yet.
func hasEnded(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return unix.Kill(pid, 0) == unix.ESRCH
	}
	// The name in parentheses may hold any character: the state follows the last one.
	rest := text[bytes.LastIndexByte(text, ')')+1:]
	return bytes.HasPrefix(rest, []byte(" Z")) || bytes.HasPrefix(rest, []byte(" X"))
}

func OwnGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

func KillGroup(pid int) {
	if pid > 1 { // −1 would be all processes there are
		_ = unix.Kill(-pid, unix.SIGKILL)
	}
}

func Monotonic() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		panic("netpoll: CLOCK_MONOTONIC: " + err.Error()) // every Linux has it
	}
	return time.Duration(t.Nano())
}
