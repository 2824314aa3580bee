//go:build unix

package netpoll

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

var failures = map[syscall.Errno]Failure{
	unix.EMFILE: Exhausted, unix.ENFILE: Exhausted, unix.ENOBUFS: Exhausted, unix.ENOMEM: Exhausted,
	unix.ENOSPC:        Exhausted, // epoll_ctl: fs.epoll.max_user_watches
	unix.EADDRNOTAVAIL: Exhausted, unix.EADDRINUSE: Exhausted,
	unix.EAGAIN:       Exhausted, // connect: no free source port; a full unix backlog is tried again before it gets here
	unix.ETIMEDOUT:    TimedOut,
	unix.ECONNREFUSED: Refused, unix.ENOENT: Refused,
	unix.EHOSTUNREACH: Unreachable, unix.ENETUNREACH: Unreachable,
	unix.ECONNRESET: Reset, unix.ECONNABORTED: Reset, unix.EPIPE: PeerClosed,
}

func errnoName(e syscall.Errno) string { return unix.ErrnoName(e) }

// Again reports whether err says that a unix socket's backlog is full: unlike TCP it does not wait.
func Again(err error) bool { return errors.Is(err, unix.EAGAIN) }
