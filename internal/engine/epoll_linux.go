package engine

import (
	"sync"
	"syscall"
	"time"

	"example.com/holdfast/internal/netpoll"
)

// An epollWorker drives the conns of one worker by epoll. Its loop is: wait, handle events, handle deadlines, open what
// the ramp asks for, look at the phases, arm the timer. Events come before deadlines, so that what has arrived is known
// before anything is called late.
type epollWorker struct {
	machine
	*wheel
	run   *epollRun
	poll  *netpoll.Poller
	recv  *netpoll.Receiver
	peers netpoll.Asker

	opened     int           // conns whose first attempt was begun
	connecting int           // attempts in flight
	most       int           // of them
	armed      time.Duration // when the timer fires; never: not armed
	planned    time.Duration // when the worker is to wake up by itself
	nextSecond time.Duration
	looked     time.Duration // when the events that are handled were found
	realtime   int64         // the real-time clock at the start of the run, in ns
}

// An epollRun is what the workers of a run share.
type epollRun struct {
	clock     clock
	plan      *Plan
	stamps    bool // the kernel stamps what arrives
	batching  bool // sockets are read once a tick
	phases    *phases
	timeline  *timeline
	endpoints []*netpoll.Endpoint
	local     []*netpoll.Endpoint
	workers   []*epollWorker

	mu       sync.Mutex
	address  uint8 // endpoint in use
	accepted bool  // it has accepted: it stays
}

const (
	readBuffer  = 64 << 10 // a larger response takes more than one read
	eventBatch  = 512
	openPerTurn = 128 // so that opening all at once does not keep events waiting
)

func newEpollWorker(r *epollRun, index int) (*epollWorker, error) {
	poll, err := netpoll.NewPoller(eventBatch, r.batching)
	if err != nil {
		return nil, err
	}
	w := &epollWorker{
		machine: *newMachine(r.plan, r.phases, r.plan.worker(index)),
		run:     r, poll: poll, recv: netpoll.NewReceiver(readBuffer),
		most: max(1, r.plan.MaxConnecting/r.plan.Workers), armed: never, nextSecond: time.Second,
	}
	w.wheel = newWheel(r.plan.Tick, w.machine.conns)
	return w, nil
}

// loop runs until the run is over. It returns an error only if the poller fails.
func (w *epollWorker) loop() error {
	w.bracket()
	for {
		w.turn(w.run.clock.now())
		if w.over() {
			w.closeAll()
			return nil
		}
		n, err := w.poll.Wait(w.delay())
		if err != nil {
			w.abandon(w.run.clock.now())
			w.closeAll()
			return err
		}
		w.events(n)
	}
}

// events handles the n events that Wait found, and all that are behind them: what has arrived is to be known before a
// deadline is judged, a phase ends, or a request is sent into a conn that was closed meanwhile. The set reports each conn
// once a round, so the rounds are bounded even where conns answer faster than we ask; those that lost conns do not count.
func (w *epollWorker) events(n int) {
	most := len(w.machine.conns)/eventBatch + 1
	lost := w.tally.Conns.Dropped
	w.looked = w.run.clock.now()
	w.tally.lateFor(w.planned, w.looked)
	for rounds := most; ; rounds-- {
		for i := range n {
			if ev, ok := w.poll.At(i); ok {
				w.handle(ev)
			} else {
				w.armed = never
			}
		}
		if w.tally.Conns.Dropped > lost && w.run.clock.now()-w.looked >= recentLook {
			rounds = most
		} else if n < eventBatch || rounds == 0 {
			return
		}
		w.looked, lost = w.run.clock.now(), w.tally.Conns.Dropped
		n, _ = w.poll.Look() // an error would come again in Wait
	}
}

// recentLook is how old a look at which conns were lost may be before the next requests are sent: a server that closes one
// conn may close all, and what is sent into those that it has closed meanwhile is lost by our fault.
const recentLook = time.Millisecond

