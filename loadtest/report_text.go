package loadtest

import (
	"fmt"
	"strings"
	"time"

	"example.com/holdfast/internal/lines"
)

// String is the report as a table for a test log: lines of at most 110 columns, some thirty of them when nothing went
// wrong. It is for people, and changes; programs read the fields, or the JSON.
func (r *Report) String() string {
	var t table
	t.headline(r)
	t.ledger(r)
	t.durations(r)
	t.rates(r)
	t.generators(r)
	t.drops(r)
	t.cost(r)
	t.leaks(r.Leaks)
	t.host(r)
	t.fixture(r)
	t.doubts(r)
	t.replay(r)
	return t.b.String()
}

// A table has lines of a label and text.
type table struct{ b strings.Builder }

const labelWidth = 13

func (t *table) row(label, format string, args ...any) {
	t.b.WriteString(lines.Labelled(label, labelWidth, fmt.Sprintf(format, args...)))
}

func (t *table) line(s string) {
	t.b.WriteString(strings.TrimRight(s, " "))
	t.b.WriteByte('\n')
}

func (t *table) headline(r *Report) {
	e := r.Config
	t.line(headlineText(r))
	t.row("target", "%s", targetText(e))
	t.row("plan", "%s", planText(e))
	p := r.Phases
	t.row("took", "ramp %s, hold %s, sweep %s, drain %s; %s driver%s", threeDigits(p.Ramp), threeDigits(p.Hold),
		threeDigits(p.Sweep), threeDigits(p.Drain), e.Driver, tickText(e))
}

func headlineText(r *Report) string {
	c := r.Conns
	return fmt.Sprintf("%d of %d conns held, %s%d dropped; %d of %d requests failed%s", c.Held, c.Requested,
		unconnected(c), c.Dropped, r.Requests.Failed(), r.Requests.Sent, cut(r.Phases))
}

func targetText(e Echo) string {
	target := e.Method + " " + e.URL
	if e.UnixSocket != "" {
		target += " on " + e.UnixSocket
	}
	return target
}

func planText(e Echo) string {
	return fmt.Sprintf("ramp %s, then %s; pauses %s, idle timeout %s%s", rampText(e), holdText(e), e.Cadence,
		plainDuration(e.IdleTimeout), reopenText(e))
}

func unconnected(c Conns) string {
	if c.ConnectFailed == 0 {
		return ""
	}
	return fmt.Sprintf("%d failed to connect, ", c.ConnectFailed)
}

func tickText(e Echo) string {
	if e.Tick == 0 {
		return ""
	}
	return ", tick " + plainDuration(e.Tick)
}

func cut(p Phases) string {
	if p.Complete {
		return ""
	}
	return "; CANCELLED in " + p.Ended
}

func rampText(e Echo) string {
	if e.RampEvery <= 0 {
		return "all at once"
	}
	return fmt.Sprintf("%d every %s", e.RampConns, plainDuration(e.RampEvery))
}

func holdText(e Echo) string {
	if e.Hold == 0 {
		return "no hold"
	}
	return "hold " + plainDuration(e.Hold)
}

func reopenText(e Echo) string {
	switch {
	case e.ReopenPerSecond == 0:
		return ""
	case e.ReopenDelay == 0:
		return fmt.Sprintf("; reopen at once, %d/s at most", e.ReopenPerSecond)
	}
	return fmt.Sprintf("; reopen after %s, doubled up to %s, %d/s at most", plainDuration(e.ReopenDelay),
		plainDuration(e.ReopenMaxDelay), e.ReopenPerSecond)
}

func (t *table) ledger(r *Report) {
	c, q := r.Conns, r.Requests
	t.row("conns", "%d requested = %d not attempted + %d never established + %d ever established",
		c.Requested, c.NotAttempted, c.NeverEstablished, c.EverEstablished)
	t.row("", "%d served, %d held", c.Served, c.Held)
	t.row("attempts", "%d = %d connected + %d failed + %d abandoned", c.Attempts, c.Connected, c.ConnectFailed,
		c.ConnectAbandoned)
	t.row("", "%d connected = %d open at the end + %d dropped", c.Connected, c.OpenAtEnd, c.Dropped)
	if c.Reattempts > 0 {
		t.row("", "%d of the attempts were to open again: %d connected; slots were answered again %d times", c.Reattempts,
			c.Reopened, c.Recovered)
	}
	t.row("requests", "%d due = %d sent + %d unsent", q.Due, q.Sent, q.Unsent)
	t.row("", "%d sent = %d answered + %d timed out + %d malformed + %d lost with conn + %d in flight",
		q.Sent, q.Answered, q.TimedOut, q.Malformed, q.LostWithConn, q.InFlightAtEnd)
	t.row("", "%d answered: %s", q.Answered, answeredText(r))
	for _, hint := range unwantedHints(r) {
		t.row("", "%s", hint)
	}
}

