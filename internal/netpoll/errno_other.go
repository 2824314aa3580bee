//go:build !unix && !windows

package netpoll

import "syscall"

var failures map[syscall.Errno]Failure

func errnoName(e syscall.Errno) string { return e.Error() }
