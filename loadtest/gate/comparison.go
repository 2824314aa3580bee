package gate

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"

	"example.com/holdfast/internal/handover"
	"example.com/holdfast/internal/spawn"
	"example.com/holdfast/loadtest"
)

// supported: elsewhere neither spawn's children nor the clocks are known.
const supported = spawn.Supported

const (
	costPairs   = 3
	costRepeats = 2 // of MeasureCost's staircase, which is the least that has an interval
	costSteps   = 1 + 3*costRepeats
)

func (g *gate) seed() (uint64, error) {
	seed, err := handover.Seed(g.cfg)
	for seed == 0 && err == nil {
		seed = rand.Uint64()
	}
	return seed, err
}

func newMatch(r *revisions, test string, env []string, seed uint64) *match {
	program := func(name, binary, dir string) serverProgram {
		own := append(slices.Clip(env), "PWD="+dir) // as go test sets it; in env it is head's
		return serverProgram{name, spawn.Program{
			Path: binary, Args: serverArgs(test), Dir: dir, Env: own, Variable: variable, Stdout: true,
		}}
	}
	return &match{base: program(baseName, r.BaseBinary, r.BaseDir), head: program(headName, r.HeadBinary, r.HeadDir), seed: seed, pace: usualPace}
}

// measure has everything measured and judged.
func (g *gate) measure(ctx context.Context, m *match, r *result) error {
	r.Seed = m.seed
	costs, err := m.costs(ctx, r)
	if err != nil {
		return err
	}
	r.First, err = m.pairs(ctx, g.options.Pairs, r)
	var disturbed *disturbedError
	if err != nil && !errors.As(err, &disturbed) {
		return err
	}
	if disturbed != nil {
		r.First = nil // fewer than were planned are not the procedure that was validated
	}
	j, err := decide(r.First, func(n int) ([]pair, error) { return m.pairs(ctx, n, r) })
	if err != nil {
		return err
	}
	for _, p := range r.First {
		r.Conns, r.Outstanding = int(p.Base.Conns), min(outstanding, int(p.Base.Conns))
	}
	r.Noise, r.Confirming = j.noise, j.confirming
	r.Metrics = slices.DeleteFunc(inOrder(append(j.metrics, costs...)), func(m metric) bool {
		return m.Outcome == shown && m.Base == nil && m.Head == nil
	})
	r.Outcome = overall(r.Metrics)
	switch {
	case disturbed == nil:
	case r.Outcome == unknown:
		r.Why = disturbed.why
	default: // by what conns cost
		r.Notes = append(r.Notes, "no pair counts: "+disturbed.why)
	}
	if g.files.Kept() && slices.ContainsFunc(r.Metrics, func(m metric) bool { return m.Unit == unitCPU && m.Outcome == worse }) {
		if g.extras, err = m.profiles(ctx); err != nil {
			r.Notes = append(r.Notes, fmt.Sprintf("there are no CPU profiles: %v", err))
		}
	}
	return nil
}

// repeatable is how many of n pairs may be disturbed and measured again. Where there are more the machine is not fit for it.
func repeatable(n int) int { return n / 5 }

// pairs measures n pairs that were not disturbed.
func (m *match) pairs(ctx context.Context, n int, r *result) (pairs []pair, err error) {
	left := repeatable(n)
	for len(pairs) < n {
		p, err := m.pair(ctx)
		if err != nil {
			return pairs, err
		}
		if p.Disturbed == "" {
			pairs = append(pairs, p)
			continue
		}
		r.Discarded = append(r.Discarded, p)
		if left--; left < 0 {
			return pairs, &disturbedError{fmt.Sprintf("more than a fifth of %d pairs were disturbed; in the last one, %s", n, p.Disturbed)}
		}
	}
	return pairs, nil
}

// costs has what each conn costs measured and judged.
func (m *match) costs(ctx context.Context, r *result) ([]metric, error) {
	measure := func() (pairs []costPair, err error) {
		for range costPairs {
			p, why, err := m.cost(ctx)
			if err != nil {
				return nil, err
			}
			if pairs = append(pairs, p); why != "" {
				r.Notes = append(r.Notes, why)
				break // the others would say the same
			}
		}
		return pairs, nil
	}
	var metrics []metric
	first, err := measure()
	if err == nil {
		metrics, r.ConfirmingCosts, err = compareCosts(first, measure)
	}
	r.Costs = first
	return metrics, err
}

// cost measures what a conn costs a fresh process of each revision, at the same time: memory does not depend on who else runs.
// Why says why one has no figures.
func (m *match) cost(ctx context.Context) (p costPair, why string, err error) {
	base, head, err := m.both(ctx)
	if err != nil {
		return p, "", err
	}
	defer func() { endAll(ctx, base, head) }()
	var wg sync.WaitGroup
	var costs [2]*loadtest.Cost
	var errs [2]error
	for i, s := range []*server{base, head} {
		wg.Go(func() { costs[i], errs[i] = s.cost(ctx, costRepeats) })
	}
	wg.Wait()
	if ctx.Err() != nil {
		return p, "", context.Cause(ctx)
	}
	if err := errors.Join(errs[:]...); err != nil {
		if errors.As(err, new(*endedError)) {
			return p, "", fmt.Errorf("measuring what a conn costs: %w", err)
		}
		why = fmt.Sprintf("what a conn costs is not known: %v", err)
	}
	return costPair{costs[0], costs[1]}, why, nil
}
