package gate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"example.com/holdfast/internal/engine"
	"example.com/holdfast/internal/generator"
)

// A pace is how a pair is measured.
type pace struct {
	warm       time.Duration // that each server is loaded before it counts
	slicePairs int
	slice      time.Duration
}

// usualPace: of the same 4 s of load the standard deviation of a pair's log ratio was 10 % in one slice of 2 s each, 6 % in 8 of
// 250 ms, 3 % in 20 of 100 ms (2026-11). What the machine does to the one server it does to the other, if they take turns
// faster than it changes.
var usualPace = pace{warm: 500 * time.Millisecond, slicePairs: 20, slice: 100 * time.Millisecond}

// takes is how long a pair's load takes.
func (p pace) takes() time.Duration { return 2*p.warm + 2*time.Duration(p.slicePairs)*p.slice }

// outstanding is how many requests at a time a server has in its slices, unless it has fewer conns: enough to keep it busy, and
// answered within a few ms when a slice ends. All conns at once would take a quarter of a second at ten thousand.
//
// Note: with 256 the standard deviation of a pair was the same, of 10 pairs each (2026-11).
const outstanding = 64

// A match measures pairs and costs of two programs.
type match struct {
	base, head serverProgram
	seed       uint64
	pace       pace
	measured   int // pairs, for their numbers
}

// both starts a fresh server process of each program.
func (m *match) both(ctx context.Context) (base, head *server, err error) {
	var servers [2]*server
	var errs [2]error
	var wg sync.WaitGroup
	for i, p := range [2]serverProgram{m.base, m.head} {
		wg.Go(func() { servers[i], errs[i] = p.start(ctx) })
	}
	wg.Wait()
	if err = cmp.Or(errs[1], errs[0]); err == nil { // that the base has nothing to compare with must not hide that head fails
		err = canCompare(servers[0], servers[1])
	}
	if err != nil {
		endAll(ctx, servers[:]...)
		return nil, nil, err
	}
	return servers[0], servers[1], nil
}

// endAll ends those that were started, at the same time. When ctx has ended there is no time for their cleanup.
func endAll(ctx context.Context, servers ...*server) {
	patience := cleanupPatience
	if ctx.Err() != nil {
		patience = time.Second
	}
	var wg sync.WaitGroup
	for _, s := range servers {
		if s != nil {
			wg.Go(func() { s.Close(patience) })
		}
	}
	wg.Wait()
}

// pair measures one pair.
func (m *match) pair(ctx context.Context) (pair, error) {
	p := pair{Number: m.measured}
	m.measured++
	base, head, err := m.both(ctx)
	if err != nil {
		return p, err
	}
	out, err := m.duel(ctx, p.Number, base, head)
	endAll(ctx, base, head)
	if err != nil {
		return p, fmt.Errorf("pair %d: %w", p.Number, err)
	}
	p.take(out)
	p.Base.PID, p.Base.Output = base.PID(), base.Output()
	p.Head.PID, p.Head.Output = head.PID(), head.Output()
	p.Disturbed = disturbed(p.Slices)
	return p, nil
}

// duel has one generator load both servers in turns.
func (m *match) duel(ctx context.Context, number int, base, head *server) (*generator.Outcome, error) {
	children, err := generator.StartChildren(ctx, 1)
	if err != nil {
		return nil, err
	}
	defer children.Close()
	d := generator.Duel{
		Rivals: rivals(base, head), Known: []int{base.PID(), head.PID()}, // where ServerPID is another
		Outstanding: min(outstanding, head.served().Rival.Plan.Slots),
		Warm:        m.pace.warm, Turn: m.pace.slice, First: m.order(number),
	}
	turned := number%2 == 1
	if turned {
		d.Rivals[0], d.Rivals[1] = d.Rivals[1], d.Rivals[0]
	}
	out, err := children.Duel(ctx, d)
	if err == nil && turned {
		turn(out)
	}
	if err == nil || ctx.Err() != nil {
		return out, err
	}
	for _, s := range []*server{head, base} {
		if how, ended := s.hasEnded(); ended {
			return nil, fmt.Errorf("the server process of %s ended while it was loaded: %s", s.name, how)
		}
	}
	return nil, err
}

// turn exchanges the two of an outcome. In every other pair head is the generator's first: whose conns are opened and who is warmed
// up first, and where in memory they lie, is then no difference between base and head.
func turn(out *generator.Outcome) {
	out.Sides[0], out.Sides[1] = out.Sides[1], out.Sides[0]
	for i := range out.Turns {
		out.Turns[i].Of = 1 - out.Turns[i].Of
	}
}

