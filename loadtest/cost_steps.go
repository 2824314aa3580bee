package loadtest

import (
	"context"
	"fmt"
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
	descriptors int64 // of the tree; with those that it keeps since

	// How long a server may take to let go of what the generator has closed, which would be in the next step's figures; and
	// how long until a few descriptors more than before are taken for such that it keeps, as of a log.
	patience, patienceWithFew time.Duration
}

func newStaircase(r runner, c Config) (*staircase, error) {
	s := &staircase{runner: r, patience: 10 * time.Second, patienceWithFew: time.Second}
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
		if s.descriptors < 0 {
			var p problems
			p.add("ServerPID is %d, whose descriptors cannot be counted, so that nobody can tell when it has let go of conns: did it end? "+
				"If it is another user's, run the test as that user", c.ServerPID)
			return nil, p.err()
		}
	}
	s.cfg = c
	return s, nil
}

// climb goes up the staircase so many times.
func (s *staircase) climb(ctx context.Context, repeats int) (*Cost, error) {
	top := s.cfg.Connections
	n := steps{top / 4, top / 2, top}
	var remains remains
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
			remains.add(at.before, n[i])
			for figure, held := range at.figures {
				repeat[figure][i] = held
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
	remains.takeOff(&all, n)
	for figure, m := range cost.figures() {
		*m = marginalOf(figureKinds[figure], n, all[figure])
		remains.forbid(m, figure)
	}
	return cost, nil
}

// A footing is what was held on a step.
type footing struct {
	of      string
	before  Resources
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
	if err := s.letGo(ctx, n); err != nil {
		return footing{}, err
	}
	h := r.ServerUse.Hold
	return footing{r.ServerUse.Of, r.ServerUse.Before, [...]int64{h.Heap, h.Stack, h.Goroutines, h.Descriptors, rss, kernel}}, nil
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

// letGo waits until the server has let go of the n conns of a step. For goroutines that go with them the next run waits: see
// Server.settle.
func (s *staircase) letGo(ctx context.Context, n int) error {
	began := time.Now()
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for {
		left, err := s.left()
		switch took := time.Since(began); {
		case err != nil:
			return err
		case left <= 0:
			return nil
		case s.tree != nil && left <= fewFor(n) && took > s.patienceWithFew:
			s.descriptors += left
			return nil
		case took > s.patience:
			return fmt.Errorf("loadtest: what a conn costs cannot be measured: %v after the generator had closed all conns, the "+
				"server still has %d %s open: does it read from them, to see that they were closed?", s.patience, left, s.whats())
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return fmt.Errorf("loadtest: measuring what a conn costs was cancelled: %w", context.Cause(ctx))
		}
	}
}

// fewFor returns so few descriptors beside n conns that they are not those of conns.
func fewFor(n int) int64 { return max(noiseCount, int64(n)/20) }

// left returns how many conns there are more than before the first step; of a tree, descriptors.
func (s *staircase) left() (int64, error) {
	if s.tree == nil {
		return s.cfg.Server.Counts().Open - s.open, nil
	}
	now := s.tree.Descriptors()
	if now < 0 {
		return 0, fmt.Errorf("loadtest: what a conn costs cannot be measured: the descriptors of process tree %d can no longer be "+
			"counted: did it end?", s.cfg.ServerPID)
	}
	return now - s.descriptors, nil
}

func (s *staircase) whats() string {
	if s.tree != nil {
		return "descriptors more than before"
	}
	return "of them"
}
