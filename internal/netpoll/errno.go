package netpoll

import (
	"errors"
	"syscall"
)

// A Failure is what kind of error an errno stands for, the same on every platform.
type Failure uint8

const (
	OtherFailure Failure = iota
	Exhausted            // descriptors, ports or memory of this host
	TimedOut
	Refused // no one listens there
	Unreachable
	Reset
	PeerClosed // it had closed, as a writer learns
)

// FailureOf returns the kind of err, and the symbol of the errno in it, such as "ECONNRESET"; "" if it holds none.
func FailureOf(err error) (Failure, string) {
	var e syscall.Errno
	if !errors.As(err, &e) {
		return OtherFailure, ""
	}
	return failures[e], errnoName(e)
}
