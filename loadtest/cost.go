package loadtest

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// CostOptions say how often [MeasureCost] measures.
type CostOptions struct {
	Repeats int // of the staircase; default 5, at least 2
}

// A Cost is what each connection more costs a server: the slope over a staircase of conns, not a share of what the process
// holds besides. It has no part in a verdict; a test compares its figures with limits of its own.
type Cost struct {
	Of      string `json:"of"`    // "test process", or "process tree 123"
	Conns   int    `json:"conns"` // at the top of the staircase
	Repeats int    `json:"repeats"`
	Seed    uint64 `json:"seed"` // of all runs

	// Live heap, stacks of goroutines and threads, goroutines, open descriptors. Of Config.ServerPID only the descriptors are
	// known.
	Heap        Marginal `json:"heap"`
	Stack       Marginal `json:"stack"`
	Goroutines  Marginal `json:"goroutines"`
	Descriptors Marginal `json:"descriptors"`

	// RSS is resident memory: of the test process after it has returned to the system what it can. Others are not asked to:
	// where one keeps what closed conns took, only the first staircase tells, as long as it never had as many conns before;
	// Low and High are then the slopes of its halves.
	RSS Marginal `json:"rss"`

	// Kernel is memory of the host's kernel in its slab caches and in TCP buffers. With the server's end of each conn the
	// generator's is in it, and what else the host does.
	Kernel Marginal `json:"kernel"`
}

// A Marginal is a figure for each connection, in bytes or a count. In JSON one that there is none of has only the reason.
type Marginal struct {
	PerConn float64 // the mean over the repeats. +Inf: there is none, so that no limit is kept by it; Why says why

	// The truth lies between these with a confidence of 95 %, by Student's t over the repeats.
	Low, High float64

	Why string // such as "not linear: …"; "" with a figure

	kind kind
}

// MeasureCost measures what each connection more costs a server: opens cfg.Connections (default 8000) in three steps, a quarter
// of them, half and all, each a run of its own with conns opened anew, and fits a line through what the server holds
// when each conn has answered and none has a request in flight. That is a repeat; there are opts.Repeats of them, for the
// interval. Before the first, one run of all conns does not count: what the test process keeps for good after its first
// conns, such as the records of goroutines that have ended, would be in the slope of one repeat and not of the others.
// What it keeps of each conn that was closed is not in the slopes; for that there is [Budget].LeakRounds.
//
// The server is cfg.Server, in the test process, and then the generator is in processes of its own; or the processes of
// cfg.ServerPID, of which less is known; their descriptors must be, to see when they have let go of a step's conns. Memory
// is read after three collections, and of each figure the least of three readings counts. In the figures of a cfg.Server are
// some 80 B of heap, of the listener that counts its conns.
//
// A figure is only given where a line fits: where the upper half of the staircase is steeper than the lower one, or flatter,
// by more than 2 %, 5 % of RSS and 10 % of Kernel, and by more than chance, it is "not linear", as with tables that double.
//
// cfg.Cadence, Hold and Reopen do not apply: each conn is silent but for the run's first and last request. Ramp does; by
// default 20 000 conns open a second. A repeat of 8000 conns takes some three seconds.
//
// Besides the errors of [Run] it returns a [*ConfigError] where the server cannot be told from the generator, and an error that
// says what became of the conns if any was lost, or any request failed: what a server holds that does not serve is not
// its cost. Other tests in the process, and other runs, are to wait meanwhile.
func MeasureCost(ctx context.Context, cfg Config, opts CostOptions) (*Cost, error) {
	r := systemRunner()
	if cfg.Connections == 0 {
		cfg.Connections = defaultCostConns
	}
	cfg.Cadence, cfg.Hold, cfg.Reopen = Silent(), -1, Reopen{}
	opts.Repeats = orDefault(opts.Repeats, defaultRepeats)
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	if err := cfg.measurable(opts); err != nil {
		return nil, err
	}
	s, err := newStaircase(r, cfg)
	if err != nil {
		return nil, err
	}
	return s.climb(ctx, opts.Repeats)
}

const (
	defaultCostConns = 8000
	defaultRepeats   = 5
	leastCostConns   = 100 // a page more or less is then less than a hundredth of what the conns take
)

var defaultCostRamp = Ramp{Conns: 200, Every: 10 * time.Millisecond}

// measurable says why the cost of a valid c cannot be measured; nil: it can.
func (c Config) measurable(opts CostOptions) error {
	var p problems
	if opts.Repeats < 2 {
		p.add("CostOptions.Repeats is %d: an interval takes two or more, and 0 is %d", opts.Repeats, defaultRepeats)
	}
	if c.Connections < leastCostConns {
		p.add("Connections is %d: a slope takes %d or more, and 0 is %d", c.Connections, leastCostConns, defaultCostConns)
	}
	if n := c.Connections / 4; c.Connections >= leastCostConns && c.Processes > n {
		p.add("Processes is %d, and of %d Connections the first step opens %d: each process needs at least one", c.Processes, c.Connections, n)
	}
	switch err := c.notPortable(); {
	case c.Server == nil && c.ServerPID == 0:
		p.add("whose cost to measure is not known: set Server, or ServerPID to the process of one that runs")
	case c.Server != nil && err != nil:
		p.add("Server is in this process, and to tell it from the generator that must be in another: %v", err)
	case c.Server != nil && c.Processes < 0:
		p.add("Processes is %d and Server is in this process: to tell it from the generator that must be in another; leave "+
			"Processes 0", c.Processes)
	}
	return p.err()
}

// String is a table: a line for each figure, with half the width of its interval.
func (c *Cost) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "each conn costs the %s (%d repeats up to %d conns; ± for 95 %% confidence)\n", c.Of, c.Repeats, c.Conns)
	for i, m := range c.figures() {
		fmt.Fprintf(&b, "%-13s%s\n", figureKinds[i].name, m)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// String writes the figure with half the width of its interval, or why there is none.
func (m Marginal) String() string {
	if m.Why != "" {
		return m.Why
	}
	return m.kind.write(m.PerConn) + " ± " + m.kind.write((m.High-m.Low)/2)
}

// figures returns them in the order of figureKinds.
func (c *Cost) figures() [figureCount]*Marginal {
	return [...]*Marginal{&c.Heap, &c.Stack, &c.Goroutines, &c.Descriptors, &c.RSS, &c.Kernel}
}
