package loadtest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"example.com/holdfast/internal/artifact"
	"example.com/holdfast/internal/lines"
	"example.com/holdfast/internal/rerun"
)

// Check carries out a [Run], holds its report against b ([Report.Judge]) and tells the test what came of it:
//
//   - a budget that is met is logged, with the report;
//   - a broken one is an error of the test. It names each line that is broken, with the limit, the reading, by how much and
//     the likely reason, and has the command that replays the run;
//   - a run that proves nothing, because of this machine or of how it was set up ([Invalid]), and one that this machine cannot
//     carry ([*ResourceError]) are errors in other words, or skip the test if b.SkipUnfit is set;
//   - a run that cannot be carried out ends the test at once.
//
// The report is never nil; it has the verdict in Report.Verdict, and with b.LeakRounds what was found in Report.Leaks.
//
// Check ends the run when the test's Context does. Where the run would take longer than the test may, it fails before the
// first connect and says which -timeout would do. Only one test of this machine loads it at a time: others, of any package, wait
// in Check and [Bench] for their turn, by a lock on a file in [os.TempDir], and log for whom. In a synctest bubble, where
// nobody disturbs anybody, none waits.
//
// What needs the server's process for itself, such as RSSPerConn, has the conns opened by generator processes, if
// cfg.Processes is 0 and that is possible.
//
// With go test -v a line every few seconds says how far the run is. With go test -artifacts the report is kept as JSON and
// as a page ([Report.WriteHTML]), and if the test failed profiles of the test process at the end of hold; under
// Bazel they are undeclared outputs. HOLDFAST_SEED in the environment replaces cfg.Seed, to replay a run.
func Check(tb testing.TB, cfg Config, b Budget) *Report {
	tb.Helper()
	c := &check{tb: tb, cfg: cfg, budget: b}
	if err := errors.Join(cfg.validate(), b.validate(cfg)); err != nil {
		tb.Fatalf("%v", err)
	}
	var err error
	if c.cfg.Seed, err = seedOf(cfg); err != nil {
		tb.Fatalf("%v", err)
	}
	c.files = artifact.Of(tb, rerun.Package(), "")
	r, err := c.inTurn()
	switch {
	case r == nil:
		r = c.unfit(err)
	case err != nil:
		tb.Fatalf("%v%s%s\n%s", err, c.keep(r, &c.scene), c.replay(r), c.seen(r))
	default:
		c.tell(r)
	}
	return r
}

// A check is one call of Check.
type check struct {
	tb     testing.TB
	cfg    Config
	budget Budget
	files  artifact.Place
	scene  scene
}

// inTurn carries out the runs while nobody else loads the machine. What ends the test at once ends the turn, too.
func (c *check) inTurn() (*Report, error) {
	c.tb.Helper()
	expected := c.expected()
	deadline := deadlineOf(c.tb)
	if err := deadline.allows(expected); err != nil {
		c.tb.Fatalf("%v", err)
	}
	end, err := takeTurn(c.tb, deadline.latest(expected))
	if err != nil {
		c.tb.Fatalf("%v", err)
	}
	defer end()
	ctx, cancel := deadline.context(c.tb.Context())
	defer cancel()

	rounds := c.watch()
	r, err := c.run(ctx)
	if err == nil && c.budget.LeakRounds > 0 {
		r.Leaks = rounds.leaks(ctx, r)
	}
	if errors.Is(err, errTestEnds) {
		err = fmt.Errorf("%w; by its plan it takes some %s: raise -timeout", err, plainDuration(expected.Round(time.Second)))
	}
	return r, err
}

// expected is how long all of it takes by its plan, with a server that leaks: then nothing ends early.
func (c *check) expected() time.Duration {
	run, _ := c.cfg.planned()
	if c.budget.LeakRounds <= 0 {
		return run
	}
	round, _ := c.round().planned()
	return sum(run, times(c.budget.LeakRounds+1, sum(round, leakPatience)))
}

func (c *check) run(ctx context.Context) (*Report, error) {
	cfg := c.cfg
	if told := c.narrate(); told != nil {
		also := cfg.Progress
		cfg.Progress = func(s Sample) {
			if told(s); also != nil {
				also(s)
			}
		}
	}
	return c.runner().run(ctx, cfg)
}

// runner returns a runner with what the budget needs.
func (c *check) runner() runner {
	r := systemRunner()
	r.fine, r.alone, r.collects = c.budget.judgesTime(), c.budget.judgesUse(), c.budget.judgesHeld()
	r.held = func() { c.scene = c.look() }
	return r
}

// tell judges the report and tells the test.
func (c *check) tell(r *Report) {
	c.tb.Helper()
	v := r.Judge(c.budget)
	r.Verdict = &v
	if v.Outcome == Pass {
		c.tb.Logf("loadtest: pass%s%s\n%s", v.met(), c.keep(r, nil), strings.TrimSuffix(r.String(), "\n"))
		return
	}
	var b strings.Builder
	b.WriteString("loadtest: " + string(v.Outcome))
	if v.Outcome == Invalid {
		b.WriteString(": this run proves nothing about the server, neither good nor bad")
	}
	b.WriteString(v.folded())
	b.WriteString(c.keep(r, &c.scene))
	b.WriteString(c.replay(r))
	b.WriteString("\n" + c.seen(r))
	if v.Outcome == Invalid && c.budget.SkipUnfit {
		c.tb.Skip(b.String())
	}
	c.tb.Error(b.String())
}

// seen is the report, and what the process was seen to do at the end of hold.
func (c *check) seen(r *Report) string { return strings.TrimSuffix(r.String()+c.scene.String(), "\n") }

// unfit tells of a run that could not be carried out, of which there is no report, and returns one that says so.
func (c *check) unfit(err error) *Report {
	c.tb.Helper()
	var short *ResourceError
	if !errors.As(err, &short) {
		c.tb.Fatalf("%v", err)
	}
	text := "loadtest: unfit: this machine cannot carry the run, which says nothing about the server: " +
		strings.ReplaceAll(err.Error(), "loadtest: ", "")
	if c.budget.SkipUnfit {
		c.tb.Skip(text)
	}
	c.tb.Error(text)
	conns := int64(orDefault(c.cfg.Connections, defaultConnections))
	return &Report{
		Conns:   Conns{Requested: conns, NotAttempted: conns},
		Verdict: &Verdict{Outcome: Invalid, Invalid: []Reason{{Line: "run", Text: err.Error()}}},
	}
}

// met lists the lines that are met.
func (v Verdict) met() string {
	var b strings.Builder
	for _, r := range v.Met {
		b.WriteString("\n  met: " + r.Text)
	}
	return b.String()
}

// folded is what String says after the outcome, in lines that a terminal shows.
func (v Verdict) folded() string {
	var b strings.Builder
	for line := range strings.Lines(v.String()) {
		if text, is := strings.CutPrefix(line, "  "); is {
			for i, part := range lines.Fold(text, lines.Width-4) {
				b.WriteString("\n  " + strings.Repeat("  ", min(i, 1)) + part)
			}
		}
	}
	return b.String()
}
