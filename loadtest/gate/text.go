package gate

import (
	"fmt"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"example.com/holdfast/internal/lines"
	"example.com/holdfast/internal/rerun"
)

const (
	labelWidth = 13
	widestName = 36
)

// String is the result for a test log: the outcome first, in lines of at most 110 columns but for the command that runs
// it again. It is for people, and changes; programs read the JSON.
func (r *result) String() string {
	var t table
	t.b.WriteString(strings.Join(lines.Fold("gate: "+r.headline(), lines.Width), "\n  ") + "\n")
	t.row("base", r.Base.String())
	t.row("head", r.Head.String())
	t.row("with", r.setup())
	t.row("on", r.machine())
	t.metrics(r.Metrics)
	t.row("noise", r.noise())
	for _, note := range r.Notes {
		t.row("note", lines.Printable(note))
	}
	if again := r.again(); again != "" { // not folded: it is there to be copied
		t.b.WriteString(fmt.Sprintf("%-*s%s\n", labelWidth, "again", again))
	}
	return t.b.String()
}

// A table has lines of a label and text.
type table struct{ b strings.Builder }

// row leaves out what there is nothing to say of.
func (t *table) row(label, text string) {
	if text != "" {
		t.b.WriteString(lines.Labelled(label, labelWidth, text))
	}
}

// headline is what a person who reads one line has to know.
func (r *result) headline() string {
	var stories []string
	for _, m := range r.Metrics {
		if m.Outcome == r.Outcome {
			stories = append(stories, m.story())
		}
	}
	switch {
	case r.Outcome == unknown && r.Why != "":
		return "unknown: " + lines.Printable(r.Why)
	case r.Outcome == worse && len(stories) > 0: // each of them is to be looked at
		return "worse: " + strings.Join(stories, "; ")
	case len(stories) > 1:
		return fmt.Sprintf("%s: %s; and %d more", r.Outcome, stories[0], len(stories)-1)
	case len(stories) > 0:
		return string(r.Outcome) + ": " + stories[0]
	case r.Why != "":
		return string(r.Outcome) + ": " + lines.Printable(r.Why)
	}
	return string(r.Outcome)
}

// String says which revision it is, and how its test binary came about.
func (v revision) String() string {
	if v == (revision{}) {
		return ""
	}
	text := inLine(v.Name)
	if v.Commit != "" {
		text += " (" + short(v.Commit)
		if v.Dirty {
			text += " and changes that are not committed"
		}
		text += ")"
	}
	if v.Title != "" {
		text += ": " + inLine(v.Title)
	}
	if v.Built != "" {
		text += "; " + inLine(v.Built)
	}
	return text
}

func (r *result) setup() string {
	if len(r.First) == 0 {
		return ""
	}
	text := fmt.Sprintf("%d conns to each, %d requests at a time; %d pairs of processes", r.Conns, r.Outstanding, len(r.First))
	if n := len(r.Confirming); n > 0 {
		text += fmt.Sprintf(", %d fresh ones to confirm", n)
	}
	if n := len(r.Discarded); n > 0 {
		text += fmt.Sprintf(", %d disturbed and measured again", n)
	}
	return text + fmt.Sprintf("; took %s, seed %d", r.Took.Round(time.Second), r.Seed)
}

func (r *result) machine() string {
	e := r.Machine
	if e.Go == "" {
		return ""
	}
	parts := []string{e.Go, e.OS + "/" + e.Arch}
	if e.Kernel != "" {
		parts = append(parts, e.Kernel)
	}
	parts = append(parts, fmt.Sprintf("CPUs %d, GOMAXPROCS %d", e.CPUs, e.GOMAXPROCS))
	if e.Race {
		parts = append(parts, "race detector")
	}
	return strings.Join(parts, ", ")
}

// metrics writes a line for each, and one for what an outcome stands on.
func (t *table) metrics(all []metric) {
	if len(all) == 0 {
		return
	}
	widest := len("metric")
	for _, m := range all {
		widest = min(max(widest, utf8.RuneCountInString(m.Name)), widestName)
	}
	line := func(name, base, head, change, outcome string) {
		text := fmt.Sprintf("%-*s  %10s  %10s  %-28s  %s", widest, name, base, head, change, outcome)
		t.b.WriteString(strings.TrimRight(text, " ") + "\n")
	}
	line("metric", "base", "head", "change", "outcome")
	for _, m := range all {
		base, head := m.values()
		line(cut(m.Name, widestName), base, head, m.change(), string(m.Outcome))
		if text := m.evidence(); text != "" {
			t.b.WriteString(strings.Join(lines.Fold("    "+text, lines.Width), "\n") + "\n")
		}
	}
}

// noise says what this machine lets a gate find.
func (r *result) noise() string {
	n := len(r.First)
	if r.Noise <= 0 || n == 0 {
		return ""
	}
	var tolerance float64
	for _, m := range r.Metrics {
		if m.Unit == unitCPU {
			tolerance = m.Tolerance
		}
	}
	return fmt.Sprintf("σ of a pair %.1f %%: here %d pairs find %+.1f %% CPU per request nine times of ten", 100*r.Noise, n,
		100*floor(tolerance, r.Noise, n))
}

// reach is by how many σ/√pairs a change has to be beyond the tolerance to be found nine times of ten: both stages, the
// signed-rank test of n pairs with p ≤ .05 and that of 2 n fresh ones with p ≤ .01, have Φ(reach · √(3/π) − 1.645) ·
// Φ(reach · √2 · √(3/π) − 2.326) = .90 there. (3/π is what a signed-rank test makes of normal noise, beside Student's t.)
const reach = 3.13

// floor is the smallest change that so many pairs find nine times of ten. It is a rule of thumb: for a handful of pairs, and
// for noise with heavy tails, the distribution is not quite normal.
func floor(tolerance, sigma float64, pairs int) float64 {
	return (1+tolerance)*math.Exp(reach*sigma/math.Sqrt(float64(pairs))) - 1
}

// again is the command that compares once more; "" where nobody would.
func (r *result) again() string {
	if r.Base.Commit == "" || r.Outcome != worse && r.Outcome != unknown {
		return ""
	}
	return lines.Printable(rerun.Command(baseVariable, short(r.Base.Commit), r.Test, r.Package, r.Machine.Race))
}
