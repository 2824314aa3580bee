package loadtest

import (
	"errors"
	"fmt"
	"strings"
)

// An Outcome is what a [Verdict] comes to.
type Outcome string

const (
	Pass    Outcome = "pass"    // the budget is met, whoever is charged with what went wrong, and the load was offered
	Fail    Outcome = "fail"    // the server broke the budget, whatever this machine did
	Invalid Outcome = "invalid" // neither can be told from this run
)

// A Verdict is what a [Report] means for a [Budget]. Its text names each line of the budget that is broken or undecided.
type Verdict struct {
	Outcome Outcome  `json:"outcome"`
	Broken  []Reason `json:"broken,omitempty"`  // the lines of the budget that the server surely broke
	Invalid []Reason `json:"invalid,omitempty"` // what could not be decided; also beside broken lines
	Met     []Reason `json:"met,omitempty"`     // the lines within their limits, whoever is charged
}

// A Reason is what a verdict says of a line of the budget, or why the run tells nothing. The readings are as its text has
// them; empty where there are none.
type Reason struct {
	Line        string `json:"line"`                  // such as "Latency.P99", or what ails the run: "run", "ramp", "load", "generator", "report"
	Limit       string `json:"limit,omitempty"`       // the budget's
	Optimistic  string `json:"optimistic,omitempty"`  // what is surely the server's
	Pessimistic string `json:"pessimistic,omitempty"` // what was reported
	Text        string `json:"text"`                  // for people: what was seen, and what can be done
}

// Judge holds r against a budget. What a run measures is the server's doing and, on a machine that is busy, its own; so
// each line is judged twice. The pessimistic reading charges the server with all: latency counts from when a request was
// due, and what was lost or not answered took for ever. The optimistic one charges it only with what surely was its doing:
// service times by the kernel's stamps in clean seconds, and losses that no busy machine brings about (see [Cohort]);
// everything else counts as nothing. The truth lies between the two. So
//
//   - Pass: each pessimistic reading is within its limit, and the load was offered: the run is complete, 99 % of the
//     requests due in hold were sent, the ramp kept its pace, and nothing was lost by the generator's fault;
//   - Fail: an optimistic reading is beyond its limit;
//   - Invalid: otherwise. The reasons name the line, the readings, and what is in the way.
//
// A measure that a line needs and that is unknown makes the run invalid; it never passes.
func (r *Report) Judge(b Budget) Verdict {
	if wrong := b.nonsense(r.Conns.Requested); len(wrong) > 0 {
		return Verdict{Outcome: Invalid, Invalid: wrong}
	}
	v := Verdict{Outcome: Pass, Invalid: r.unoffered()}
	explained := said{}
	for _, l := range r.lines(b) {
		l.judge(&v, explained)
	}
	switch {
	case len(v.Broken) > 0:
		v.Outcome = Fail
	case len(v.Invalid) > 0:
		v.Outcome = Invalid
	}
	return v
}

// Err returns nil if v is Pass, and else an error that says all.
func (v Verdict) Err() error {
	if v.Outcome == Pass {
		return nil
	}
	return errors.New("loadtest: " + v.String())
}

// String says the outcome and, a line for each, the reasons.
func (v Verdict) String() string {
	var b strings.Builder
	b.WriteString(string(v.Outcome))
	for _, r := range v.Broken {
		fmt.Fprintf(&b, "\n  broken: %s", r.Text)
	}
	for _, r := range v.Invalid {
		fmt.Fprintf(&b, "\n  undecided: %s", r.Text)
	}
	return b.String()
}
