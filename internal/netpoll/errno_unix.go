//go:build unix

package netpoll

import (
	"syscall"

	"golang.org/x/sys/unix"
)

var failures = map[syscall.Errno]Failure{
	unix.EMFILE: Exhausted, unix.ENFILE: Exhausted, unix.ENOBUFS: Exhausted, unix.ENOMEM: Exhausted,
	unix.EADDRNOTAVAIL: Exhausted, unix.EADDRINUSE: Exhausted,
	unix.EAGAIN:       Exhausted, // connect: no free source port; a full unix backlog is tried again before it gets here
	unix.ETIMEDOUT:    TimedOut,
	unix.ECONNREFUSED: Refused, unix.ENOENT: Refused,
	unix.EHOSTUNREACH: Unreachable, unix.ENETUNREACH: Unreachable,
	unix.ECONNRESET: Reset, unix.ECONNABORTED: Reset, unix.EPIPE: Reset,
}

func errnoName(e syscall.Errno) string { return unix.ErrnoName(e) }
