package loadtest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"os"
	"regexp"
	"runtime"
	"slices"
	"time"
)

// round is a run of which nothing but its conns may stay: each is opened, answers twice, and is closed.
func (c *check) round() Config {
	cfg := c.cfg
	cfg.Cadence, cfg.Hold, cfg.Reopen, cfg.Progress = Silent(), -1, Reopen{}, nil
	return cfg
}

// leaks opens and closes the conns in rounds, after the run whose report is r.
func (c *check) leaks(ctx context.Context, r *Report) (*Leaks, error) {
	l := &Leaks{Conns: r.Conns.Requested}
	var before, after kept
	floor := 0 // of goroutines: how many there were before
	for range c.budget.LeakRounds {
		if l.Cut = c.openAndClose(ctx); l.Cut != "" {
			return l, context.Cause(ctx)
		}
		before, after = after, c.settle(ctx, floor)
		floor = int(after.Goroutines)
		l.Rounds = append(l.Rounds, after.Resources)
	}
	if slices.ContainsFunc(l.lines(c.budget.LeakRounds), func(l line) bool { return l.beyond(l.optimistic) }) {
		l.Stayed = append(after.beyond(before), c.heapThatStays(ctx)...)
	}
	return l, context.Cause(ctx)
}

// openAndClose carries out a round; it returns why it does not count.
func (c *check) openAndClose(ctx context.Context) string {
	run := c.runner()
	run.held, run.fine, run.collects = nil, false, false
	r, err := run.run(ctx, c.round())
	switch {
	case err != nil:
		return err.Error()
	case r.Conns.Held < r.Conns.Requested:
		return fmt.Sprintf("%d of %d conns were lost (%s)", r.Conns.Requested-r.Conns.Held, r.Conns.Requested,
			orNone(r.losses(func(Cause) bool { return true }), "no cause is known"))
	case r.Generator.Shared && c.cfg.Server == nil:
		return "another run in this process went on at the same time"
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

// settle waits until the server has let go of its conns and there are no more goroutines than floor, and reads what is held.
func (c *check) settle(ctx context.Context, floor int) kept {
	for end := time.Now().Add(leakPatience); ctx.Err() == nil && time.Now().Before(end); {
		if c.cfg.Server.Counts().Open == 0 && (runtime.NumGoroutine() <= floor || floor == 0) {
			break
		}
		select {
		case <-ctx.Done():
		case <-time.After(5 * time.Millisecond):
		}
	}
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

// heapThatStays carries out a round more in which each allocation is recorded, and says which were not freed.
func (c *check) heapThatStays(ctx context.Context) (all []string) {
	rate := runtime.MemProfileRate
	defer func() { runtime.MemProfileRate = rate }()
	runtime.MemProfileRate = 1
	before := inUse()
	if c.openAndClose(ctx) != "" {
		return nil
	}
	c.settle(ctx, 0)
	grown := inUse()
	for at, bytes := range grown {
		grown[at] = bytes - before[at]
	}
	sites := slices.SortedFunc(maps.Keys(grown), func(a, b [32]uintptr) int {
		return cmp.Or(cmp.Compare(grown[b], grown[a]), slices.Compare(a[:], b[:]))
	})
	conns := int64(orDefault(c.cfg.Connections, defaultConnections))
	for _, at := range sites[:min(3, len(sites))] {
		if grown[at] < mostLeakedHeap/4*conns {
			break
		}
		n := slices.Index(at[:], 0)
		if n < 0 {
			n = len(at)
		}
		all = append(all, fmt.Sprintf("heap: %s for each conn from %s", size(grown[at]/conns), framesText(at[:n])))
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
