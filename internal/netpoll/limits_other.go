//go:build !linux && !darwin

package netpoll

import (
	"errors"
	"syscall"
)

// Descriptors is unknown here.
func Descriptors() (open int, soft, hard uint64, err error) {
	return 0, 0, 0, errors.ErrUnsupported
}

// RaiseDescriptors is not supported here.
func RaiseDescriptors() error { return errors.ErrUnsupported }

// PortRange is unknown here.
func PortRange() (lowest, highest int, ok bool) { return 0, 0, false }

// MemoryAvailable is unknown here.
func MemoryAvailable() (Memory, bool) { return Memory{}, false }

// InContainer reports false: it is not known.
func InContainer() bool { return false }

// DelayPort does nothing: the option is Linux's.
func DelayPort(_, _ string, _ syscall.RawConn) error { return nil }
