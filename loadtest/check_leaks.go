package loadtest

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"regexp"
	"runtime"
	"slices"
	"sync"
	"time"
)

// round is a run of which nothing but its conns may stay: each is opened, answers twice, and is closed. They open at once where
// the ramp would outlast the server's patience with the first of them, which are silent meanwhile.
func (c *check) round() Config {
	cfg := c.cfg
	cfg.Cadence, cfg.Hold, cfg.Reopen, cfg.Progress = Silent(), -1, Reopen{}, nil
	ramp, conns := cfg.Ramp.effective(), orDefault(cfg.Connections, defaultConnections)
	if ramp.Every > 0 && times(conns/ramp.Conns, ramp.Every) > orDefault(cfg.IdleTimeout, defaultIdleTimeout)/2 {
		cfg.Ramp = Ramp{Every: -1}
	}
	return cfg
}

// A leakCheck opens and closes the conns in rounds.
type leakCheck struct {
	*check
	open       int64 // conns of others, such as a client's that asked whether the server is there
	goroutines int   // there were before the run
	begun      int64 // runs in this process; those that are not its own are others'
}

// watch is called before the run.
func (c *check) watch() *leakCheck {
	l := &leakCheck{check: c, goroutines: runtime.NumGoroutine()}
	if c.cfg.Server != nil {
		l.open = c.cfg.Server.Counts().Open
	}
	return l
}

// leaks is called after it, with its report.
func (c *leakCheck) leaks(ctx context.Context, r *Report) *Leaks {
	l := &Leaks{Conns: r.Conns.Requested}
	c.begun = runs.everBegun()
	run := c.budget
	run.LeakRounds = 0
	switch {
	case runs.any():
		l.Cut = otherRun
		return l
	case r.Judge(run).Outcome == Fail:
		l.Cut = "the run before them broke the budget"
		return l
	}
	var before, after kept
	floor := c.goroutines + noiseCount // what a server keeps for all its conns may be a goroutine or two
	for i := range c.budget.LeakRounds {
		c.tellf("leak round %d of %d: all conns are opened and closed", i+1, c.budget.LeakRounds)
		if l.Cut = c.openAndClose(ctx); l.Cut != "" {
			return l
		}
		before, after = after, c.settle(ctx, floor)
		floor = int(after.Goroutines)
		l.Rounds = append(l.Rounds, after.Resources)
	}
	if slices.ContainsFunc(l.lines(c.budget.LeakRounds), func(l line) bool { return l.beyond(l.optimistic) }) {
		l.Stayed = append(after.beyond(before), c.heapThatStays(ctx)...)
	}
	return l
}

const otherRun = "another run in this process went on at the same time"

// openAndClose carries out a round; it returns why it does not count.
func (c *leakCheck) openAndClose(ctx context.Context) string {
	run := c.runner()
	run.held, run.fine, run.collects = nil, false, false
	r, err := run.run(ctx, c.round())
	c.begun++
	switch {
	case err != nil:
		return err.Error()
	case r.Conns.Held < c.budget.leastHeld(r.Conns.Requested):
		return fmt.Sprintf("%d of %d conns were lost (%s)", r.Conns.Requested-r.Conns.Held, r.Conns.Requested,
			orNone(r.losses(func(Cause) bool { return true }), "no cause is known"))
	case runs.everBegun() != c.begun:
		return otherRun
	}
	return ""
}

// A kept is what the process holds when its conns are closed.
type kept struct {
	Resources
	stacks stacks
	files  map[string]int
}

// leakPatience is how long what is on its way out may take: handlers that end, a server's own clean-up. It is waited only for what
// would otherwise count as a leak.
const leakPatience = 5 * time.Second

// settle waits until the server has let go of its conns and there are no more goroutines than floor, and reads what is held. It
// waits a moment in any case: the runtime drops timers that were stopped, and what they refer to, when it looks at timers
// next.
func (c *leakCheck) settle(ctx context.Context, floor int) kept {
	select {
	case <-ctx.Done():
	case <-time.After(5 * time.Millisecond):
	}
	c.cfg.Server.returnTo(ctx, c.open, floor, leakPatience)
	return kept{Resources: settledResources(), stacks: takeStacks(), files: openFiles()}
}

// beyond says which goroutines and files there are now and were not before.
func (k kept) beyond(before kept) (all []string) {
	if k.Goroutines > before.Goroutines+noiseCount {
		for _, text := range k.stacks.since(before.stacks).most(3) {
			all = append(all, "goroutines: "+text)
		}
	}
	if k.Descriptors > before.Descriptors+noiseCount {
		for kind, n := range k.files {
			if more := n - before.files[kind]; more > 0 {
				all = append(all, fmt.Sprintf("descriptors: %d of %s", more, kind))
			}
		}
	}
	return all
}

var numbered = regexp.MustCompile(`\[\d+\]`)

// openFiles counts the descriptors of this process by what they are of; none where the system does not show it.
func openFiles() map[string]int {
	kinds := map[string]int{}
	entries, _ := os.ReadDir("/dev/fd")
	for _, e := range entries {
		if target, err := os.Readlink("/dev/fd/" + e.Name()); err == nil {
			kinds[numbered.ReplaceAllString(target, "")]++
		}
	}
	return kinds
}

var profiling sync.Mutex

// heapThatStays carries out a round more in which each allocation is recorded, and says which were not freed. It does not where
// go test writes a profile of its own, which would have samples of two rates.
func (c *leakCheck) heapThatStays(ctx context.Context) (all []string) {
	if f := flag.Lookup("test.memprofile"); f != nil && f.Value.String() != "" {
		return nil
	}
	profiling.Lock() // in bubbles no turns are taken
	defer profiling.Unlock()
	rate := runtime.MemProfileRate
	defer func() { runtime.MemProfileRate = rate }()
	runtime.MemProfileRate = 1
	before := inUse()
	if c.openAndClose(ctx) != "" {
		return nil
	}
	c.settle(ctx, c.goroutines+noiseCount)
	grown := inUse()
	for at, bytes := range grown {
		grown[at] = bytes - before[at]
	}
	sites := slices.SortedFunc(maps.Keys(grown), func(a, b [32]uintptr) int {
		return cmp.Or(cmp.Compare(grown[b], grown[a]), slices.Compare(a[:], b[:]))
	})
	conns := int64(orDefault(c.cfg.Connections, defaultConnections))
	for _, at := range sites {
		if grown[at] < mostLeakedHeap/4*conns || len(all) == 3 {
			break
		}
		record := runtime.StackRecord{Stack0: at}
		if from := framesText(record.Stack()); from != "" { // the runtime's own are the goroutines' that stayed
			all = append(all, fmt.Sprintf("heap: %s for each conn from %s", size(grown[at]/conns), from))
		}
	}
	return all
}

// inUse returns the bytes that the heap profile has as not freed, by where they were allocated.
func inUse() map[[32]uintptr]int64 {
	runtime.GC() // a profile is of the collection before the last
	runtime.GC()
	n, _ := runtime.MemProfile(nil, false)
	records := make([]runtime.MemProfileRecord, n+200)
	n, ok := runtime.MemProfile(records, false)
	for ; !ok; n, ok = runtime.MemProfile(records, false) {
		records = make([]runtime.MemProfileRecord, n+n/8)
	}
	sum := map[[32]uintptr]int64{}
	for _, r := range records[:n] {
		sum[r.Stack0] += r.InUseBytes()
	}
	return sum
}
