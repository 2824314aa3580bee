package engine

import (
	"bytes"
	"time"

	"example.com/holdfast/internal/http1"
)

// wireTruth is what has passed over a wire, as seen from outside: what the engine must make of it follows from that alone.
type wireTruth struct {
	began    time.Duration // of the attempt
	up       bool
	upAt     time.Duration
	fallen   bool // the engine must have given it up by now
	served   int64
	ready    time.Duration // of the last answer, or established
	bodyless bool          // the last answer had none
	proven   time.Duration // when the request was sent that was answered last

	next    time.Duration // when the cadence wants the next request
	owed    bool          // it was due when the sweep ended
	due     bool          // the driver was told to write it
	dueAt   time.Duration // since then
	planned time.Duration // when it should have left: then, or when the conn was ready
	taken   int           // bytes of it that the client's kernel took
	sent    time.Duration
	ofHold  bool   // it fell due in hold
	of      *reply // of which a part has come
	off     int
}

// slotTruth is what has become of a slot, over all its attempts.
type slotTruth struct {
	attempts int64
	up       bool
	answered bool
	lost     time.Duration // since when it was not answered; -1: none is to be recovered
	failures int           // attempts in a row without an answer
	retry    time.Duration // when the next attempt is to be made at the earliest,
	retryBy  time.Duration // and, where nothing forbids it, at the latest
	drawn    uint32        // pauses
}

// truth is the simulation's own ledger.
type truth struct {
	conns    Conns
	requests Requests
	stamps   Stamps
	losses   map[lossKind]*lossTruth
	unwanted map[int]int64

	connect, latency, service, lag, wait, recovery time.Duration // sums
	behind, holdLatency, holdService               time.Duration
	holdAnswered, holdLost                         int64
	slowConnects, slowAnswers                      int64
	services                                       [2]time.Duration // what the seconds' spectra must sum up to: least, most
	opened                                         time.Duration
	late                                           []time.Duration // by second, at least

	idle          time.Duration // of all idle times, of which there were idles
	idles, closes int64
	retries       []time.Duration
	rampEnd       time.Duration // the latest instant at which a slot's first attempt was served or failed

	carried, seen, preempted [numFaults]int64
}

// A lossKind is what drops are compared by.
type lossKind struct {
	phase Phase
	cause Cause
	errno string
	rule  string
}

type lossTruth struct {
	count             int64
	first, last       time.Duration
	fewest, most      int64         // requests served before
	shortest, longest time.Duration // idle
}

// place returns where the wire is in its exchange.
func (x *wire) place() place {
	switch v := &x.truth; {
	case v.of != nil && v.off >= v.of.headEnd:
		return inBody
	case v.of != nil:
		return inHead
	case v.taken > 0 && v.served > 0:
		return atWaiting
	case v.taken > 0:
		return atFirst
	case v.served == 0:
		return atUnused
	case v.due:
		return atDue
	}
	return atRest
}

// wrote notes that the client's kernel took n bytes in a write begun at sent.
func (s *simulation) wrote(x *wire, sent time.Duration, n int) {
	v := &x.truth
	if n > 0 && v.taken == 0 {
		if sent < v.planned {
			s.failf("slot %d sends at %v what is due at %v", x.slotNumber(), sent, v.planned)
		}
		v.sent = sent
		s.truth.requests.Sent++
		rampEnd := time.Duration(s.phases.rampEnd.Load())
		if v.ofHold = v.dueAt >= rampEnd && v.dueAt < rampEnd+s.plan.Hold; v.ofHold {
			s.truth.requests.HoldSent++
		}
		s.truth.lag += sent - v.planned
		s.truth.behind += max(0, v.ready-v.dueAt)
		if v.planned == v.dueAt {
			s.truth.lateIn(x.w.nextSecond, sent-v.planned)
		}
		s.endOfIdle(x, sent)
		s.leaves(x, sent)
	}
	v.taken += n
}

func (x *wire) slotNumber() int { return x.w.slot(x.j) }

// endOfIdle notes that a wire was idle until now.
func (s *simulation) endOfIdle(x *wire, now time.Duration) {
	if x.w.phase < PhaseDrain {
		s.truth.idle += max(0, now-x.truth.ready)
		s.truth.idles++
	}
}

// got notes what a read returned.
func (s *simulation) got(x *wire, data []byte, arrived, now time.Duration, stamped bool) {
	v := &x.truth
	switch {
	case v.taken == 0:
		s.lose(x, now, lossKind{cause: s.stray(x, s.took[0], data)})
		return
	case stamped && arrived > v.sent+s.plan.ResponseTimeout:
		s.ended(x, now, byTimeout, "")
		return
	}
	early := v.taken < len(s.plan.Request)
	for i, g := range s.took {
		data = data[g.to-g.from:] // what follows it
		if v.of == nil {
			v.of, v.off = g.of, 0
		}
		switch r := v.of; {
		case g.from > 0 && v.off == 0: // what is left of stray bytes, taken for a response
			v.of = nil
			s.lose(x, now, lossKind{cause: Malformed, rule: http1.NotHTTP.String()})
			return
		case r.breaks > 0 && g.to >= r.breaks:
			v.off = g.to
			s.lose(x, now, lossKind{cause: r.cause, rule: r.rule})
			return
		case r.whole > 0 && g.to >= r.whole:
			s.answered(x, r, arrived, now, stamped)
			if g.to > r.whole {
				s.lose(x, now, lossKind{cause: s.stray(x, segment{of: r, from: r.whole}, r.raw[r.whole:g.to])})
			} else if len(data) > 0 {
				s.lose(x, now, lossKind{cause: s.stray(x, s.took[i+1], data)})
			} else {
				s.afterwards(x, r, early, now)
			}
			return
		}
		v.off = g.to
	}
}

