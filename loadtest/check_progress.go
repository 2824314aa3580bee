package loadtest

import (
	"fmt"
	"io"
	"testing"
	"time"
)

// narrates reports whether anybody is to be told how far a run is: under -v, but neither in a benchmark, whose result line it
// would split, nor in a synctest bubble, where ten minutes are over in a moment.
func (c *check) narrates() bool {
	_, bench := c.tb.(*testing.B)
	return !bench && testing.Verbose() && !inBubble()
}

// tellf writes a line to the test's log, if it narrates.
func (c *check) tellf(format string, args ...any) {
	if c.narrates() {
		fmt.Fprintf(c.tb.Output(), format+"\n", args...)
	}
}

// narrate returns what tells the test's log how far a run is; nil where nobody is to be told.
func (c *check) narrate() func(Sample) {
	if !c.narrates() {
		return nil
	}
	expected, _ := c.cfg.planned()
	n := &narrator{out: c.tb.Output(), expected: expected, hold: c.cfg.holdFor()}
	return n.tell
}

// A narrator writes a line for every few of the samples.
type narrator struct {
	out            io.Writer
	expected, hold time.Duration // all of the run, and of hold, by plan

	last     time.Duration // when the line before was written
	answered int64         // since then
	dropped  int64         // since the beginning
	held     time.Duration // when hold began; 0: not yet
}

const narratedEvery = 5 * time.Second

func (n *narrator) tell(s Sample) {
	n.answered, n.dropped = n.answered+s.Answered, n.dropped+s.Dropped
	if n.held == 0 && s.Phase != "ramp" {
		n.held = s.At
	}
	if s.At-n.last < narratedEvery {
		return
	}
	rate := float64(n.answered) / (s.At - n.last).Seconds()
	fmt.Fprintf(n.out, "%4.0fs %-5s  %d open  %.0f answers/s  %d dropped  p99 %s%s\n", s.At.Seconds(), s.Phase, s.Open, rate,
		n.dropped, threeDigits(s.LatencyP99), n.left(s.At))
	n.last, n.answered = s.At, 0
}

// left says what remains, by plan; how long ramp and sweep take is the server's to say.
func (n *narrator) left(at time.Duration) string {
	end := n.expected
	if n.held > 0 {
		end = n.held + n.hold
	}
	if end <= at {
		return ""
	}
	return fmt.Sprintf("  some %.0fs left", (end - at).Seconds())
}
