package gate

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/holdfast/internal/artifact"
	"example.com/holdfast/internal/handover"
	"example.com/holdfast/internal/rerun"
	"example.com/holdfast/loadtest"
)

// Options say what a gate compares with, and what a test makes of it. The zero value is fine.
type Options struct {
	// Base is the revision to compare with where HOLDFAST_BASE is not set: any name that git knows, such as "HEAD^" or a tag, or
	// the name of a branch with three dots, "origin/main...", for the merge base of that and HEAD, as in git diff. "": none.
	Base string

	// Pairs is how many pairs of server processes are compared first: default 12, with which the procedure was validated, at
	// most 100. What they find worse is measured again in twice as many.
	Pairs int

	// ReportOnly logs a gate that found the change worse, instead of failing the test.
	ReportOnly bool

	// FailUnknown fails the test where a metric that is judged is neither surely worse nor surely not.
	FailUnknown bool
}

// Check is [loadtest.Check], and where a base is named it also holds the server against what it was there: it builds the test
// of that revision and of this one, has both start their servers, in fresh processes, and loads the two in short turns. The
// test fails where a metric is worse than at base by more than its tolerance, and is found so again in fresh measurements.
// It says so in a table in the test's log; see the package for what is measured and how it is judged.
//
// The base is what HOLDFAST_BASE names, else o.Base. Of the base only the test of the same name is run, up to its call of
// Check, in a work tree of its own that is removed at the end. If the base has no such test, or that starts another load,
// there is nothing to compare, and a note says so. That the base cannot be found fails the test before it
// begins, and that it does not build, later.
//
// cfg says how many conns each of the two servers holds, and what is asked on them. Its Cadence, Hold and Reopen are those of
// loadtest.Check alone: while a server has its turn, 64 requests at a time are outstanding, on all conns one after the other. The
// server has to be one that the test starts: [loadtest.Config].Server, or one on a port of its own, in the test's process
// or in that of ServerPID; not one in memory. A gate needs Linux, git and go.
//
// Beside loadtest.Check and building, a gate of 1000 conns takes some 70 seconds, and three and a half minutes if CPU time or
// service times are worse (2 cores, 2026-11); where the test has not the time, it fails before it starts and says which -timeout
// would do. Like loadtest.Check it waits for its turn on this machine.
//
// With go test -artifacts it keeps a summary in Markdown, all figures as JSON, those of all pairs for benchstat, and the
// worst pair; where CPU time per request is worse, also a CPU profile of each server.
func Check(t *testing.T, cfg loadtest.Config, b loadtest.Budget, o Options) *loadtest.Report {
	t.Helper()
	if master != nil {
		master.serve(t, cfg) // it does not return
	}
	if o.Pairs = orDefault(o.Pairs, usualPairs); o.Pairs < 5 || o.Pairs > mostPairs {
		t.Fatalf("gate: Options.Pairs is %d: write 5 to %d, or 0 for %d; fewer than five can show nothing", o.Pairs, mostPairs, usualPairs)
	}
	base := baseOf(o.Base)
	if base == "" {
		return loadtest.Check(t, cfg, b)
	}
	if _, again := gated.LoadOrStore(t, true); again {
		t.Fatal("gate: this test calls Check a second time, and its server processes come to the first call alone: have each in a " +
			"test of its own, such as a subtest")
	}
	t.Cleanup(func() { gated.Delete(t) })
	g := &gate{t: t, cfg: cfg, options: o, asked: base, files: artifact.Of(t, rerun.Package(), ".gate")}
	if err := g.foresee(); err != nil {
		t.Fatalf("gate: not begun: %s", plainError(err))
	}
	latest := g.mayTake(handover.Expected(cfg, b))
	g.report = loadtest.Check(t, cfg, b)
	g.compare(latest)
	return g.report
}

// gated are the tests that have come to Check with a base.
var gated sync.Map

func orDefault(n, def int) int {
	if n == 0 {
		return def
	}
	return n
}

// A gate is one call of Check that has a base.
type gate struct {
	t       *testing.T
	cfg     loadtest.Config
	options Options
	asked   string           // the base, as it was named
	report  *loadtest.Report // of loadtest.Check
	where   place
	files   artifact.Place
	extras  []extra // files besides
}

