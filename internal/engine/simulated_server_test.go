package engine

import (
	"syscall"
	"time"
)

// serverSide is what the server knows of a wire.
type serverSide struct {
	doom   fault // what it will do to it
	after  int   // so many answers at the earliest
	struck bool  // it did

	gone     bool // its socket is closed
	reached  bool // some of the latest request arrived before that
	got      int  // bytes of a request
	asked    int  // requests
	answered int
	timer    int32 // number of the idle timeout that counts
}

// plot draws what is to become of a new connection.
func (s *simulation) plot(x *wire) {
	if !s.chance(s.faulty) {
		return
	}
	v := &x.server
	v.doom = s.kinds[s.IntN(len(s.kinds))]
	v.after = int(s.ExpFloat64() * s.faultAfter)
	if faults[v.doom].when == onIdle {
		v.after = max(1, v.after)
	}
}

// strikes notes that the server does what it was to do to a wire.
func (s *simulation) strikes(x *wire) {
	x.server.struck = true
	s.truth.carried[x.server.doom]++
}

// happen carries out an event.
func (s *simulation) happen(e simEvent) {
	if e.kind == eventCancel {
		s.phases.cancel()
		return
	}
	w := s.workers[int(e.slot)%s.plan.Workers]
	x := &w.wires[int(e.slot)/s.plan.Workers]
	if e.life != x.life || !x.open {
		return
	}
	switch e.kind {
	case eventOutcome, eventArrival:
		s.notify(x, e.at)
		return
	case eventWritable:
		x.writable = true
		s.notify(x, e.at)
		return
	}
	if resumes := s.stalledUntil(e.at); resumes > e.at {
		e.at = resumes
		s.queue.push(e)
		return
	}
	switch v := &x.server; e.kind {
	case eventAccept:
		s.awaitRequest(x, e.at)
		if v.doom != noFault && faults[v.doom].when == onAccept {
			s.later(x, eventFault, e.at+s.upTo(s.idleFor), 0)
		}
	case eventRequest:
		s.request(x, e.at, int(e.n))
	case eventAnswer:
		s.answer(x, e.at)
	case eventFault:
		if !v.struck && (faults[v.doom].when != onAccept || v.asked == 0) {
			s.strike(x, e.at)
		}
	case eventIdle:
		if e.n == v.timer && !v.struck && v.got == 0 {
			if v.doom = closesAtRest; v.answered == 0 {
				v.doom = closesUnused
			}
			s.strike(x, e.at)
		}
	}
}

// stalledUntil returns when a server that does nothing at now goes on.
func (s *simulation) stalledUntil(now time.Duration) time.Duration {
	for _, st := range s.stalls {
		if now >= st.from && now < st.to {
			return st.to
		}
	}
	return now
}

// awaitRequest starts the server's idle timeout.
func (s *simulation) awaitRequest(x *wire, now time.Duration) {
	if s.serverIdle > 0 {
		x.server.timer++
		s.later(x, eventIdle, now+s.serverIdle, int(x.server.timer))
	}
}

// request takes n bytes of a request.
func (s *simulation) request(x *wire, now time.Duration, n int) {
	v := &x.server
	if v.gone {
		if x.rst == never {
			s.reset(x, now+s.transit(), syscall.ECONNRESET)
		}
		return
	}
	v.reached = true
	v.got += n
	doomed := v.doom != noFault && !v.struck && v.answered >= v.after
	if v.got < len(s.plan.Request) {
		if doomed && faults[v.doom].when == onPart {
			s.strike(x, now)
		}
		return
	}
	v.got -= len(s.plan.Request)
	v.asked++
	v.timer++
	switch {
	case doomed && faults[v.doom].when == onRequest:
		s.strike(x, now)
	case !v.struck:
		service := s.spread(s.service)
		if s.chance(s.slow) {
			service += s.upTo(2 * s.plan.ResponseTimeout)
		}
		s.later(x, eventAnswer, now+service, 0)
	}
}

func (s *simulation) answer(x *wire, now time.Duration) {
	v := &x.server
	if v.struck {
		return
	}
	all := s.says.usual
	switch {
	case s.chance(s.unwanted):
		all = s.says.unwanted
	case s.chance(0.001):
		s.send(x, s.says.large, len(s.says.large.raw), now)
		all = nil
	}
	if all != nil {
		r := all[s.IntN(len(all))]
		s.send(x, r, len(r.raw), now)
	}
	v.answered++
	s.awaitRequest(x, now)
	if v.doom != noFault && faults[v.doom].when == onIdle && v.answered >= v.after {
		s.later(x, eventFault, now+s.upTo(s.idleFor), 0)
	}
}

// leaves is called when a request leaves the client, before it has arrived.
func (s *simulation) leaves(x *wire, now time.Duration) {
	v := &x.server
	v.reached = false
	if v.doom != noFault && !v.struck && faults[v.doom].when == onLeaving && v.answered >= v.after {
		s.strike(x, now-s.latency+s.upTo(s.latency))
	}
}

// strike carries out what the server has in mind for a wire.
func (s *simulation) strike(x *wire, now time.Duration) {
	s.strikes(x)
	v, says := &x.server, s.says
	at := now + s.transit()
	switch v.doom {
	case closesUnused, closesAtRest, closesWaiting, closesAsRequestLeaves:
		s.close(x, at, true)
	case resetsUnused, resetsAtRest, resetsWaiting, resetsAsRequestLeaves, breaksTLS, breaksTransport, exhaustsHost:
		s.reset(x, at, faults[v.doom].err)
	case halfClosesAtRest, halfClosesWaiting:
		s.close(x, at, false)
	case sendsIdleBytes:
		s.send(x, says.stray, len(says.stray.raw), now)
	case sends408:
		s.close(x, s.send(x, says.late, len(says.late.raw), now), true)
	case staysSilent:
	default:
		s.strikeInResponse(x, now)
	}
}

// strikeInResponse carries out what spoils a response.
func (s *simulation) strikeInResponse(x *wire, now time.Duration) {
	v, says := &x.server, s.says
	r := says.usual[s.IntN(len(says.usual))]
	whole := func(r *reply) time.Duration { return s.send(x, r, len(r.raw), now) }
	oneOf := func(all []*reply) *reply { return all[s.IntN(len(all))] }
	switch v.doom {
	case closesInHead:
		s.close(x, s.send(x, r, 1+s.IntN(r.headEnd-1), now), true)
	case closesInBody:
		r = oneOf(says.bodies)
		s.close(x, s.send(x, r, r.headEnd+s.IntN(len(r.raw)-r.headEnd), now), true)
	case resetsInResponse:
		s.reset(x, s.send(x, r, 1+s.IntN(r.whole-1), now), faults[v.doom].err)
	case drips:
		pieces := min(r.whole, 2+s.IntN(5))
		for k := range pieces {
			s.sendPart(x, segment{of: r, from: r.whole * k / pieces, to: r.whole * (k + 1) / pieces}, now)
			now += s.plan.ResponseTimeout * 6 / 5 / time.Duration(pieces-1)
		}
	case announces, answersEarly:
		if r = oneOf(says.announced); v.doom == answersEarly && s.chance(0.5) {
			r = says.usual[0]
		}
		s.close(x, whole(r), true)
	case breaksHTTP:
		whole(oneOf(says.malformed))
	case sendsEndlessHead:
		whole(says.endless)
	case sendsInterims:
		whole(says.interims)
	case switches:
		whole(says.switching)
	case sendsMore:
		whole(oneOf(says.more))
	}
}
