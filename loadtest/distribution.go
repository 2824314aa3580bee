package loadtest

import (
	"time"

	"example.com/holdfast/internal/engine"
)

// A Distribution of durations: an HdrHistogram in ns with three significant digits (of Lag and ClientWait two), beside the
// exact count, sum and extremes. Its zero value is empty.
type Distribution struct{ h *engine.Hist }

// Count returns how many durations it holds, the censored among them.
func (d Distribution) Count() int64 {
	if d.h == nil {
		return 0
	}
	return d.h.Count()
}

// Quantile returns the duration at or below which the fraction q (0 … 1) of all lie: Quantile(0.99) is the 99th
// percentile. It is that of rank q·Count, rounded to a whole one: never below the true one, and at most 0.1 % above it
// (of Lag and ClientWait 1 %), nor above Max. An empty distribution gives 0.
func (d Distribution) Quantile(q float64) time.Duration {
	if d.h == nil {
		return 0
	}
	return d.h.Quantile(q)
}

// Min returns the shortest duration, exactly; 0 when empty.
func (d Distribution) Min() time.Duration {
	if d.h == nil {
		return 0
	}
	return d.h.Min
}

// Max returns the longest duration, exactly; 0 when empty.
func (d Distribution) Max() time.Duration {
	if d.h == nil {
		return 0
	}
	return d.h.Max
}

// Mean returns the mean, exact to the ns; 0 when empty.
func (d Distribution) Mean() time.Duration {
	if d.Count() == 0 {
		return 0
	}
	return d.h.Sum / time.Duration(d.h.Count())
}

// Censored returns how many of the durations are of requests that timed out: they lasted at least so long, and nobody
// knows how much longer.
func (d Distribution) Censored() int64 {
	if d.h == nil {
		return 0
	}
	return d.h.Censored
}

// Clamped returns how many durations were outside the histogram's range and stand at its edge. Min, Max and Mean have
// them as they were.
func (d Distribution) Clamped() int64 {
	if d.h == nil {
		return 0
	}
	return d.h.Clamped
}

// Equal reports whether d and o hold the same durations, to the precision at which they were recorded.
func (d Distribution) Equal(o Distribution) bool {
	if d.Count() == 0 || o.Count() == 0 {
		return d.Count() == o.Count()
	}
	return d.h.Sum == o.h.Sum && d.h.Min == o.h.Min && d.h.Max == o.h.Max &&
		d.h.Censored == o.h.Censored && d.h.Clamped == o.h.Clamped && d.h.HDR.Equals(o.h.HDR)
}

// atLeast returns how many durations were limit or longer, to the precision at which they were recorded.
func (d Distribution) atLeast(limit time.Duration) int64 {
	if d.Count() == 0 || d.Max() < limit {
		return 0
	}
	var n int64
	for _, bar := range d.h.HDR.Distribution() {
		if bar.To >= int64(limit) {
			n += bar.Count
		}
	}
	return n
}