// foresee finds what will keep a gate from comparing anything, as far as that shows in a moment: nobody is to wait for a load test
// to be told that a branch is misspelled.
func (g *gate) foresee() (err error) {
	if !supported {
		return fmt.Errorf("a gate needs Linux, where the CPU clock of another process can be read: here name no base (%s)", baseVariable)
	}
	if g.where, err = thisPlace(g.t.Name(), g.asked); err != nil {
		return err
	}
	return new(revisions).find(g.t.Context(), newToolbox(g.where.Env), g.where)
}

// plainError is an error without the prefix that is before it already.
func plainError(err error) string { return strings.TrimPrefix(err.Error(), "gate: ") }

// What a gate takes besides loading servers, at a thousand conns, and slightly more than was seen (2026-11).
const (
	buildTakes    = time.Minute            // of two test binaries, whose packages may all be new
	pairTakes     = 700 * time.Millisecond // to start and end the processes of a pair
	costTakes     = time.Second
	costStepTakes = time.Second // a run that measures what its conns cost
)

// takes is how long a gate may take, if it finds everything worse.
func (g *gate) takes() time.Duration {
	ramp, pairs := handover.Ramp(g.cfg), g.options.Pairs
	pairs += pairs*freshPairs + repeatable(pairs) + repeatable(freshPairs*pairs) + 1 // one with profiles
	costs := 2 * costPairs * (costTakes + costSteps*(ramp+costStepTakes))
	return buildTakes + costs + time.Duration(pairs)*(ramp+usualPace.takes()+pairTakes)
}

// mayTake fails the test if it has no time for a gate behind what takes so long, and returns when that has to begin.
func (g *gate) mayTake(before time.Duration) time.Time {
	g.t.Helper()
	latest, timeout := handover.Latest(g.t, before+g.takes())
	if !latest.IsZero() && time.Now().After(latest) {
		g.t.Fatalf("gate: not begun: with a base a test of this config may take %s, if something is worse, and its deadline is "+
			"nearer: run go test with -timeout %s or more", (before + g.takes()).Round(time.Second), timeout)
	}
	if !latest.IsZero() {
		latest = latest.Add(before)
	}
	return latest
}

var errDeadline = errors.New("the test's deadline is near, and more was to be done than there was time for: raise -timeout")

// compare compares, and tells the test.
func (g *gate) compare(latest time.Time) {
	g.t.Helper()
	end, err := handover.TakeTurn(g.t, latest)
	if err != nil {
		g.t.Fatalf("gate: %v", err)
	}
	defer end()
	ctx := g.t.Context()
	if !latest.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadlineCause(ctx, latest.Add(g.takes()), errDeadline)
		defer cancel()
	}
	began := time.Now()
	r, err := g.result(ctx)
	r.Took = time.Since(began)
	var nothing *newError
	switch {
	case errors.As(err, &nothing):
		r.Outcome, r.Why = isNew, nothing.why
	case err != nil:
		g.t.Fatalf("gate: nothing was compared: %s", plainError(err))
	}
	g.tell(r)
}

// tell tells the test what was found.
func (g *gate) tell(r *result) {
	g.t.Helper()
	for _, a := range r.attrs() {
		g.t.Attr(a[0], a[1])
	}
	text := strings.TrimSuffix(r.String()+r.keep(g.files, g.extras...), "\n")
	fails := r.Outcome == worse || r.Outcome == unknown && g.options.FailUnknown
	if fails && !g.options.ReportOnly {
		g.t.Error(text)
		return
	}
	g.t.Log(text)
}

// result carries everything out.
func (g *gate) result(ctx context.Context) (*result, error) {
	r := &result{Format: resultFormat, Test: g.t.Name(), Package: rerun.Package(), Outcome: unknown,
		Machine: g.report.Environment}
	both, err := prepare(ctx, g.where)
	if err != nil {
		return r, err
	}
	defer func() {
		if err := both.Close(); err != nil {
			r.Notes = append(r.Notes, fmt.Sprintf("not all could be removed, which the next gate tries again: %v", err))
		}
	}()
	r.Base, r.Head, r.Notes = both.Base, both.Head, both.Notes
	if both.New != "" {
		return r, &newError{both.New}
	}
	switch has, err := both.hasTest(ctx, g.where); {
	case err != nil:
		return r, err
	case !has:
		return r, &newError{"the base has no test " + g.t.Name()}
	}
	seed, err := g.seed()
	if err != nil {
		return r, err
	}
	m := newMatch(both, g.t.Name(), g.where.Env, seed)
	return r, g.measure(ctx, m, r)
}
