package engine

import (
	"time"

	"example.com/holdfast/internal/netpoll"
)

// What an epollWorker asks of clocks and of the kernel between its turns.

// delay returns how long the worker may wait: until a turn has something to do. It is negative where the timer is set to
// that instant or an earlier one.
func (w *epollWorker) delay() time.Duration {
	next := min(w.nextSecond, w.askDue(), w.phases.next(w.phase))
	if w.mayOpen() {
		next = min(next, w.rampDue(), w.reopenDue())
	}
	if w.run.batching {
		return w.batch(next)
	}
	// The wheel is asked only if its lower bound matters.
	if w.soonest < min(next, w.armed) {
		next = min(next, w.wheel.next())
	}
	if next >= w.armed {
		w.planned = w.armed
		return -1
	}
	w.armed = next
	return w.until(next, w.run.clock.now())
}

// until returns how long it is to an instant, for which the worker plans to wake up. What should have been done already
// is late by itself.
func (w *epollWorker) until(next, now time.Duration) time.Duration {
	w.planned = max(next, now)
	return w.planned - now
}

// idleLook is how often a batching worker looks at its sockets when it expects nothing: a close is timed by our clock.
const idleLook = 100 * time.Millisecond

// batch returns how long a batching worker waits if its next task is at next: while something is outstanding it looks at
// each tick.
func (w *epollWorker) batch(next time.Duration) time.Duration {
	now := w.run.clock.now()
	look := now + idleLook
	if w.outstanding > 0 || w.connecting > 0 {
		look = (now/w.plan.Tick + 1) * w.plan.Tick
	}
	return w.until(min(next, look, w.wheel.next()), now)
}

// bracket relates the real-time clock, in which the kernel stamps, to the run's. Done once a second, so that a slew of
// the former stays below a microsecond or so between two brackets.
func (w *epollWorker) bracket() { w.realtime = w.run.clock.realtimeStart() }

// resent counts c if something was sent again on it. Where that is unknown of one, the count is.
func resent(c *conn, count *int64) {
	switch n := netpoll.Retransmissions(int(c.fd)); {
	case *count < 0:
	case n < 0:
		*count = -1
	case n > 0:
		*count++
	}
}
