package netpoll

import (
	"syscall"

	"golang.org/x/sys/windows"
)

// syscall.ECONNRESET and its like are invented on Windows; the memory network uses them, sockets yield the WSA ones.
var failures = map[syscall.Errno]Failure{
	windows.WSAEMFILE: Exhausted, windows.WSAENOBUFS: Exhausted, windows.WSAEADDRNOTAVAIL: Exhausted,
	windows.WSAETIMEDOUT: TimedOut, syscall.ETIMEDOUT: TimedOut,
	windows.WSAECONNREFUSED: Refused, syscall.ECONNREFUSED: Refused,
	windows.WSAEHOSTUNREACH: Unreachable, windows.WSAENETUNREACH: Unreachable,
	windows.WSAECONNRESET: Reset, windows.WSAECONNABORTED: Reset,
	syscall.ECONNRESET: Reset, syscall.ECONNABORTED: Reset, syscall.EPIPE: PeerClosed,
}

var errnoNames = map[syscall.Errno]string{
	windows.WSAECONNREFUSED: "ECONNREFUSED", windows.WSAECONNRESET: "ECONNRESET",
	windows.WSAECONNABORTED: "ECONNABORTED", windows.WSAETIMEDOUT: "ETIMEDOUT",
}

func errnoName(e syscall.Errno) string {
	if name, ok := errnoNames[e]; ok {
		return name
	}
	return e.Error()
}

// Again reports whether err says that a unix socket's backlog is full. Here it waits, as TCP does.
func Again(error) bool { return false }
