package generator

import (
	"context"
	"errors"
	"fmt"
	"time"

	"example.com/holdfast/internal/dialer"
	"example.com/holdfast/internal/engine"
	"example.com/holdfast/internal/netpoll"
)

// A Duel holds the conns of two servers at once, and loads one server at a time, in short turns: what the machine does to
// the one it does to the other.
type Duel struct {
	Rivals [2]Rival
	Known  []int // processes whose CPU time is not that of strangers, besides the servers and this one; with all their descendants

	Outstanding int           // requests at a time
	Warm        time.Duration // for which each server is loaded before it counts
	Turn        time.Duration // how long a turn is
	First       []int         // who has the first turn of each round: 0 or 1
}

// A Rival is one of the two servers.
type Rival struct {
	Plan engine.Plan // its cadence and hold are not used
	TLS  *TLS        // nil: plain TCP or unix
	PID  int         // whose CPU clock is read
	Tree bool        // with the clocks of all its descendants
}

// A Turn is what one was.
type Turn struct {
	Of       int           // whose
	At       time.Duration // since the first turn of all
	Took     time.Duration
	Answered int64
	CPU      time.Duration // that the server used in it
	Between  time.Duration // that the server used since its turn before, on what it does by itself
	Foreign  float64       // share of the CPUs' time that strangers used; −1: unknown
	Steal    float64       // share that the hypervisor took; −1: unknown
}

// An Outcome is what became of a duel.
type Outcome struct {
	Turns []Turn
	Sides [2]Side
	Usage Usage // of the generator
	Error string
}

// A Side is what became of one server's conns and requests, in all of the duel.
type Side struct {
	Conns       engine.Conns
	Requests    engine.Requests
	Drops       []engine.Drop
	Unwanted    []engine.StatusCount
	ServiceTime *engine.Hist // in turns
}

// Duel carries one out in the first child, which can do nothing else then or after.
func (c *Children) Duel(ctx context.Context, d Duel) (*Outcome, error) {
	child := c.all[0]
	stop := context.AfterFunc(ctx, func() { child.Conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	child.out.send(order{Duel: &d})
	var n news
	err := child.in.Decode(&n)
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, fmt.Errorf("generator process %d ended: %s", child.start.PID, child.fate())
	case n.Outcome == nil:
		return nil, fmt.Errorf("generator process %d told something else than the outcome of a duel", child.start.PID)
	case n.Outcome.Error != "":
		return n.Outcome, fmt.Errorf("generator process %d: %s", child.start.PID, n.Outcome.Error)
	}
	return n.Outcome, nil
}

// duel is the child's side of it.
func (c *child) duel(ctx context.Context, d *Duel) {
	before := takeUsage()
	out := d.carryOut(ctx)
	out.Usage = takeUsage().since(before)
	c.mu.Lock()
	c.done = true
	c.mu.Unlock()
	c.out.send(news{Outcome: out})
	c.out.end()
}

func (d *Duel) carryOut(ctx context.Context) *Outcome {
	out := &Outcome{}
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	var sides [2]*contestant
	for i := range sides {
		var err error
		if sides[i], err = d.Rivals[i].begin(ctx, end, d.Outstanding); err != nil {
			out.Error = err.Error()
			return out
		}
	}
	m := newTurnMeter(d, sides)
	out.Turns, out.Error = d.turns(ctx, sides, m)
	end(errDuelOver)
	for i, s := range sides {
		<-s.over
		if s.result == nil {
			continue
		}
		out.Sides[i] = Side{s.result.Conns, s.result.Requests, s.result.Drops, s.result.Unwanted, s.bursts.ServiceTime()}
	}
	return out
}

var errDuelOver = errors.New("the duel is over")

// A contestant is the run that holds a server's conns.
type contestant struct {
	bursts *engine.Bursts
	clock  func() (time.Duration, bool)
	over   chan struct{}
	result *engine.Result
}

// longestService bounds what is recorded: an answer comes before its ResponseTimeout, or not at all.
func longestService(p engine.Plan) time.Duration { return max(p.ResponseTimeout, time.Second) }

func (r *Rival) begin(ctx context.Context, end context.CancelCauseFunc, outstanding int) (*contestant, error) {
	c := &contestant{bursts: engine.NewBursts(outstanding, longestService(r.Plan)), over: make(chan struct{})}
	c.clock = func() (time.Duration, bool) { return netpoll.CPUClock(r.PID) }
	if r.Tree {
		tree, ok := netpoll.NewTree(netpoll.NewMeter(), r.PID)
		if !ok {
			return nil, fmt.Errorf("there is no process %d", r.PID)
		}
		c.clock = func() (time.Duration, bool) { cpu, _ := tree.Read(); return cpu, cpu >= 0 && tree.Living() > 0 }
	}
	plan := r.Plan
	plan.Cadence, plan.Hold, plan.Bursts, plan.Workers = engine.Cadence{}, longestDuel, c.bursts, 1
	if r.TLS != nil {
		config, err := r.TLS.config()
		if err != nil {
			return nil, err
		}
		plan.Dial = dialer.To(plan.Target, config)
	}
	go func() {
		defer close(c.over)
		var err error
		if c.result, err = engine.Run(ctx, plan); err != nil {
			end(err)
		} else {
			end(errors.New("all conns were lost, or could not be opened"))
		}
	}()
	return c, nil
}

// longestDuel is longer than any: what ends it is its last turn.
const longestDuel = 24 * time.Hour

// turns has both servers loaded in turns, and measures.
func (d *Duel) turns(ctx context.Context, sides [2]*contestant, m *turnMeter) (turns []Turn, failed string) {
	for _, s := range sides {
		select {
		case <-s.bursts.Ready():
		case <-ctx.Done():
			return nil, context.Cause(ctx).Error()
		}
	}
	for i := range sides {
		if _, err := sides[i].bursts.Run(ctx, d.Warm, false); err != nil {
			return nil, err.Error()
		}
	}
	m.begin()
	for _, first := range d.First {
		for _, of := range [2]int{first, 1 - first} {
			t, err := m.turn(ctx, of, d.Turn)
			if err != nil {
				return turns, err.Error()
			}
			turns = append(turns, t)
		}
	}
	return turns, ""
}
