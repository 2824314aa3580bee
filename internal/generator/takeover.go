package generator

import (
	"context"
	"encoding/gob"
	"errors"
	"os"
	"runtime"
	"sync"
	"time"

	"example.com/holdfast/internal/dialer"
	"example.com/holdfast/internal/engine"
	"example.com/holdfast/internal/netpoll"
	"example.com/holdfast/internal/spawn"
)

// How a child exits. 0 comes only after a run that was told to the end.
const (
	exitDone     = 0
	exitOrphaned = 3 // the parent is gone
	exitStranger = 4 // what the parent said is not what this build understands
)

// init takes this process over if it is a child. It comes after the init of packages that need less than this one, and
// before that of all that need net/http or testing. In every other process it does nothing.
//
// The main goroutine is locked to its thread while packages initialise: the child runs on another.
func init() {
	parent, ok := spawn.Inherited(variable)
	if !ok {
		return
	}
	found := Start{PID: os.Getpid(), Goroutines: runtime.NumGoroutine() - 1}
	if user, system, ok := netpoll.ProcessCPU(); ok {
		found.CPU = user + system
	}
	go func() { os.Exit(childOf(parent, found)) }()
	select {}
}

// childOf is a child's life.
func childOf(parent *spawn.Parent, found Start) (code int) {
	conn, err := parent.Meet()
	switch {
	case errors.Is(err, spawn.ErrOrphaned):
		return exitOrphaned
	case err != nil:
		return exitStranger
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	c := &child{out: newSender(conn), begun: make(chan *begin, 1)}
	c.out.send(news{Hello: &found})
	go c.run(ctx)
	return c.obey(ctx, gob.NewDecoder(conn), cancel)
}

// A child carries out its share of a plan.
type child struct {
	out   *sender
	begun chan *begin

	mu      sync.Mutex
	done    bool
	release [engine.PhaseDrain]func(time.Duration) // by the phase that ends
}

// obey follows the parent's orders until it is gone, and returns how to exit then.
func (c *child) obey(ctx context.Context, in *gob.Decoder, cancel context.CancelFunc) (code int) {
	for {
		var o order
		if in.Decode(&o) != nil {
			c.mu.Lock()
			defer c.mu.Unlock()
			if c.done {
				return exitDone
			}
			return exitOrphaned
		}
		switch {
		case o.Begin != nil:
			c.begun <- o.Begin
		case o.Duel != nil:
			go c.duel(ctx, o.Duel)
		case o.Release != nil:
			c.mu.Lock()
			release := c.release[o.Release.Phase]
			c.mu.Unlock()
			release(o.Release.At)
		case o.Cancel:
			cancel()
		}
	}
}

// align tells the parent that this share has come to the end of a phase.
func (c *child) align(p engine.Phase, at time.Duration, release func(time.Duration)) {
	c.mu.Lock()
	c.release[p] = release
	c.mu.Unlock()
	c.out.send(news{Reached: &aligned{p, at}})
}

// run carries out the share, and tells how it ended.
func (c *child) run(ctx context.Context) {
	b := <-c.begun
	d := c.engine(ctx, b)
	c.mu.Lock()
	c.done = true
	c.mu.Unlock()
	c.out.send(news{Done: d})
	c.out.end()
}

func (c *child) engine(ctx context.Context, b *begin) *done {
	plan := b.Plan
	plan.Origin = time.Now().Add(b.Origin - netpoll.Monotonic())
	plan.Align = c.align
	plan.Second = func(s engine.Second) { c.out.send(news{Second: encoded(s)}) }
	if b.TLS != nil {
		config, err := b.TLS.config()
		if err != nil {
			return &done{Error: err.Error()}
		}
		plan.Dial = dialer.To(plan.Target, config)
	}
	before := takeUsage()
	r, err := engine.Run(ctx, plan)
	d := &done{Usage: takeUsage().since(before)}
	if r != nil {
		d.Began, d.Driver, d.Ends = true, r.Driver, r.Ends()
	}
	if d.Cancelled = err != nil && ctx.Err() != nil; err != nil && !d.Cancelled {
		d.Error = err.Error()
	}
	return d
}
