package loadtest

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"example.com/holdfast/internal/netpoll"
)

// A staircase measures one server with different numbers of conns.
type staircase struct {
	runner runner
	cfg    Config // of a step; its Connections are the most
	tree   *netpoll.Family

	// Before the first step.
	open        int64 // conns
	goroutines  int
	descriptors int64 // of the tree
}

func newStaircase(r runner, c Config) *staircase {
	s := &staircase{runner: r, goroutines: runtime.NumGoroutine()}
	c.Cadence, c.Hold, c.Reopen = Silent(), -1, Reopen{}
	if c.Ramp == (Ramp{}) {
		c.Ramp = defaultCostRamp
	}
	if c.Server != nil {
		s.open = c.Server.Counts().Open
		if c.Processes == 0 {
			c.Processes = max(1, r.limits.processes(c))
		}
	} else if tree, ok := netpoll.NewTree(netpoll.NewMeter(), c.ServerPID); ok { // else Run says so
		s.tree, s.descriptors = tree, tree.Descriptors()
	}
	s.cfg = c
	return s
}

// climb goes up the staircase so many times.
func (s *staircase) climb(ctx context.Context, repeats int) (*Cost, error) {
	top := s.cfg.Connections
	n := steps{top / 4, top / 2, top}
	if s.tree == nil {
		if _, err := s.step(ctx, top); err != nil {
			return nil, err
		}
	}
	cost := &Cost{Conns: top, Repeats: repeats}
	var all [figureCount][]stepReadings
	for range repeats {
		var repeat [figureCount]stepReadings
		for i := range n {
			at, err := s.step(ctx, n[i])
			if err != nil {
				return nil, err
			}
			cost.Of = at.of
			for figure := range repeat {
				repeat[figure][i] = at.figures[figure]
			}
		}
		for figure := range all {
			all[figure] = append(all[figure], repeat[figure])
		}
	}
	cost.Seed = s.cfg.Seed
	if s.tree != nil {
		all[figureRSS] = fresh(all[figureRSS])
	}
	for figure, m := range cost.figures() {
		*m = marginalOf(figureKinds[figure], n, all[figure])
	}
	return cost, nil
}

// A footing is what was held on a step.
type footing struct {
	of      string
	figures [figureCount]int64
}

// step opens n conns and returns what the server held when all had answered.
func (s *staircase) step(ctx context.Context, n int) (footing, error) {
	cfg, run := s.cfg, s.runner
	cfg.Connections, run.collects = n, true
	rss, kernel := int64(-1), int64(-1)
	run.held = func() {
		if s.tree != nil {
			_, rss = s.tree.Read()
		} else {
			debug.FreeOSMemory()
			rss = netpoll.RSS()
		}
		kernel = netpoll.KernelMemory()
	}
	r, err := run.run(ctx, cfg)
	if err != nil {
		return footing{}, fmt.Errorf("loadtest: measuring what a conn costs, with %d of them: %w", n, err)
	}
	s.cfg.Seed = r.Seed
	if why := notServed(r); why != "" {
		return footing{}, fmt.Errorf("loadtest: what a conn costs cannot be measured, with %d of them: %s", n, why)
	}
	if err := s.letGo(ctx); err != nil {
		return footing{}, err
	}
	h := r.ServerUse.Hold
	return footing{r.ServerUse.Of, [...]int64{h.Heap, h.Stack, h.Goroutines, h.Descriptors, rss, kernel}}, nil
}

// notServed says what keeps a run from telling what its conns cost; "": nothing.
func notServed(r *Report) string {
	switch c := r.Conns; {
	case c.Held < c.Requested || c.Dropped > 0:
		return strings.TrimSpace(fmt.Sprintf("only %d were held. %s", c.Held, r.lossesText()))
	case r.Requests.Failed() > 0:
		return fmt.Sprintf("%d of %d requests failed. %s", r.Requests.Failed(), r.Requests.Sent, r.failuresText())
	case r.ServerUse.Shared:
		return "another run in this process went on at the same time: run them one after the other"
	}
	return ""
}

// How long a server may take to let go of what the generator has closed. Conns that it keeps would be in the next step's
// figures, and goroutines too; but those may be leaked, which the figures are to show.
const (
	letGoOfConns      = 10 * time.Second
	letGoOfGoroutines = time.Second
)

// letGo waits until the server has let go of the conns of a step.
func (s *staircase) letGo(ctx context.Context) error {
	began := time.Now()
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for {
		open, rest := s.left()
		switch took := time.Since(began); {
		case open <= 0 && (rest <= 0 || took > letGoOfGoroutines):
			return nil
		case took > letGoOfConns:
			return fmt.Errorf("loadtest: what a conn costs cannot be measured: %v after the generator had closed all conns, the "+
				"server still has %d of them open: does it read from them, to see that they were closed?", letGoOfConns, open)
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return fmt.Errorf("loadtest: measuring what a conn costs was cancelled: %w", context.Cause(ctx))
		}
	}
}

// left returns how many conns there are more than before the first step, and of what goes with them.
func (s *staircase) left() (open, rest int64) {
	if s.tree != nil {
		return 0, s.tree.Descriptors() - s.descriptors
	}
	return s.cfg.Server.Counts().Open - s.open, int64(runtime.NumGoroutine() - s.goroutines)
}