func answeredText(r *Report) string {
	q := r.Requests
	var classes []string
	for class, n := range q.Status {
		switch {
		case n == 0:
		case class == 0:
			classes = append(classes, fmt.Sprintf("%d outside 100-599", n))
		default:
			classes = append(classes, fmt.Sprintf("%d with %dxx", n, class))
		}
	}
	e := r.Config
	classes = append(classes, fmt.Sprintf("%d unwanted (not %d-%d)", q.Unwanted, e.WantLowest, e.WantHighest))
	if q.Interim > 0 {
		classes = append(classes, "after "+some(q.Interim, "interim response"))
	}
	return strings.Join(classes, ", ")
}

func (t *table) durations(r *Report) {
	t.line(fmt.Sprintf("%-*s%9s%9s%9s%9s%9s%10s", labelWidth, "", "p50", "p90", "p99", "p99.9", "max", "count"))
	for _, d := range r.distributions() {
		t.line(durationsLine(d.name, d.Distribution))
	}
}

func durationsLine(name string, d Distribution) string {
	s := fmt.Sprintf("%-*s", labelWidth, name)
	for _, v := range []time.Duration{d.Quantile(.5), d.Quantile(.9), d.Quantile(.99), d.Quantile(.999), d.Max()} {
		cell := "-"
		if d.Count() > 0 {
			cell = threeDigits(v)
		}
		s += fmt.Sprintf("%9s", cell)
	}
	s += fmt.Sprintf("%10d", d.Count())
	if n := d.Censored(); n > 0 {
		s += fmt.Sprintf("  %d of them timed out: at least so long", n)
	}
	return s
}

// A namedDistribution has the name that people read.
type namedDistribution struct {
	name string
	Distribution
}

// distributions returns those of the report, in the order in which it is read; Recovery only if there was any.
func (r *Report) distributions() []namedDistribution {
	all := []namedDistribution{{"connect", r.Connect}, {"latency", r.Latency}, {"service time", r.ServiceTime},
		{"lag", r.Lag}, {"client wait", r.ClientWait}}
	if r.Recovery.Count() > 0 {
		all = append(all, namedDistribution{"recovery", r.Recovery})
	}
	return all
}

func (t *table) rates(r *Report) {
	l := r.Load
	switch {
	case r.Phases.Hold == 0: // off, or not reached: no time to have a rate in
	case l.Expected == 0:
		t.row("rate", "%s requests/s in hold", perSecond(l.Offered))
	default:
		t.row("rate", "%s requests/s in hold, %.0f %% of the %s that the cadence gives",
			perSecond(l.Offered), 100*l.Offered/l.Expected, perSecond(l.Expected))
	}
	t.row("arrivals", "%d timed by the kernel, %d by this process", r.Stamps.Kernel, r.Stamps.User)
}

func (t *table) fixture(r *Report) {
	f := r.Fixture
	if f == nil {
		return
	}
	t.row("fixture", "%s accepted, %s at once at most, %s closed, %s open; %s requests", known(f.Accepted),
		known(f.Peak), known(f.Closed), known(f.Open), known(f.Requests))
	for _, c := range []comparison{compareConns(r), compareRequests(r)} {
		if c.known() && c.difference() == 0 { // else a warning says by how much
			t.row("", "%s", c.agreement())
		}
	}
}

func (t *table) doubts(r *Report) {
	for _, w := range r.Warnings {
		t.row("warning", "%s", w.Text)
	}
}

func (t *table) replay(r *Report) {
	e := r.Environment
	t.row("seed", "Config.Seed: %d draws the same pauses again", r.Seed)
	t.row("on", "%s", strings.Join(nonEmpty(e.Go, e.OS+"/"+e.Arch, e.Kernel, some(int64(e.CPUs), "CPU"),
		fmt.Sprintf("GOMAXPROCS %d", e.GOMAXPROCS)), ", "))
}

func nonEmpty(all ...string) []string {
	var out []string
	for _, s := range all {
		if s != "" {
			out = append(out, s)
		}
	}
	return out
}
