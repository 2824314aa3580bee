//go:build !unix && !windows

package netpoll

import "syscall"

var failures map[syscall.Errno]Failure

func errnoName(e syscall.Errno) string { return e.Error() }

// Again reports whether err says that a unix socket's backlog is full. Here it waits, as TCP does.
func Again(error) bool { return false }
