//go:build !linux

package peers

import (
	"errors"
	"fmt"
	"runtime"
	"time"
)

var errNoUsage = fmt.Errorf("usage of another process is known on Linux only, not on %s: %w",
	runtime.GOOS, errors.ErrUnsupported)

// ProcessUsage returns an error: only on Linux it is known.
func ProcessUsage(pid int) (Usage, error) { return Usage{}, errNoUsage }

func childrenOf(pid int) ([]int, error)               { return nil, errNoUsage }
func endedChildrenCPU(pid int) (time.Duration, error) { return 0, errNoUsage }
