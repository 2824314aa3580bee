// Package standalone is what the root package's benchmarks print: live lines as the origin's log had them. Its tests are
// of the compiled test binary as a command, and of what benchstat makes of its results. Tests and benchmarks use it, and
// nothing else.
package standalone

import (
	"fmt"
	"io"
	"time"

	"example.com/holdfast/loadtest"
)

// LiveLines writes the line of a second, after a line for each conn that was lost in it.
func LiveLines(w io.Writer, s loadtest.Sample) {
	for _, l := range s.Lost {
		fmt.Fprintf(w, "%6.1fs conn %d %s, %d answered, idle %v", l.At.Seconds(), l.Slot, l.Cause, l.Served, l.Idle.Round(time.Millisecond))
		if l.Detail != "" {
			fmt.Fprintf(w, ": %s", l.Detail)
		}
		fmt.Fprintln(w)
	}
	if more := s.Dropped - int64(len(s.Lost)); more > 0 {
		fmt.Fprintf(w, "%6.1fs and %d more lost\n", s.At.Seconds(), more)
	}
	fmt.Fprintf(w, "%6.1fs %-5s  %d open  +%d -%d  %d sent  %d answered  %d failed  latency p50 %v p99 %v\n", s.At.Seconds(),
		s.Phase, s.Open, s.Connected, s.Dropped, s.Sent, s.Answered, s.Failed,
		s.LatencyP50.Round(time.Microsecond), s.LatencyP99.Round(time.Microsecond))
}
