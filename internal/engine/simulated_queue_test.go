package engine

import (
	"math"
	"math/rand/v2"
	"time"
)

// dice are what a simulation draws all of its randomness from, in the order in which it needs it.
type dice struct{ *rand.Rand }

func newDice(seed uint64) dice { return dice{rand.New(rand.NewPCG(seed, 0x686f6c6466617374))} }

func (d dice) chance(p float64) bool { return p > 0 && d.Float64() < p }

// span draws from lo … hi so that each order of magnitude is as likely as any other.
func (d dice) span(lo, hi time.Duration) time.Duration {
	return time.Duration(float64(lo) * math.Pow(float64(hi)/float64(lo), d.Float64()))
}

// count is span for numbers.
func (d dice) count(lo, hi int) int { return int(d.span(time.Duration(lo), time.Duration(hi+1)-1)) }

// upTo draws from 0 … most, all alike.
func (d dice) upTo(most time.Duration) time.Duration {
	if most <= 0 {
		return 0
	}
	return time.Duration(d.Int64N(int64(most) + 1))
}

// spread draws a time of the given mean, memoryless.
func (d dice) spread(mean time.Duration) time.Duration {
	return time.Duration(d.ExpFloat64() * float64(mean))
}

// A simEvent is something that the network or the server does at an instant.
type simEvent struct {
	at   time.Duration
	seq  uint64 // of two at the same instant, the one that was planned first
	slot int32
	life uint32 // of the slot's wire: what an earlier connection planned comes to nothing
	n    int32
	kind eventOf
}

// An eventOf is what kind of event one is.
type eventOf uint8

const (
	eventOutcome  eventOf = iota // the client's attempt has come to something
	eventAccept                  // the server has the connection
	eventRequest                 // n bytes arrive at the server
	eventAnswer                  // the server answers a request
	eventFault                   // the server does what it was to do one day
	eventIdle                    // the server's idle timeout number n has passed
	eventArrival                 // something arrives at the client
	eventWritable                // the client's kernel takes bytes again
	eventCancel                  // the run is cancelled
)

// A simQueue holds what is planned: a binary heap, the earliest on top.
type simQueue struct {
	heap []simEvent
	seq  uint64
}

func (e *simEvent) before(o *simEvent) bool { return e.at < o.at || e.at == o.at && e.seq < o.seq }

func (q *simQueue) next() time.Duration {
	if len(q.heap) == 0 {
		return never
	}
	return q.heap[0].at
}

func (q *simQueue) push(e simEvent) {
	q.seq++
	e.seq = q.seq
	q.heap = append(q.heap, e)
	i := len(q.heap) - 1
	for i > 0 {
		parent := (i - 1) / 2
		if !e.before(&q.heap[parent]) {
			break
		}
		q.heap[i] = q.heap[parent]
		i = parent
	}
	q.heap[i] = e
}

func (q *simQueue) pop() simEvent {
	first, last := q.heap[0], len(q.heap)-1
	e := q.heap[last]
	q.heap = q.heap[:last]
	i := 0
	for last > 0 {
		child := 2*i + 1
		if child+1 < last && q.heap[child+1].before(&q.heap[child]) {
			child++
		}
		if child >= last || e.before(&q.heap[child]) {
			q.heap[i] = e
			break
		}
		q.heap[i] = q.heap[child]
		i = child
	}
	return first
}
