package memnet

import (
	"math"
	"sync"
	"time"
)

// gate is where the Reads, or the Writes, of one end wait, and the deadline that bounds them. Its fields are guarded by
// the mutex of the pair.
//
// Deadlines are set far more often than they pass: an HTTP server sets several per exchange. So setting one stores a
// number and touches no timer; the timer is armed when somebody has to wait, and stopped when the last one is served. It
// follows that no timer is pending on a conn on which nobody waits, hence none on a closed conn.
type gate struct {
	cond     sync.Cond
	timer    *time.Timer   // made at the first wait that has a deadline, and used again for each later one
	deadline time.Duration // since the listener's start; noDeadline, or pastDeadline
	waiting  int32
	armed    bool
}

const (
	noDeadline   time.Duration = 0
	pastDeadline time.Duration = -1
)

// sinceStart turns the argument of a SetDeadline into what a gate keeps. t may lack a monotonic reading: time.Now, which
// has one (except in a bubble, where no clock can be set), stands between.
func sinceStart(start, t time.Time) time.Duration {
	if t.IsZero() {
		return noDeadline
	}
	now := time.Now()
	left := t.Sub(now)
	if left <= 0 {
		return pastDeadline
	}
	elapsed := now.Sub(start)
	return elapsed + min(left, math.MaxInt64-elapsed)
}

// set changes the deadline; those who wait look again.
func (g *gate) set(deadline time.Duration) {
	g.deadline = deadline
	g.wake()
}

func (g *gate) expired(start time.Time) bool {
	return g.deadline == pastDeadline || g.deadline > 0 && time.Since(start) >= g.deadline
}

// wait releases the mutex until somebody calls wake or the deadline passes; the caller then looks again. It returns
// false, without waiting, if the deadline has passed.
func (g *gate) wait(start time.Time) bool {
	if g.deadline != noDeadline {
		left := g.deadline - time.Since(start)
		if left <= 0 {
			return false
		}
		g.arm(left)
	}
	g.waiting++
	g.cond.Wait()
	g.waiting--
	if g.armed && g.waiting == 0 {
		g.timer.Stop()
		g.armed = false
	}
	return true
}

func (g *gate) arm(left time.Duration) {
	g.armed = true
	if g.timer == nil {
		g.timer = time.AfterFunc(left, g.fire)
		return
	}
	g.timer.Reset(left)
}

// fire may come late, after the deadline was moved or the wait is over: whoever waits judges by the clock.
func (g *gate) fire() {
	g.cond.L.Lock()
	g.wake()
	g.cond.L.Unlock()
}

func (g *gate) wake() {
	if g.waiting > 0 {
		g.cond.Broadcast()
	}
}
