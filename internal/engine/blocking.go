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
// instant passes as a read deadline. The machine is run by another, under a lock that it shares with the coordinator; so
// are read deadlines set: who changes what a conn should do sets its deadline to the past, and that cannot be missed.
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
	attempts chan uint32   // conns to open, for the dialers
	events   chan *event   // from the conns to the machine
	done     chan struct{} // closed when the run is over
	wg       sync.WaitGroup

	mu sync.Mutex
	*machine
	transports []net.Conn // by conn; nil: not open
	opened     int        // conns whose attempt was begun
	dialled    int        // conns before it are not dialling any more
	connecting int
	dialers    int // goroutines that carry out attempts, but for those that are overdue

	deadlinesWork bool // a read deadline has ended a Read
	over          bool
	nextSecond    time.Duration
}

func runBlocking(ctx context.Context, p *Plan) (*Result, error) {
	r := &blockingRun{clock: clock{time.Now()}, plan: *p, changed: make(chan struct{}, 1), nextSecond: time.Second,
		attempts: make(chan uint32, max(1, p.MaxConnecting)), events: make(chan *event), done: make(chan struct{})}
	r.plan.Workers, r.plan.Tick = 1, 0 // deadlines of Go's own timers lie on no grid
	r.phases = newPhases(p.Slots, 1, p.Hold)
	r.phases.nudge = r.nudge
	r.timeline = newTimeline(1, p.Progress)
	r.machine = newMachine(&r.plan, r.phases, 0)
	r.transports = make([]net.Conn, p.Slots)

	// Cancelled when the run is over, and not before: an attempt that ends because of it is abandoned, not failed.
	dialCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	r.wg.Go(r.steps)
	r.coordinate(ctx, dialCtx)
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
	for r.mayOpen() && r.plan.Ramp.at(r.opened) <= now {
		j := uint32(r.opened)
		r.opened++
		r.connecting++
		r.dial(j, now)
		if r.connecting > r.dialers {
			r.dialers++
			r.wg.Go(func() { r.dialer(dialCtx) })
		}
		r.attempts <- j
		if r.opened == len(r.conns) {
			close(r.attempts)
		}
	}
	if r.advance(now) {
		for j, nc := range r.transports {
			if nc != nil {
				r.wake(uint32(j))
			}
		}
	}
	for r.sweepDue() <= now {
		j, _ := r.ask(now)
		r.wake(j)
	}
	r.advance(now)
	r.failOverdue(now)
	for ; r.nextSecond <= now; r.nextSecond += time.Second {
		r.timeline.add(&r.tally, r.nextSecond, r.phase)
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

// dialGrace is what an attempt may take beyond ConnectTimeout to say why it failed.
const dialGrace = 100 * time.Millisecond

// failOverdue gives up attempts whose Dial does not heed its context. What they open in the end is closed.
func (r *blockingRun) failOverdue(now time.Duration) {
	for ; r.dialled < r.opened; r.dialled++ {
		c := &r.conns[r.dialled]
		if c.state != dialling {
			continue
		}
		if now < c.wake+dialGrace {
			return
		}
		r.connecting--
		r.dialers--
		r.failed(uint32(r.dialled), now, ConnectTimedOut, errDeafDial)
	}
}

var (
	errDeafDial     = errors.New("DialContext did not return when its context was done")
	errDeafDeadline = errors.New("SetReadDeadline has no effect on this conn: its Read does not return")
)

// deafAfter is how late a deadline may be that has never worked in this run.
const deafAfter = time.Second

// findDeaf loses conns on which a read deadline does nothing, as on some wrappers: else they would never send a request.
func (r *blockingRun) findDeaf(now time.Duration) {
	if r.deadlinesWork {
		return
	}
	for j, nc := range r.transports {
		if c := &r.conns[j]; nc != nil && c.wake < now-deafAfter {
			r.lose(uint32(j), now, TransportError, errDeafDeadline)
			abort(nc)
			r.transports[j] = nil
		}
	}
}

func (r *blockingRun) mayOpen() bool {
	return r.opened < len(r.conns) && r.connecting+r.unproven < max(1, r.plan.MaxConnecting)
}

func (r *blockingRun) nextTurn() time.Duration {
	next := min(r.nextSecond, r.sweepDue())
	if r.mayOpen() {
		next = min(next, r.plan.Ramp.at(r.opened))
	}
	if r.phase == PhaseHold {
		next = min(next, r.phases.holdEnd())
	}
	if r.dialled < r.opened && r.conns[r.dialled].state == dialling {
		next = min(next, r.conns[r.dialled].wake+dialGrace)
	}
	return next
}

// dialer carries out attempts, one after the other, until there are no more or the run is over.
func (r *blockingRun) dialer(ctx context.Context) {
	for {
		select {
		case j, more := <-r.attempts:
			if !more || !r.connect(ctx, j) {
				return
			}
		case <-r.done:
			return
		}
	}
}

// connect carries out one attempt, and hands the conn to a goroutine with a fresh, small stack. It reports whether it
// was in time: else another dialer has taken the place of this one.
func (r *blockingRun) connect(dialCtx context.Context, j uint32) (inTime bool) {
	ctx, cancel := context.WithTimeout(dialCtx, r.plan.ConnectTimeout)
	defer cancel()
	nc, err := r.open(ctx, r.slot(j))
	now := r.clock.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over || r.conns[j].state != dialling { // too late
		if err == nil {
			abort(nc)
		}
		return false
	}
	r.connecting--
	if r.mayOpen() {
		r.nudge() // the cap on attempts in flight held others back
	}
	if err != nil {
		r.failed(j, r.clock.now(), causeOfConnect(err), err)
		return true
	}
	r.transports[j] = nc
	r.established(j, now)
	r.wg.Add(1)
	go r.serve(&event{conn: j, nc: nc, next: make(chan step, 1), small: make([]byte, smallRead)})
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
