package engine

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"example.com/holdfast/internal/netpoll"
)

// A blockingRun drives any net.Conn: one goroutine per conn, blocked in Read until bytes arrive or the conn's wake
// instant passes as a read deadline. The machine is run by another (see Plan.OneStack), under a lock that it shares with the
// coordinator; so are read deadlines set: who changes what a conn should do sets its deadline to the past, and that cannot
// be missed.
//
// Dialling needs a deep stack, which the conn should not keep: a few dialers do it, one attempt after the other.
//
// Note: a goroutine per attempt leaves holes among the conns' stacks: 5.4 KB a conn instead of 4.0 (2026-11).
type blockingRun struct {
	clock    clock
	plan     Plan
	phases   *phases
	timeline *timeline
	changed  chan struct{} // the coordinator should look
	attempts chan attempt  // to carry out, for the dialers
	events   chan *event   // from the conns to the machine
	done     chan struct{} // closed when the run is over
	wg       sync.WaitGroup

	mu sync.Mutex
	*machine
	transports []net.Conn // by conn; nil: not open
	last       []uint32   // by conn: number of its last attempt
	opened     int        // conns whose first attempt was begun
	dialling   []attempt  // the oldest first, those that have ended among them
	connecting int
	dialers    int // goroutines that carry out attempts, but for those that are overdue

	peers         netpoll.Asker
	deadlinesWork bool // a read deadline has ended a Read
	over          bool
	nextSecond    time.Duration
	wakes         time.Duration // when the coordinator looks by itself
}

// An attempt is one try to open a conn.
type attempt struct {
	conn   uint32
	number uint32 // of the conn's, from 1: what belongs to an earlier one comes too late
	end    time.Duration
}

func runBlocking(ctx context.Context, p *Plan) (*Result, error) {
	r := &blockingRun{clock: startOf(p), plan: *p, changed: make(chan struct{}, 1), nextSecond: time.Second, wakes: never,
		attempts: make(chan attempt, max(1, p.MaxConnecting)), events: make(chan *event), done: make(chan struct{})}
	r.plan.Workers, r.plan.Tick = 1, 0 // deadlines of Go's own timers lie on no grid
	r.phases = phasesOf(&r.plan)
	r.phases.nudge = r.nudge
	r.timeline = timelineOf(&r.plan)
	r.machine = newMachine(&r.plan, r.phases, r.plan.worker(0))
	r.transports, r.last = make([]net.Conn, len(r.conns)), make([]uint32, len(r.conns))

	// Cancelled when the run is over, and not before: an attempt that ends because of it is abandoned, not failed.
	dialCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	r.clock.begin(ctx)
	r.phases.now = r.clock.now
	r.wg.Go(r.steps)
	r.coordinate(ctx, dialCtx)
	r.phases.close()
	cancel()
	r.join()
	res := result(&r.plan, r.phases, r.timeline, "blocking", []*machine{r.machine}, r.clock.now())
	if r.abandoned {
		return res, context.Cause(ctx)
	}
	return res, nil
}

func (r *blockingRun) nudge() {
	select {
	case r.changed <- struct{}{}:
	default:
	}
}

// coordinate opens conns as the ramp asks, moves from phase to phase, asks in the sweep, and ends the run.
func (r *blockingRun) coordinate(ctx, dialCtx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			r.phases.cancelled.Store(true)
		case <-r.changed:
		case <-timer.C:
		}
		next, over := r.turn(dialCtx)
		if over {
			return
		}
		timer.Reset(next - r.clock.now())
	}
}

