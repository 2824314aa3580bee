package engine

import (
	"flag"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var (
	flagSeeds = flag.Int("seeds", 120, "TestSimulation: how many seeds, from 1 on")
	flagSeed  = flag.Uint64("seed", 0, "TestSimulation: this seed alone")
)

// A simulation is a run in virtual time: workers that drive machines, a network, and a server with all its faults. It
// keeps a ledger of its own of what passed over the network, and what the engine says must be the same.
type simulation struct {
	scenario
	dice
	t *testing.T

	phases   *phases
	timeline *timeline
	workers  []*simWorker
	queue    simQueue
	acting   *simWorker // whose step it is
	steps    int        // until the next interruption
	readings int        // until the next hiccup
	truth    truth

	took   []segment // by the latest read
	buffer []byte
}

func newSimulation(t *testing.T, seed uint64) *simulation {
	sim := &simulation{dice: newDice(seed), t: t}
	sim.scenario = drawScenario(sim.dice)
	p := &sim.plan
	sim.truth.losses, sim.truth.unwanted = map[lossKind]*lossTruth{}, map[int]int64{}
	sim.phases = newPhases(p.Slots, p.Workers, p.Hold)
	sim.phases.nudge = func() {
		for _, w := range sim.workers {
			now := w.clock
			if sim.acting != nil {
				now = sim.acting.clock
			}
			w.wake(now)
		}
	}
	sim.timeline = newTimeline(p.Workers, nil)
	for i := range p.Workers {
		sim.workers = append(sim.workers, newSimWorker(sim, i))
	}
	if sim.cancel != never {
		sim.queue.push(simEvent{at: sim.cancel, kind: eventCancel})
	}
	return sim
}

// A run that takes longer, or in which more happens, is taken for endless.
const (
	longestRun = time.Hour
	mostSteps  = 20_000_000
)

// run carries the simulation out.
func (s *simulation) run() *Result {
	for step := 0; ; step++ {
		w := s.workers[0]
		for _, other := range s.workers[1:] {
			if other.at < w.at {
				w = other
			}
		}
		switch next := s.queue.next(); {
		case w.at == never:
			return s.result()
		case next <= w.at:
			s.acting = nil
			s.happen(s.queue.pop())
		case w.at > longestRun, step > mostSteps:
			s.failf("the run does not end")
		default:
			s.acting = w
			w.step()
		}
	}
}

// hiccup draws how long we are not running in the middle of a step, and when the next time will be.
func (s *simulation) hiccup() time.Duration {
	s.readings = 1 + s.IntN(2*s.hiccups)
	return s.span(10*time.Microsecond, 5*ms)
}

// interruption draws what comes between two steps, and when the next one will.
func (s *simulation) interruption() time.Duration {
	s.steps = 1 + s.IntN(2*s.between)
	if s.chance(s.stallChance) {
		return s.upTo(s.stall)
	}
	return s.upTo(50 * time.Microsecond)
}

func (s *simulation) result() *Result {
	var end time.Duration
	machines := make([]*machine, len(s.workers))
	for i, w := range s.workers {
		machines[i] = &w.machine
		end = max(end, w.clock)
	}
	return result(&s.plan, s.phases, s.timeline, "simulated", machines, end)
}

func (s *simulation) failf(format string, args ...any) {
	s.t.Helper()
	s.t.Fatalf(format, args...)
}

// TestSimulation runs many seeds; each is one run, drawn from it alone. In virtual time what takes a real server and a
// bad day happens thousands of times a second, and what was done to the engine is known to the last byte.
//
//	go test -count=1 -v -run='^TestSimulation$' ./internal/engine -args -seeds=5000
func TestSimulation(t *testing.T) {
	first, most := uint64(1), uint64(*flagSeeds)
	if *flagSeed != 0 {
		first, most = *flagSeed, *flagSeed
	}
	var next atomic.Uint64
	var all totals
	next.Store(first)
	start := time.Now()
	t.Run("seeds", func(t *testing.T) {
		for range runtime.GOMAXPROCS(0) {
			t.Run("", func(t *testing.T) {
				t.Parallel()
				for seed := next.Add(1) - 1; seed <= most; seed = next.Add(1) - 1 {
					all.add(simulate(t, seed))
				}
			})
		}
	})
	t.Logf("%d seeds: %d exchanges, %d faults in %.1f s", most-first+1, all.exchanges.Load(), all.struck(),
		time.Since(start).Seconds())
	if *flagSeeds >= 5000 && *flagSeed == 0 && !t.Failed() {
		all.require(t)
	}
}

// totals are what all seeds together came to.
type totals struct {
	exchanges atomic.Int64
	faults    [numFaults]atomic.Int64 // of which the engine learnt
	causes    [numCauses]atomic.Int64
}

func (all *totals) add(s *simulation) {
	all.exchanges.Add(s.truth.requests.Answered)
	for f := range numFaults {
		all.faults[f].Add(s.truth.seen[f])
	}
	for kind, l := range s.truth.losses {
		all.causes[kind.cause].Add(l.count)
	}
}

func (all *totals) struck() (n int64) {
	for f := range numFaults {
		n += all.faults[f].Load()
	}
	return n
}

// require checks that there was much of everything.
func (all *totals) require(t *testing.T) {
	require.GreaterOrEqual(t, all.exchanges.Load(), int64(20_000_000), "exchanges")
	require.GreaterOrEqual(t, all.struck(), int64(1_000_000), "faults")
	for f := noFault + 1; f < numFaults; f++ {
		require.GreaterOrEqual(t, all.faults[f].Load(), int64(1000), "how often a server %s", faults[f].name)
	}
	for _, cause := range Causes() {
		if cause == GeneratorDied {
			require.Zero(t, all.causes[cause].Load(), "the simulation is one process, which lives: see TestSharedRunWithADeath")
			continue
		}
		require.GreaterOrEqual(t, all.causes[cause].Load(), int64(1000), "losses by %q", cause)
	}
}

// repeatEvery is how many seeds there are to one that is run twice, to compare the results.
const repeatEvery = 10

// simulate runs one seed and checks what it yields.
func simulate(t *testing.T, seed uint64) *simulation {
	done := false
	defer func() {
		if !done {
			t.Logf("replay: go test -count=1 -run='^TestSimulation$' ./internal/engine -args -seed=%d", seed)
		}
	}()
	sim := newSimulation(t, seed)
	r := sim.run()
	requireLawful(t, r)
	requireSums(t, r)
	sim.requireTrue(t, r)
	sim.requireNothingLeft(t)
	if seed%repeatEvery == 0 {
		require.Equal(t, fingerprint(r), fingerprint(newSimulation(t, seed).run()), "the same seed, run again")
	}
	done = true
	return sim
}