// profiles measures another pair, which counts for nothing, and returns the CPU profile of each server while it was loaded in
// turns.
func (m *match) profiles(ctx context.Context) ([]extra, error) {
	base, head, err := m.both(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { endAll(ctx, base, head) }()
	var wg sync.WaitGroup
	var extras [2]extra
	var errs [3]error
	for i, s := range []*server{base, head} {
		wg.Go(func() {
			extras[i].suffix = "." + s.name + ".cpu.pprof"
			extras[i].data, errs[i] = s.profile(ctx, m.pace.takes())
		})
	}
	_, errs[2] = m.duel(ctx, m.measured, base, head)
	wg.Wait()
	return extras[:], errors.Join(errs[:]...)
}

// rivals are the two servers as the generator is told of them. Both are loaded by head's plan.
func rivals(base, head *server) [2]generator.Rival {
	b, h := base.served().Rival, head.served().Rival
	plan := h.Plan
	plan.Target, plan.Request = b.Plan.Target, b.Plan.Request // which differ by where the server is
	b.Plan = plan
	return [2]generator.Rival{b, h}
}

// order draws who has the first turn in each pair of slices: each as often, in an order of the seed's.
func (m *match) order(number int) []int {
	first := make([]int, m.pace.slicePairs)
	for i := range first {
		first[i] = i % 2
	}
	r := rand.New(rand.NewPCG(m.seed, uint64(number)))
	r.Shuffle(len(first), func(i, j int) { first[i], first[j] = first[j], first[i] })
	return first
}

// take fills in what the generator measured.
func (p *pair) take(out *generator.Outcome) {
	for i, s := range [2]*side{&p.Base, &p.Head} {
		s.of(out.Sides[i])
	}
	for _, t := range out.Turns {
		p.Slices = append(p.Slices, slice{Head: t.Of == 1, At: t.At, Took: t.Took, CPU: t.CPU, Between: t.Between,
			Requests: t.Answered, Foreign: t.Foreign, Steal: t.Steal})
		s := &p.Base
		if t.Of == 1 {
			s = &p.Head
		}
		if s.Requests == 0 || t.Answered < s.Fewest {
			s.Fewest = t.Answered
		}
		s.CPU += t.CPU + t.Between // what is put off until after the answer is the requests' too
		s.Requests += t.Answered
	}
}

// of fills in what became of all conns and requests of one side.
func (s *side) of(g generator.Side) {
	s.Conns = g.Conns.Requested
	s.Failed = g.Requests.TimedOut + g.Requests.Malformed + g.Requests.LostWithConn + g.Requests.Unwanted
	for _, d := range g.Drops {
		if d.Cause == engine.Abandoned {
			continue // attempts that were under way at the end
		}
		s.Dropped += d.Count
		text := fmt.Sprintf("%d × %s in the %s", d.Count, d.Cause, d.Phase)
		if d.Errno != "" {
			text += ", " + d.Errno
		}
		s.Drops = append(s.Drops, text)
	}
	h := g.ServiceTime
	s.P50, s.P99, s.P999, s.Max = h.Quantile(.5), h.Quantile(.99), h.Quantile(.999), h.Max
}

// Limits beyond which a slice says more of the machine than of its server, and how many such slices a pair may have.
//
// Note: to take no pair with any such slice made gates unknown on a machine on which somebody compiled now and then. Even where
// strangers took a third of both CPUs in many slices, the pairs' standard deviation stayed near 2 % (2026-11).
const (
	mostForeign   = 0.25 // of all CPUs' time by strangers: a fifth, and what the ticks blur in a slice
	mostSteal     = 0.10
	mostDisturbed = 2
)

// disturbed says why a pair does not count; "": it does.
func disturbed(slices []slice) string {
	n, foreign, steal := 0, 0., 0.
	for _, s := range slices {
		if s.Foreign > mostForeign || s.Steal > mostSteal {
			n++
		}
		foreign, steal = max(foreign, s.Foreign), max(steal, s.Steal)
	}
	if n <= mostDisturbed {
		return ""
	}
	return fmt.Sprintf("in %d of %d slices the machine was busy with something else: other processes, or other tests of this one, used up to "+
		"%.0f %% of its CPUs, and the hypervisor took up to %.0f %%", n, len(slices), 100*foreign, 100*steal)
}