// turn does all that is due now, and returns when the next turn is due at the latest.
func (r *blockingRun) turn(dialCtx context.Context) (next time.Duration, over bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.clock.now()
	r.lateFor(r.wakes, now)
	r.openDue(dialCtx, now)
	r.adjust(r.advance(now))
	for r.askDue() <= now {
		j, _ := r.ask(now)
		r.wake(j)
	}
	r.adjust(r.advance(now))
	r.failOverdue(now)
	for ; r.nextSecond <= now; r.nextSecond += time.Second {
		r.lateFor(r.nextSecond, now)
		r.timeline.add(&r.tally, r.nextSecond, r.phase)
		r.lateFor(r.nextSecond, now) // so has the next one begun
		r.findDeaf(now)
	}
	switch {
	case r.phases.cancelled.Load():
		r.abandon(now)
		r.closeAll()
	case r.drained():
		r.closeAll()
	}
	return r.nextTurn(), r.over
}

// openDue opens what the ramp asks for, and again what was lost.
func (r *blockingRun) openDue(dialCtx context.Context, now time.Duration) {
	for r.mayOpen() && r.rampDue() <= now {
		r.begin(dialCtx, uint32(r.opened), now)
		if r.opened++; r.opened == len(r.conns) && r.plan.Reopen.Rate == 0 {
			close(r.attempts) // the dialers' stacks are not needed any more
		}
	}
	for r.mayOpen() {
		j, ok := r.reopenNext(now)
		if !ok {
			return
		}
		r.begin(dialCtx, j, now)
	}
}

// begin begins an attempt, and starts a dialer if none is free.
func (r *blockingRun) begin(dialCtx context.Context, j uint32, now time.Duration) {
	r.connecting++
	r.dial(j, now)
	if r.connecting > r.dialers {
		r.dialers++
		r.wg.Go(func() { r.dialer(dialCtx) })
	}
	r.last[j]++
	a := attempt{j, r.last[j], r.conns[j].wake + dialGrace}
	r.dialling = append(r.dialling, a)
	r.attempts <- a
}

// adjust follows what advance changed.
func (r *blockingRun) adjust(c change) {
	if c.released {
		for j, nc := range r.transports {
			if nc != nil {
				r.wake(uint32(j))
			}
		}
	}
	if c.frozen {
		r.connecting, r.dialling = 0, nil // what they open in the end is closed
	}
}

// dialGrace is what an attempt may take beyond ConnectTimeout to say why it failed.
const dialGrace = 100 * time.Millisecond

// failOverdue gives up attempts whose Dial does not heed its context. What they open in the end is closed.
func (r *blockingRun) failOverdue(now time.Duration) {
	for len(r.dialling) > 0 {
		a := r.dialling[0]
		if r.isCurrent(a) {
			if now < a.end {
				return
			}
			r.connecting--
			r.dialers--
			r.failed(a.conn, now, ConnectTimedOut, errDeafDial)
		}
		r.dialling = r.dialling[1:]
	}
	r.dialling = nil // so that its memory does not grow
}

// isCurrent reports whether a is still under way.
func (r *blockingRun) isCurrent(a attempt) bool {
	return r.last[a.conn] == a.number && r.conns[a.conn].state == dialling
}

var (
	errDeafDial     = errors.New("DialContext did not return when its context was done")
	errDeafDeadline = errors.New("SetReadDeadline has no effect on this conn: its Read does not return")
)

// deafAfter is how late a deadline may be that has never worked in this run. A machine that has far more to do than it can
// keeps goroutines waiting for more than a second.
const deafAfter = 5 * time.Second

// findDeaf loses conns on which a read deadline does nothing, as on some wrappers: else they would never send a request.
func (r *blockingRun) findDeaf(now time.Duration) {
	if r.deadlinesWork {
		return
	}
	for j, nc := range r.transports {
		if c := &r.conns[j]; nc != nil && c.wake < now-deafAfter {
			r.lose(uint32(j), now, TransportError, evidence{err: errDeafDeadline})
			abort(nc)
			r.transports[j] = nil
		}
	}
}

func (r *blockingRun) mayOpen() bool { return r.connecting+r.unproven < max(1, r.plan.MaxConnecting) }

