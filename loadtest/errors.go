package loadtest

import (
	"fmt"
	"strings"
)

// A ConfigError holds everything that is wrong with a [Config]. No connection was opened.
type ConfigError struct {
	Problems []string // a sentence each: the field, what it holds, what to write instead
}

func (e *ConfigError) Error() string {
	if len(e.Problems) == 1 {
		return "loadtest: invalid Config: " + e.Problems[0]
	}
	return fmt.Sprintf("loadtest: invalid Config, %d problems:\n\t%s",
		len(e.Problems), strings.Join(e.Problems, "\n\t"))
}

// A ResourceError says that this machine lacks what a run needs. It was counted before the first connect.
type ResourceError struct {
	Resource string // "file descriptors", "source ports" or "memory"
	Need     int64  // descriptors, ports or bytes
	Have     int64  // of the same; what this process may use at most
	Hint     string // a command that mends it
}

func (e *ResourceError) Error() string {
	return fmt.Sprintf("loadtest: not enough %s: the run needs %s, %s are available; to mend it: %s",
		e.Resource, e.amount(e.Need), e.amount(e.Have), e.Hint)
}

func (e *ResourceError) amount(n int64) string {
	if e.Resource == resourceMemory {
		return mebibytes(n)
	}
	return fmt.Sprint(n)
}

// mebibytes rounds up, so that what is needed is never understated.
func mebibytes(n int64) string { return fmt.Sprintf("%d MiB", (n+1<<20-1)>>20) }

const (
	resourceDescriptors = "file descriptors"
	resourcePorts       = "source ports"
	resourceMemory      = "memory"
)
