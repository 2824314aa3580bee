package engine

import (
	"math/bits"
	"time"
)

// never is the instant of what is not planned.
const never = time.Duration(1<<63 - 1)

const (
	wheelSize = 4096 // buckets; with a tick of 10 ms a horizon of 41 s, so that the default cadence never re-inserts
	wheelMask = wheelSize - 1
	nobody    = ^uint32(0)
)

// links put a conn into a bucket of the wheel: a doubly linked list through the conn records themselves, so that
// setting and moving a deadline allocate nothing.
type links struct {
	next, prev uint32
	tick       uint32 // of the bucket; unlinked: 0, which no conn is ever put into
}

// A wheel wakes conns at their deadlines. It is flat: one bucket a tick, and what lies beyond the horizon is put into
// the last bucket and inserted again from there. An occupancy bitmap finds the next bucket that is not empty.
//
// A deadline that moves to later may leave its conn where it is (set with lazy): it is inserted again when its old
// bucket expires. That saves two list operations per exchange where the next request follows at once.
type wheel struct {
	tick    time.Duration
	current uint32 // all earlier buckets are empty
	heads   [wheelSize]uint32
	bits    [wheelSize / 64]uint64
	conns   []conn
	soonest time.Duration // no bucket expires earlier; a lower bound
}

func newWheel(tick time.Duration, conns []conn) *wheel {
	w := &wheel{tick: tick, current: 1, conns: conns, soonest: never}
	for i := range w.heads {
		w.heads[i] = nobody
	}
	return w
}

// set makes conn j expire at its wake instant, at the earliest tick not before it.
func (w *wheel) set(j uint32, lazy bool) {
	c := &w.conns[j]
	if c.wake == never {
		if c.links.tick != 0 && !lazy {
			w.unlink(j)
		}
		return
	}
	t := max(uint32((c.wake+w.tick-1)/w.tick), w.current)
	if c.links.tick != 0 {
		if c.links.tick == t || lazy && c.links.tick < t {
			return
		}
		w.unlink(j)
	}
	w.link(j, min(t, w.current+wheelSize-1))
}

func (w *wheel) link(j, tick uint32) {
	b := tick & wheelMask
	head := w.heads[b]
	w.conns[j].links = links{next: head, prev: nobody, tick: tick}
	if head != nobody {
		w.conns[head].links.prev = j
	}
	w.heads[b] = j
	w.bits[b/64] |= 1 << (b % 64)
	w.soonest = min(w.soonest, time.Duration(tick)*w.tick)
}

func (w *wheel) unlink(j uint32) {
	l := &w.conns[j].links
	b := l.tick & wheelMask
	if l.next != nobody {
		w.conns[l.next].links.prev = l.prev
	}
	if l.prev != nobody {
		w.conns[l.prev].links.next = l.next
	} else if w.heads[b] = l.next; l.next == nobody {
		w.bits[b/64] &^= 1 << (b % 64)
	}
	l.tick = 0
}

// pop removes and returns one conn whose deadline has passed at now; call it until ok is false. Conns set meanwhile to
// a deadline already past are returned too.
func (w *wheel) pop(now time.Duration) (j uint32, ok bool) {
	last := uint32(now / w.tick)
	for {
		tick := w.occupied()
		if tick > last {
			// Nothing may be put into a bucket that was passed, but the one of this instant may fill again.
			w.current = max(w.current, last)
			return 0, false
		}
		w.current = tick
		j = w.heads[tick&wheelMask]
		w.unlink(j)
		switch wake := w.conns[j].wake; {
		case wake <= now:
			return j, true
		case wake != never:
			w.set(j, false) // it was lazy, or beyond the horizon
		}
	}
}

// next returns the instant of the first bucket that is not empty; never if all are.
func (w *wheel) next() time.Duration {
	w.soonest = never
	if t := w.occupied(); t != nobody {
		w.soonest = time.Duration(t) * w.tick
	}
	return w.soonest
}

// occupied returns the first tick from current on whose bucket is not empty.
func (w *wheel) occupied() uint32 {
	from := w.current & wheelMask
	word := w.bits[from/64] &^ (1<<(from%64) - 1)
	for i := range uint32(wheelSize/64 + 1) {
		at := (from/64 + i) % (wheelSize / 64)
		if i > 0 {
			word = w.bits[at]
		}
		if word != 0 {
			b := at*64 + uint32(bits.TrailingZeros64(word))
			return w.current + (b-from)&wheelMask
		}
	}
	return nobody
}