// letOpen has the coordinator look if there is something to open: the cap on attempts in flight may have held it back, or a
// conn was just lost.
func (r *blockingRun) letOpen() {
	if due := min(r.rampDue(), r.reopenDue()); due != never && r.mayOpen() && due < r.wakes {
		r.nudge()
	}
}

// rampDue returns the instant at which the ramp opens the next conn; never if it has opened all.
func (r *blockingRun) rampDue() time.Duration {
	if r.opened == len(r.conns) {
		return never
	}
	return r.plan.Ramp.At(r.slot(uint32(r.opened)))
}

func (r *blockingRun) nextTurn() time.Duration {
	next := min(r.nextSecond, r.askDue(), r.phases.next(r.phase))
	if r.mayOpen() {
		next = min(next, r.rampDue(), r.reopenDue())
	}
	if len(r.dialling) > 0 {
		next = min(next, r.dialling[0].end)
	}
	r.wakes = next
	return next
}

// dialer carries out attempts, one after the other, until there are no more or the run is over.
func (r *blockingRun) dialer(ctx context.Context) {
	for {
		select {
		case a, more := <-r.attempts:
			if !more || !r.connect(ctx, a) {
				return
			}
		case <-r.done:
			return
		}
	}
}

// connect carries out one attempt, and hands the conn to a goroutine with a fresh, small stack. It reports whether it
// was in time: else another dialer has taken the place of this one.
func (r *blockingRun) connect(dialCtx context.Context, a attempt) (inTime bool) {
	ctx, cancel := context.WithTimeout(dialCtx, r.plan.ConnectTimeout)
	defer cancel()
	nc, err := r.open(ctx, r.slot(a.conn))
	now := r.clock.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over || !r.isCurrent(a) { // too late
		if err == nil {
			abort(nc)
		}
		return false
	}
	r.connecting--
	defer r.letOpen()
	if err != nil {
		r.failed(a.conn, r.clock.now(), causeOfConnect(err), err)
		return true
	}
	r.transports[a.conn] = nc
	r.established(a.conn, now)
	r.wg.Add(1)
	go r.serve(&event{conn: a.conn, attempt: a.number, nc: nc, next: make(chan step, 1), small: make([]byte, smallRead)})
	return true
}

// open dials. A unix socket whose backlog is full refuses at once instead of waiting, so that is tried again.
func (r *blockingRun) open(ctx context.Context, slot int) (net.Conn, error) {
	for {
		nc, err := r.plan.Dial(ctx, slot)
		if !netpoll.Again(err) {
			return nc, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(againEvery):
		}
	}
}

// againEvery is how often a full backlog is asked again.
const againEvery = 5 * time.Millisecond

// wake makes conn j's goroutine look at what it should do.
func (r *blockingRun) wake(j uint32) {
	// A conn that cannot is found out by its own goroutine.
	_ = r.transports[j].SetReadDeadline(time.Unix(1, 0))
}

// closeAll ends everything that is open.
func (r *blockingRun) closeAll() {
	r.over = true
	r.peers.Close()
	close(r.done)
	for j, nc := range r.transports {
		if nc != nil {
			abort(nc)
			r.transports[j] = nil
		}
	}
}

// joinWithin bounds the wait for a DialContext that does not heed its context. Its goroutine then closes what it still
// may open, and ends.
const joinWithin = time.Second

func (r *blockingRun) join() {
	joined := make(chan struct{})
	go func() {
		r.wg.Wait()
		close(joined)
	}()
	timer := time.NewTimer(joinWithin)
	defer timer.Stop()
	select {
	case <-joined:
	case <-timer.C:
	}
}

// abort closes a conn by RST where it can, without TLS's farewell, which could block.
func abort(nc net.Conn) {
	if t, ok := nc.(interface{ NetConn() net.Conn }); ok {
		nc = t.NetConn()
	}
	if l, ok := nc.(interface{ SetLinger(sec int) error }); ok {
		_ = l.SetLinger(0) // else it closes in order
	}
	nc.Close()
}