// stray names bytes that came while no request was on the wire. They begin with those of g.
func (s *simulation) stray(x *wire, g segment, data []byte) Cause {
	switch v := &x.truth; {
	case g.of == s.says.late && g.from == 0 && len(data) >= g.of.statusAt:
		return RequestTimeout
	case s.plan.Head && v.served > 0 && !v.bodyless && !bytes.HasPrefix(data, []byte("HTTP/")):
		return BodyAfterHead
	}
	return IdleBytes
}

// answered notes a complete response.
func (s *simulation) answered(x *wire, r *reply, arrived, now time.Duration, stamped bool) {
	t, v := &s.truth, &x.truth
	q := &t.requests
	q.Answered++
	q.Interim += int64(r.interim)
	if class := r.status / 100; class < len(q.Status) {
		q.Status[class]++
	} else {
		q.Status[0]++
	}
	if r.status < s.plan.WantLowest || r.status > s.plan.WantMost {
		q.Unwanted++
		t.unwanted[r.status]++
	}
	t.stamps.add(stamped)
	t.latency += arrived - v.dueAt
	t.service += arrived - v.sent
	t.wait += now - arrived
	t.measured(v, arrived, stamped, &s.plan)
	if limit := v.sent + s.plan.ResponseTimeout; stamped && arrived > limit {
		s.failf("slot %d: a response of %v was in time for %v", x.slotNumber(), arrived, limit)
	}
	v.served++
	v.bodyless, v.proven, v.ready = r.bodyless, v.sent, arrived
	v.due, v.taken, v.of, v.off = false, 0, nil, 0
	if slot := &x.slot; v.served == 1 {
		s.resolve(x, now)
		slot.answered, slot.failures = true, 0
		if slot.lost >= 0 {
			t.conns.Recovered++
			t.recovery += arrived - slot.lost
			slot.lost = -1
		}
	}
}

// afterwards notes that a response may have been the last one on its conn.
func (s *simulation) afterwards(x *wire, r *reply, early bool, now time.Duration) {
	switch {
	case !r.keep && r.status == 408:
		s.lose(x, now, lossKind{cause: RequestTimeout})
	case !r.keep, early:
		s.lose(x, now, lossKind{cause: ClosedAnnounced})
	default:
		s.planNext(x, now)
	}
}

// ended notes that the driver was told of the end of a wire, or gave it up.
func (s *simulation) ended(x *wire, now time.Duration, how endHow, errno string) {
	v, at := &x.truth, x.place()
	if how <= byRace && v.of != nil && v.of.untilClose && v.off >= v.of.headEnd {
		r := v.of
		s.answered(x, r, now, now, false)
		s.afterwards(x, r, false, now)
		return
	}
	cause := causeOf[how][at]
	left := now
	if how == byRace {
		left = v.sent
	}
	if cause == ResetWriting && left-v.planned > max(punctual, s.plan.Tick) {
		cause = ResetWritingLate
	}
	if limit := v.sent + s.plan.ResponseTimeout; how == byTimeout && v.taken > 0 && (now < limit || x.readable(limit)) {
		s.failf("slot %d is given up at %v, when its time is up at %v and what came before was read: %v", x.slotNumber(), now,
			limit, !x.readable(limit))
	}
	s.lose(x, now, lossKind{cause: cause, errno: errno})
}

// lose notes that the engine must have lost a conn.
func (s *simulation) lose(x *wire, now time.Duration, kind lossKind) {
	t, v := &s.truth, &x.truth
	if v.fallen = true; v.served == 0 {
		s.resolve(x, now)
	}
	idle := max(0, now-v.ready)
	if v.taken > 0 {
		idle = max(0, v.sent-v.ready)
	} else {
		s.endOfIdle(x, now)
	}
	if x.w.phase < PhaseDrain {
		t.conns.Dropped++
		s.note(x, kind, now, idle)
		if kind.cause.endsIdle(v.taken > 0) {
			t.closes++
		}
		s.retryLater(x, now)
	}
	q := &t.requests
	switch {
	case v.due && v.taken == 0:
		q.Unsent++
	case v.taken == 0:
	case kind.cause == ResponseTimedOut, kind.cause == ResponseUnfinished:
		q.TimedOut++
		t.latency += v.sent + s.plan.ResponseTimeout - v.dueAt
	case kind.cause == Malformed, kind.cause == HeadTooLarge, kind.cause == TooManyInterim, kind.cause == Unexpected101:
		q.Malformed++
	default:
		q.LostWithConn++
	}
	if v.taken > 0 && v.ofHold {
		t.holdLost++
	}
	s.attribute(x, kind.cause)
}
