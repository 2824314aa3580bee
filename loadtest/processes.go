package loadtest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"example.com/holdfast/internal/dialer"
	"example.com/holdfast/internal/engine"
	"example.com/holdfast/internal/generator"
)

// A ProcessError says that the generator processes of [Config].Processes could not be started. No connection was opened.
type ProcessError struct {
	Path string // the executable that was to be run again
	Err  error
}

func (e *ProcessError) Error() string {
	return fmt.Sprintf("loadtest: cannot start a generator process from %s: %v; a program that forbids it can generate in the "+
		"test process instead: set Config.Processes to -1", e.Path, e.Err)
}

func (e *ProcessError) Unwrap() error { return e.Err }

// A Process is one generator process of a run.
type Process struct {
	PID   int   `json:"pid"`
	Conns int64 `json:"conns"` // slots that were its: of n processes the i-th has slots i, i+n, i+2n, …

	Died   string        `json:"died,omitempty"` // how it ended before the run did, such as "signal: killed"; "": it did not
	DiedAt time.Duration `json:"died_at_ns"`     // since the start of the run
	Lost   int64         `json:"lost"`           // conns that were lost with it
}

// mostProcesses is more than any machine needs: one process carries as many conns as it may open files.
const mostProcesses = 64

// notPortable says why the conns of c cannot be opened by other processes; nil: they can.
func (c Config) notPortable() error {
	switch {
	case !generator.Supported:
		return errors.New("generator processes need Linux")
	case c.DialContext != nil:
		return errors.New("DialContext is a function, which cannot be given to another process")
	case c.network() == networkMemory:
		return errors.New("the Server is on memory, which only its own process reaches")
	case c.TLS != nil:
		if _, err := generator.Portable(c.TLS); err != nil {
			return fmt.Errorf("TLS is set and %w", err)
		}
	}
	return nil
}

// processes checks what a Config with generator processes asks for.
func (p *problems) processes(c Config) {
	n := c.Processes
	if n <= 0 {
		return
	}
	if err := c.notPortable(); err != nil {
		p.add("Processes is %d and %v: leave Processes 0", n, err)
	}
	if n > mostProcesses {
		p.add("Processes is %d: at most %d", n, mostProcesses)
	}
	if conns := orDefault(c.Connections, defaultConnections); conns > 0 && n > conns {
		p.add("Processes is %d, for %d Connections: each process needs at least one", n, conns)
	}
	if r := c.Reopen.effective(); r.PerSecond > 0 && n > r.PerSecond {
		p.add("Processes is %d and Reopen.PerSecond is %d: each process needs at least one attempt per second; raise the one or "+
			"lower the other", n, r.PerSecond)
	}
}

// generators are the children of a run; without any, the run is carried out in this process.
type generators struct {
	children *generator.Children
	tls      *generator.TLS
}

// startGenerators starts as many as c says. What it returns is to be closed, also if it fails.
func startGenerators(ctx context.Context, c Config, target engine.Target) (*generators, error) {
	g := &generators{}
	if c.Processes == 0 {
		return g, nil
	}
	var err error
	if g.children, err = generator.StartChildren(ctx, c.Processes); err != nil {
		return g, processError(err)
	}
	if c.TLS != nil {
		g.tls = verified(ctx, c, target)
	}
	return g, nil
}

func processError(err error) error {
	var failed *generator.StartError
	if errors.As(err, &failed) {
		return &ProcessError{failed.Path, failed.Err}
	}
	return &ProcessError{"this executable", err}
}

// verified does what children cannot: it has the server's certificate verified as c says, by a handshake of its own, for
// them to hold theirs against.
func verified(ctx context.Context, c Config, target engine.Target) *generator.TLS {
	portable, err := generator.Portable(c.TLS)
	if err != nil {
		panic("loadtest: a TLS config that was found portable is not: " + err.Error())
	}
	if c.TLS.InsecureSkipVerify {
		return portable
	}
	ctx, cancel := context.WithTimeout(ctx, c.ConnectTimeout)
	defer cancel()
	nc, state, err := dialer.Handshake(ctx, target, c.TLS)
	if err != nil {
		portable.Refuse(err)
		return portable
	}
	nc.Close()
	portable.PinTo(state)
	return portable
}

// pids returns the processes of the generator; of a nil g, which generates nothing, none.
func (g *generators) pids() []int {
	if g == nil || g.children == nil {
		return nil
	}
	return g.children.PIDs()
}

// origin returns when a run that is begun now starts.
func (g *generators) origin() time.Time {
	if g == nil || g.children == nil {
		return time.Now()
	}
	return generator.Origin()
}

// run carries out the plan.
func (g *generators) run(ctx context.Context, plan engine.Plan) (*engine.Result, []generator.Process, error) {
	if g.children == nil {
		res, err := engine.Run(ctx, plan)
		return res, nil, err
	}
	return g.children.Run(ctx, plan, g.tls)
}

// close ends the children.
func (g *generators) close() {
	if g.children != nil {
		g.children.Close()
	}
}

func processOf(p generator.Process) Process {
	return Process{PID: p.PID, Conns: p.Conns, Died: p.Died, DiedAt: p.At, Lost: p.Lost}
}