func (w *epollWorker) over() bool {
	if w.phases.cancelled.Load() {
		w.abandon(w.run.clock.now())
		return true
	}
	return w.drained()
}

// turn does all that is due at now, events aside.
func (w *epollWorker) turn(now time.Duration) {
	for j, ok := w.pop(now); ok; j, ok = w.pop(now) {
		w.expire(j, now)
	}
	w.openDue(now)
	w.adjust(w.advance(now))
	for w.askDue() <= now {
		w.act(w.ask(now))
	}
	w.adjust(w.advance(now))
	for ; w.nextSecond <= now; w.nextSecond += time.Second {
		w.bracket()
		w.tally.lateFor(w.nextSecond, now)
		w.run.timeline.add(&w.tally, w.nextSecond, w.phase)
		w.tally.lateFor(w.nextSecond, now) // so has the next one begun
	}
}

// openDue opens what the ramp asks for, and again what was lost.
func (w *epollWorker) openDue(now time.Duration) {
	for n := 0; n < openPerTurn && w.mayOpen() && w.rampDue() <= now; n++ {
		w.open(uint32(w.opened))
		w.opened++
	}
	for n := 0; n < openPerTurn && w.mayOpen(); n++ {
		j, ok := w.reopenNext(now)
		if !ok {
			return
		}
		w.open(j)
	}
}

// adjust follows what advance changed.
func (w *epollWorker) adjust(c change) {
	if !c.released && !c.frozen {
		return
	}
	for j := range w.machine.conns {
		if c := &w.machine.conns[j]; c.state == closed {
			w.hangUp(c)
		}
		w.set(uint32(j), false)
	}
	if c.frozen {
		w.connecting = 0
	}
}

func (w *epollWorker) mayOpen() bool { return w.connecting+w.unproven < w.most }

// rampDue returns the instant at which the ramp opens the next conn; never if it has opened all.
func (w *epollWorker) rampDue() time.Duration {
	if w.opened == len(w.machine.conns) {
		return never
	}
	return w.plan.Ramp.At(w.slot(uint32(w.opened)))
}

// open begins the attempt of conn j, at the address in use.
func (w *epollWorker) open(j uint32) {
	w.dial(j, w.run.clock.now())
	w.connecting++
	w.connect(j)
}

func (w *epollWorker) connect(j uint32) {
	c := &w.machine.conns[j]
	address := w.run.addressInUse()
	c.addr = address
	var local *netpoll.Endpoint
	if n := len(w.run.local); n > 0 {
		local = w.run.local[w.slot(j)%n]
	}
	fd, pending, err := netpoll.Connect(w.run.endpoints[address], local, w.run.stamps)
	switch {
	case err == syscall.EAGAIN && w.plan.Target.Unix != "":
		// A unix socket whose backlog is full refuses at once instead of waiting; ask again each tick.
		c.wake = min(c.sent+w.plan.ConnectTimeout, w.run.clock.now()+max(w.plan.Tick, time.Millisecond))
		w.set(j, false)
		return
	case err != nil:
		w.connectFailed(j, err)
		return
	}
	c.fd = int32(fd)
	if err := w.poll.Add(fd, j, pending); err != nil {
		w.connectFailed(j, err)
		return
	}
	if pending {
		c.wake = w.run.giveUp(c, w.run.clock.now())
		w.set(j, false)
		return
	}
	w.up(j)
}

func (w *epollWorker) up(j uint32) {
	c := &w.machine.conns[j]
	w.connecting--
	w.run.accept(c.addr)
	slow := w.Slow.Connects
	wanted := w.established(j, w.run.clock.now())
	if w.Slow.Connects > slow {
		resent(c, &w.Slow.ConnectsRetransmitted)
	}
	w.act(j, wanted)
}

