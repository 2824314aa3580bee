package loadtest

import (
	"fmt"
	"time"
)

// mostStretches bounds the points of a line: more than a screen has places for, and the size of the page.
const mostStretches = 900

// A stretch is one or several seconds of the timeline: counts are their sums, Open is the least, and durations and shares are
// the most that any of them has, so that a dip of one second is in its line and a peak is too.
type stretch struct {
	from time.Duration
	Sample
	mostOpen int64
}

// stretchesOf merges each so many seconds that mostStretches will do, and tells how many those are.
func stretchesOf(timeline []Sample) (all []stretch, each int) {
	each = max(1, (len(timeline)+mostStretches-1)/mostStretches)
	var from time.Duration
	for i, s := range timeline {
		next := stretch{from: from, Sample: s, mostOpen: s.Open}
		if from = s.At; i%each == 0 {
			all = append(all, next)
			continue
		}
		all[len(all)-1] = all[len(all)-1].with(next)
	}
	return all, each
}

// drawn returns the stretches for lines of rates: of a last one that is shorter than half a second a rate would be chance, so
// that it is one with the stretch before it.
func drawn(all []stretch) []stretch {
	n := len(all)
	if n < 2 || all[n-1].At-all[n-1].from >= time.Second/2 {
		return all
	}
	return append(all[:n-2:n-2], all[n-2].with(all[n-1]))
}

func (s stretch) with(o stretch) stretch {
	s.At, s.Phase = o.At, o.Phase
	s.Open, s.mostOpen = min(s.Open, o.Open), max(s.mostOpen, o.mostOpen)
	s.Attempts += o.Attempts
	s.Connected += o.Connected
	s.Due += o.Due
	s.Sent += o.Sent
	s.Answered += o.Answered
	s.Failed += o.Failed
	s.Dropped += o.Dropped
	s.LatencyP50, s.LatencyP99 = max(s.LatencyP50, o.LatencyP50), max(s.LatencyP99, o.LatencyP99)
	s.LatencyMax, s.LagMax, s.Late = max(s.LatencyMax, o.LatencyMax), max(s.LagMax, o.LagMax), max(s.Late, o.Late)
	s.Clean = s.Clean && o.Clean
	s.Host.Busy = max(s.Host.Busy, o.Host.Busy)
	s.Host.Foreign = max(s.Host.Foreign, o.Host.Foreign)
	s.Host.Steal = max(s.Host.Steal, o.Host.Steal)
	s.Host.Throttled = max(s.Host.Throttled, o.Host.Throttled)
	return s
}

// unanswered reports whether no latency was measured: in virtual time one may be 0.
func (s stretch) unanswered() bool { return s.Answered == 0 && s.LatencyMax == 0 }

// openText has both ends of what was open.
func (s stretch) openText() string {
	if s.Open == s.mostOpen {
		return fmt.Sprintf("%d open", s.Open)
	}
	return fmt.Sprintf("%d to %d open", s.Open, s.mostOpen)
}

// rate returns a count per second.
func (s stretch) rate(n int64) float64 {
	if s.At <= s.from {
		return 0
	}
	return float64(n) / (s.At - s.from).Seconds()
}

// middle is where the stretch is on an axis of time.
func (s stretch) middle() float64 { return float64(s.from+s.At) / 2 }
