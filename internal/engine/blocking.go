package engine

import (
	"context"
	"net"
	"sync"
	"time"
)

// A blockingRun drives any net.Conn: one goroutine per conn, blocked in Read until bytes arrive or the conn's wake
// instant passes as a read deadline. The machine is run by another, under a lock that it shares with the coordinator; so
// are read deadlines set: who changes what a conn should do sets its deadline to the past, and that cannot be missed.
//
// Dialling has a goroutine of its own per attempt, because it needs a deep stack that the conn then does not keep.
type blockingRun struct {
	clock    clock
	plan     Plan
	phases   *phases
	timeline *timeline
	changed  chan struct{} // the coordinator should look
	events   chan *event   // from the conns to the machine
	done     chan struct{} // closed when the run is over
	wg       sync.WaitGroup

	mu sync.Mutex
	*machine
	transports []net.Conn // by conn; nil: not open
	opened     int
	connecting int
	over       bool
	nextSecond time.Duration
}

func runBlocking(ctx context.Context, p *Plan) (*Result, error) {
	r := &blockingRun{clock: clock{time.Now()}, plan: *p, changed: make(chan struct{}, 1), nextSecond: time.Second,
		events: make(chan *event), done: make(chan struct{})}
	r.plan.Workers, r.plan.Tick = 1, 0 // deadlines of Go's own timers lie on no grid
	r.phases = newPhases(p.Slots, 1, p.Hold)
	r.phases.nudge = r.nudge
	r.timeline = newTimeline(1, p.Progress)
	r.machine = newMachine(&r.plan, r.phases, 0)
	r.transports = make([]net.Conn, p.Slots)

	dialCtx, cancel := context.WithCancel(ctx)
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
		r.wg.Go(func() { r.connect(dialCtx, j) })
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
	for ; r.nextSecond <= now; r.nextSecond += time.Second {
		r.timeline.add(&r.tally, r.nextSecond, r.phase)
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
	return next
}

// connect carries out one attempt, and hands the conn to a goroutine with a fresh, small stack.
func (r *blockingRun) connect(ctx context.Context, j uint32) {
	ctx, cancel := context.WithTimeout(ctx, r.plan.ConnectTimeout)
	defer cancel()
	nc, err := r.plan.Dial(ctx, r.slot(j))
	now := r.clock.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.connecting--
	if r.mayOpen() {
		r.nudge() // the cap on attempts in flight held others back
	}
	switch {
	case r.over:
		if err == nil {
			abort(nc)
		}
	case err != nil:
		r.failed(j, now, causeOfConnect(err), err)
	default:
		r.transports[j] = nc
		r.established(j, now)
		r.wg.Go(func() { r.serve(j, nc) })
	}
}

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