// expire handles a deadline of conn j that had passed at now.
func (w *epollWorker) expire(j uint32, now time.Duration) {
	c := &w.machine.conns[j]
	switch c.state {
	case dialling:
		// Once more, so that our own stall is not taken for the server's.
		if c.fd >= 0 && netpoll.Connected(int(c.fd)) {
			w.up(j)
			return
		}
		if now < c.sent+w.plan.ConnectTimeout && (c.fd < 0 || w.run.nextAddress(c.addr)) {
			w.hangUp(c)
			w.connect(j) // once more: the unix backlog was full, or the address said nothing in its share of the time
			return
		}
		if c.wake = c.sent + w.plan.ConnectTimeout; c.wake > now {
			w.set(j, false) // another conn found the address to be the right one meanwhile
			return
		}
		w.connecting--
	case writing, waiting:
		// The same, with all that there is, the end of the stream too.
		for n := 0; n < mostLastReads && w.read(j, false); n++ {
			if c.wake > now || c.state == closed {
				return
			}
		}
	}
	w.act(j, w.woken(j, now))
}

// handle tells the machine what the kernel reported.
func (w *epollWorker) handle(ev netpoll.Event) {
	c := &w.machine.conns[ev.ID]
	if c.state == dialling {
		if err := netpoll.ConnectError(int(c.fd)); err != nil {
			w.connectFailed(ev.ID, err)
			return
		}
		if !ev.Writable {
			return
		}
		w.tally.lateFor(w.looked, w.run.clock.now())
		w.up(ev.ID)
	}
	if ev.Readable {
		w.read(ev.ID, ev.Hup)
	}
	if ev.Writable && c.state == writing {
		w.act(ev.ID, wantWrite)
	}
}

// read reads what there is: once, unless that filled the buffer or the peer has closed, and carries out what the
// machine wants then. It reports whether there was anything.
func (w *epollWorker) read(j uint32, hup bool) (some bool) {
	c := &w.machine.conns[j]
	result := wantWait
	for c.state != closed {
		data, stamp, more, again, err := w.recv.Read(int(c.fd))
		if again {
			break
		}
		some = true
		now := w.run.clock.now()
		switch {
		case err != nil:
			result = w.broken(j, now, err)
		case len(data) == 0:
			result = w.eof(j, now, endingOf(w.peers.Of(int(c.fd)), len(w.plan.Request)))
		default:
			arrived, stamped := now, false
			if at := time.Duration(stamp - w.realtime); stamp != 0 && at >= c.sent && at <= now {
				arrived, stamped = at, true
			} else {
				w.tally.lateFor(w.looked, now) // it may have been there since
			}
			slow := w.Slow.Answers
			if result = w.received(j, data, arrived, now, stamped); w.Slow.Answers > slow {
				resent(c, &w.Slow.AnswersRetransmitted)
			}
		}
		if !more && !hup {
			break
		}
	}
	w.act(j, result)
	return some
}

// act carries out what the machine wants of conn j, and puts its deadline into the wheel.
func (w *epollWorker) act(j uint32, wanted want) {
	c := &w.machine.conns[j]
	if wanted == wantWrite {
		wanted = w.write(j, c)
	}
	if wanted == wantHangUp {
		w.hangUp(c)
	}
	// Under a pause the deadline is moved at once: left behind, it would cost a wake-up.
	w.set(j, c.state == waiting)
}

func (w *epollWorker) write(j uint32, c *conn) want {
	sent := w.run.clock.now()
	n, err := netpoll.Write(int(c.fd), w.plan.Request[w.offset(j):])
	if err != nil {
		return w.broken(j, sent, err)
	}
	result := w.wrote(j, sent, n)
	if c.state == writing {
		if err := w.poll.Modify(int(c.fd), j, true); err != nil {
			return w.broken(j, sent, err)
		}
	}
	return result
}

func (w *epollWorker) hangUp(c *conn) {
	if c.fd >= 0 {
		netpoll.Abort(int(c.fd))
		c.fd = -1
	}
}

func (w *epollWorker) closeAll() {
	w.peers.Close()
	for j := range w.machine.conns {
		w.hangUp(&w.machine.conns[j])
	}
}
