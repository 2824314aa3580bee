package engine

import (
	"syscall"
	"time"
)

// A segment is a part of a reply as it arrives at the client.
type segment struct {
	at       time.Duration
	of       *reply
	from, to int
}

// A wire is the connection of a slot to the simulated server: what both kernels know of it, and what is on its way. The
// slot's next attempt uses it again.
type wire struct {
	w    *simWorker
	j    uint32
	life uint32 // attempts so far

	// The client's kernel.
	open     bool          // it has a socket
	outcome  time.Duration // when the attempt comes to something
	refusal  error
	inbox    []segment
	read     int           // segments of the inbox that were read
	fin, rst time.Duration // when they arrive
	broken   error         // what rst is told as
	queued   bool          // the worker knows that there is something
	writable bool

	toClient, toServer time.Duration // when the last thing that is on its way arrives

	server serverSide
	truth  wireTruth
	slot   slotTruth
}

// connect begins an attempt. It returns whether that has come to something at once.
func (s *simulation) connect(x *wire, now time.Duration) (up bool, err error) {
	*x = wire{w: x.w, j: x.j, life: x.life + 1, inbox: x.inbox[:0], outcome: never, fin: never, rst: never,
		toClient: now, toServer: now, slot: x.slot}
	s.plot(x)
	f := x.server.doom
	x.open = f != isExhausted
	switch connect := f != noFault && faults[f].when == onConnect; {
	case f == isExhausted:
		s.strikes(x)
		return false, faults[f].err
	case f == neverAccepts:
		s.strikes(x)
		return false, nil
	case connect:
		s.strikes(x)
		x.refusal = faults[f].err
		x.outcome = now + s.transit() + s.transit()
		if f == kernelGivesUp {
			x.outcome += s.upTo(s.plan.ConnectTimeout * 5 / 4)
		}
	case s.instant:
		s.later(x, eventAccept, now+s.transit(), 0)
		return true, nil
	default:
		x.outcome = now + s.transit() + s.transit()
		if s.chance(s.slow) {
			x.outcome += s.upTo(s.plan.ConnectTimeout * 5 / 4)
		}
		s.later(x, eventAccept, x.outcome, 0)
	}
	s.later(x, eventOutcome, x.outcome, 0)
	return false, nil
}

// transit draws how long something is on its way.
func (s *simulation) transit() time.Duration { return s.latency + s.upTo(s.jitter) }

func (s *simulation) later(x *wire, kind eventOf, at time.Duration, n int) {
	s.queue.push(simEvent{at: at, slot: int32(x.slotNumber()), life: x.life, kind: kind, n: int32(n)})
}

// hangUp closes the client's end at once.
func (x *wire) hangUp() {
	x.open = false
	x.inbox, x.read = x.inbox[:0], 0
}

// write gives the kernel the rest of a request. It takes a part, or nothing, if its buffer is full.
func (s *simulation) write(x *wire, now time.Duration, rest []byte) (n int, err error) {
	switch {
	case x.rst <= now && x.fin <= now:
		return 0, syscall.EPIPE
	case x.rst <= now:
		return 0, x.broken
	}
	n = len(rest)
	if s.chance(s.partial) {
		n = s.IntN(len(rest) + 1)
	}
	if n > 0 {
		x.toServer = max(x.toServer, now+s.transit())
		s.later(x, eventRequest, x.toServer, n)
	}
	if n < len(rest) {
		s.later(x, eventWritable, now+s.upTo(2*s.latency), 0)
	}
	return n, nil
}

// readable reports whether a read at now would return something.
func (x *wire) readable(now time.Duration) bool {
	return x.read < len(x.inbox) && x.inbox[x.read].at <= now || x.hup(now)
}

// hup reports whether the server's stream is known to have ended.
func (x *wire) hup(now time.Duration) bool { return x.fin <= now || x.rst <= now }

// receive reads what has arrived, into a buffer of the given size: the bytes, the arrival of the last one, and the segments
// that they are of. There are none at the end of the stream; again says that there is nothing yet.
func (s *simulation) receive(x *wire, now time.Duration, size int) (data []byte, stamp time.Duration, again bool, err error) {
	s.took = s.took[:0]
	for x.read < len(x.inbox) && len(data) < size {
		g := &x.inbox[x.read]
		if g.at > now {
			break
		}
		part := *g
		part.to = min(g.to, g.from+size-len(data))
		s.took = append(s.took, part)
		stamp = g.at
		if bytes := g.of.raw[g.from:part.to]; len(s.took) == 1 {
			data = bytes
		} else {
			if len(s.took) == 2 {
				data = append(s.buffer[:0], data...)
			}
			data = append(data, bytes...)
			s.buffer = data
		}
		if g.from = part.to; g.from == g.to {
			x.read++
		}
	}
	if x.read == len(x.inbox) {
		x.inbox, x.read = x.inbox[:0], 0
	}
	switch {
	case len(data) > 0:
		return data, stamp, false, nil
	case x.fin <= now: // what follows an end of stream is told to writers
		return nil, 0, false, nil
	case x.rst <= now:
		return nil, 0, false, x.broken
	}
	return nil, 0, true, nil
}

// ending tells what the client's kernel knows of the server's end.
func (s *simulation) ending(x *wire) ending {
	switch v := &x.server; {
	case !s.informed:
		return endUnknown
	case !v.gone:
		return endHalf
	case x.truth.taken > 0 && !v.reached:
		return endUntaken
	}
	return endUnknown
}

// send puts the first n bytes of a reply on their way, in one piece or several. It returns when the last arrives.
func (s *simulation) send(x *wire, r *reply, n int, now time.Duration) time.Duration {
	pieces := 1
	if s.chance(s.splitting) {
		pieces = 2 + s.IntN(4)
	}
	for from := 0; from < n; {
		to := n
		if pieces--; pieces > 0 {
			to = from + 1 + s.IntN(n-from)
		}
		s.sendPart(x, segment{of: r, from: from, to: to}, now)
		if from = to; s.chance(0.5) {
			now += s.upTo(s.latency)
		}
	}
	return x.toClient
}

func (s *simulation) sendPart(x *wire, part segment, now time.Duration) {
	x.toClient = max(x.toClient, now+s.transit())
	part.at = x.toClient
	x.inbox = append(x.inbox, part)
	s.later(x, eventArrival, part.at, 0)
}

// close ends the server's direction in order, and with gone its whole end.
func (s *simulation) close(x *wire, now time.Duration, gone bool) {
	x.server.gone = gone
	x.toClient = max(x.toClient, now)
	x.fin = x.toClient
	s.later(x, eventArrival, x.fin, 0)
}

// reset ends the wire; err is what the client is told.
func (s *simulation) reset(x *wire, now time.Duration, err error) {
	x.server.gone = true
	x.toClient = max(x.toClient, now)
	x.rst, x.broken = x.toClient, err
	s.later(x, eventArrival, x.rst, 0)
}
