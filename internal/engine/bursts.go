package engine

import (
	"context"
	"sync"
	"time"
)

// Bursts load a server from time to time as fast as it answers, in a run that holds its conns with a silent cadence:
// between two bursts no request is outstanding, so that whoever reads the server's CPU clock there knows what the burst
// took. Several runs, each with Bursts of its own, share a machine in turns.
type Bursts struct {
	Outstanding int   // requests at a time
	spent       *Hist // service times of those that were asked to be recorded

	ready chan struct{} // closed when hold has begun
	begun sync.Once
	asked chan burstOrder // of one at most
	done  chan Burst
	nudge func()
}

// A Burst is what one did.
type Burst struct {
	Took     time.Duration // from its first request to the last answer
	Answered int64
}

type burstOrder struct {
	lasts  time.Duration
	record bool
}

// NewBursts returns Bursts that have so many requests outstanding at a time, each on another conn: all conns are asked in
// turn. Service times are at most about longest.
func NewBursts(outstanding int, longest time.Duration) *Bursts {
	return &Bursts{
		Outstanding: outstanding, spent: NewHist(longest), ready: make(chan struct{}),
		asked: make(chan burstOrder, 1), done: make(chan Burst, 1), nudge: func() {},
	}
}

// Ready is closed when hold has begun: before, no burst begins.
func (b *Bursts) Ready() <-chan struct{} { return b.ready }

// Run carries out a burst: it begins requests for so long, and is over when all are answered or lost. Their service times
// are recorded if asked for. ctx is to end when the run does, which nobody would answer for any more.
func (b *Bursts) Run(ctx context.Context, lasts time.Duration, record bool) (Burst, error) {
	select {
	case b.asked <- burstOrder{lasts, record}:
	case <-ctx.Done(): // an order that was given up may still lie there
		return Burst{}, context.Cause(ctx)
	}
	b.nudge()
	select {
	case done := <-b.done:
		return done, nil
	case <-ctx.Done():
		return Burst{}, context.Cause(ctx)
	}
}

// ServiceTime returns what was recorded, when the run is over.
func (b *Bursts) ServiceTime() *Hist { return b.spent }

// order returns what is asked for, once; and notes that somebody looked.
func (b *Bursts) order() (o burstOrder, ok bool) {
	b.begun.Do(func() { close(b.ready) })
	select {
	case o = <-b.asked:
		return o, true
	default:
		return o, false
	}
}
