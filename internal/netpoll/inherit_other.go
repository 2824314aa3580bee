//go:build !linux

package netpoll

import (
	"errors"
	"os"
	"syscall"
	"time"
)

const CanInherit = false

func SocketPair() (own, child *os.File, err error) { return nil, nil, errors.ErrUnsupported }
func Inherited(int) (*os.File, bool)               { return nil, false }
func OwnGroup() *syscall.SysProcAttr               { return nil }
func KillGroup(int)                                {}
func Monotonic() time.Duration                     { return 0 }
