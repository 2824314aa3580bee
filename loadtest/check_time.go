package loadtest

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"testing"
	"time"
)

// A deadline is when go test ends a test by a panic, which would leave neither report nor reason. The zero deadline is none.
type deadline struct{ at time.Time }

// deadlineOf returns that of tb. In a synctest bubble, whose time is another, there is none: T.Deadline panics.
func deadlineOf(tb testing.TB) deadline {
	if inBubble() {
		return deadline{}
	}
	if t, is := tb.(interface{ Deadline() (time.Time, bool) }); is {
		if at, ok := t.Deadline(); ok {
			return deadline{at}
		}
	}
	return deadline{}
}

// farewell is what a test needs after its run: to judge it, to write the artifacts, to close a server that does not want to
// (six seconds; see Server.Close).
const farewell = 8 * time.Second

// latest returns when a run may begin at the latest; the zero Time: whenever it likes.
func (d deadline) latest(takes time.Duration) time.Time {
	if d.at.IsZero() {
		return d.at
	}
	return d.at.Add(-takes - farewell)
}

// allows returns an error if what takes so long would not end in time.
func (d deadline) allows(takes time.Duration) error {
	latest := d.latest(takes)
	if d.at.IsZero() || time.Now().Before(latest) {
		return nil
	}
	left := time.Until(d.at)
	text := fmt.Sprintf("loadtest: not begun: ramp, hold and sweep take some %s by their plan, and the test's deadline is in %s",
		plainDuration(takes.Round(time.Second)), plainDuration(left.Round(time.Second)))
	return fmt.Errorf("%s: run go test with -timeout %s or more", text, d.timeoutFor(takes))
}

// timeoutFor returns a -timeout that would do, in whole minutes: what the test binary has used of it by now, because -timeout is
// of all its tests together, and what is needed twice.
func (d deadline) timeoutFor(takes time.Duration) string {
	needed := 2 * (takes + farewell)
	if f := flag.Lookup("test.timeout"); f != nil {
		if timeout, is := f.Value.(flag.Getter).Get().(time.Duration); is && timeout > 0 {
			needed += max(0, timeout-time.Until(d.at))
		}
	}
	return fmt.Sprintf("%dm", (needed+time.Minute-1)/time.Minute)
}

var errTestEnds = errors.New("the test's deadline is near")

// context ends soon enough before the deadline for the report of what was measured until then.
func (d deadline) context(of context.Context) (context.Context, context.CancelFunc) {
	if d.at.IsZero() {
		return context.WithCancel(of)
	}
	return context.WithDeadlineCause(of, d.at.Add(-farewell), errTestEnds)
}
