package engine

import "time"

// A clock counts from the start of a run. It and the drivers' timers are the only places where the engine meets time.
type clock struct{ start time.Time }

func (c clock) now() time.Duration { return time.Since(c.start) }

// realtimeStart returns what the real-time clock showed at the start of the run, as seen from now: stamps of the kernel
// less this are instants of the run.
func (c clock) realtimeStart() int64 {
	now := time.Now() // reads both clocks, one right after the other
	return now.UnixNano() - int64(now.Sub(c.start))
}
