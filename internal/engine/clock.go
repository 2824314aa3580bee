package engine

import (
	"context"
	"slices"
	"time"
)

// A clock counts from the start of a run. It and the drivers' timers are the only places where the engine meets time.
type clock struct{ start time.Time }

// begin waits for the start, and starts at once if ctx ends before.
func (c *clock) begin(ctx context.Context) {
	wait := time.NewTimer(time.Until(c.start))
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-ctx.Done():
	}
	if now := time.Now(); now.Before(c.start) {
		c.start = now
	}
}

// startOf returns the clock of a plan.
func startOf(p *Plan) clock {
	if p.Origin.IsZero() {
		return clock{time.Now()}
	}
	return clock{p.Origin}
}

func (c clock) now() time.Duration { return time.Since(c.start) }

// realtimeStart returns what the real-time clock showed at the start of the run, as seen from now: stamps of the kernel
// less this are instants of the run. It is the median of three: between the two clocks this thread may lose its CPU.
func (c clock) realtimeStart() int64 {
	var starts [3]int64
	for i := range starts {
		now := time.Now() // reads both clocks, one right after the other
		starts[i] = now.UnixNano() - int64(now.Sub(c.start))
	}
	slices.Sort(starts[:])
	return starts[1]
}
