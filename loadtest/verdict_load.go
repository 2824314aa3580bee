package loadtest

import (
	"fmt"
	"strings"
	"time"
)

// unoffered returns why the run did not put the load on the server that it was to: then nothing passes, because nobody can
// tell what the server would have done.
func (r *Report) unoffered() (all []Reason) {
	if err := r.laws(); err != nil {
		all = append(all, Reason{Line: "report", Text: strings.ReplaceAll(err.Error(), "\n\t", "; ")})
	}
	for _, of := range []func() (Reason, bool){r.cutShort, r.slipped, r.notSent, r.ownLosses} {
		if reason, is := of(); is {
			all = append(all, reason)
		}
	}
	return all
}

func (r *Report) cutShort() (Reason, bool) {
	p := r.Phases
	return Reason{Line: "run", Text: fmt.Sprintf("the run was cut short in the %s: give its context, and the test, the time "+
		"that it takes", orNone(p.Ended, "beginning"))}, !p.Complete
}

func orNone(s, none string) string {
	if s == "" {
		return none
	}
	return s
}

// slipped compares when the last conn was begun with the plan.
func (r *Report) slipped() (Reason, bool) {
	e := r.Config
	if e.RampEvery <= 0 || e.RampConns <= 0 || r.Conns.NotAttempted > 0 { // all at once, or cut short
		return Reason{}, false
	}
	planned := time.Duration((e.Connections-1)/e.RampConns) * e.RampEvery
	if planned <= 0 { // all at once, too
		return Reason{}, false
	}
	limit := planned + max(mostRampSlip, time.Duration(mostRampSlipShare*float64(planned)))
	text := fmt.Sprintf("the ramp fell behind: its last conn was to be begun at %s, and was at %s; at most %d conns at a time may "+
		"connect or await their first answer", threeDigits(planned), threeDigits(r.Phases.Opened), e.MaxConnecting)
	text += ": ramp more slowly than the server takes conns, or on a machine that is not busy. " + r.unfitText(inRamp)
	return Reason{Line: "ramp", Limit: threeDigits(limit), Pessimistic: threeDigits(r.Phases.Opened),
		Text: strings.TrimSuffix(text, " ")}, r.Phases.Opened > limit
}

// notSent compares the requests sent with those that fell due in hold.
func (r *Report) notSent() (Reason, bool) {
	q := r.Requests
	if q.HoldDue == 0 {
		return Reason{}, false
	}
	share := float64(q.HoldSent) / float64(q.HoldDue)
	return Reason{
		Line: "load", Limit: sharePercent(leastSentShare), Pessimistic: sharePercent(share),
		Text: fmt.Sprintf("of %s due in hold %d were sent, %s, and %s are to be: conns were lost before they could send, or "+
			"still awaited an answer when the sweep ended", some(q.HoldDue, "request"), q.HoldSent,
			sharePercent(share), sharePercent(leastSentShare)),
	}, share < leastSentShare
}

// sharePercent does not round 98.99 % up to 99.
func sharePercent(share float64) string { return fmt.Sprintf("%.4g %%", 100*share) }

// ownLosses finds what was lost by the generator's fault, and processes of it that died. What is in flight when reopening
// ends is not.
func (r *Report) ownLosses() (Reason, bool) {
	var n int64
	var by []string
	died := false
	for _, p := range r.Processes {
		if p.Died != "" {
			died = true
			by = append(by, fmt.Sprintf("process %d died (%s), with %s", p.PID, p.Died, some(p.Lost, "conn")))
		}
	}
	for _, d := range r.Drops {
		if !d.Cause.ByGenerator() || d.Cause == CauseAbandoned {
			continue
		}
		if n += d.Count; d.Cause != CauseGeneratorDied || !died { // else it is said above
			by = append(by, fmt.Sprintf("%d %s: %s", d.Count, d.Cause, orNone(dropHint(d, r), "see Drops")))
		}
	}
	text := strings.Join(by, "; ")
	if n > 0 {
		text = fmt.Sprintf("%s lost by the generator's fault, or its machine's, not the server's: %s", wasOrWere(n, "conn"), text)
	}
	return Reason{Line: "generator", Limit: "0", Pessimistic: fmt.Sprint(n), Text: text}, n > 0 || died
}

func wasOrWere(n int64, thing string) string {
	if n == 1 {
		return some(n, thing) + " was"
	}
	return some(n, thing) + " were"
}
