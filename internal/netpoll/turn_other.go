//go:build !darwin && !dragonfly && !freebsd && !linux && !netbsd && !openbsd && !windows

package netpoll

import (
	"errors"
	"os"
)

const stubborn = 0

func tryLock(*os.File) (held bool, err error) { return false, errors.ErrUnsupported }

func unlock(*os.File) {}
