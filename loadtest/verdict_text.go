package loadtest

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"example.com/holdfast/internal/engine"
)

// The reasons of a verdict in words.

func plainCount(v float64) string { return fmt.Sprintf("%.0f", v) }

func plainSize(v float64) string { return size(int64(v)) }

func plainFraction(v float64) string { return fmt.Sprintf("%.4g", v) }

func plainDurationOf(v float64) string {
	if math.IsInf(v, 1) {
		return "endless"
	}
	return threeDigits(time.Duration(v))
}

// against writes a reading so that it can be told from the limit.
func (l line) against(reading float64) string {
	s := l.show(reading)
	if s == l.show(l.limit) && reading != l.limit {
		return fmt.Sprintf("%s (to the last digit %.0f, of %.0f)", s, reading, l.limit)
	}
	return s
}

// bound writes the limit, a duration as a person would.
func (l line) bound() string {
	if l.written != "" {
		return l.written
	}
	return l.show(l.limit)
}

// excess says by how much a reading is beyond the limit.
func (l line) excess(reading float64) string {
	limit := l.bound()
	switch {
	case l.least:
		return fmt.Sprintf("%s short of %s", l.show(l.limit-reading), limit)
	case l.limit == 0:
		return "none is allowed"
	case math.IsInf(reading, 1):
		return "over the limit of " + limit
	case reading > 100*l.limit:
		return fmt.Sprintf("%.0f times the limit of %s", reading/l.limit, limit)
	case reading > 3*l.limit:
		return fmt.Sprintf("%.3g times the limit of %s", reading/l.limit, limit)
	}
	return fmt.Sprintf("%.3g %% over the limit of %s", 100*(reading/l.limit-1), limit)
}

func (l line) metText() string {
	most := "at most"
	if l.least {
		most = "at least"
	}
	return fmt.Sprintf("%s: %s of %s %s.", l.title(), l.against(l.pessimistic), most, l.bound())
}

func (l line) brokenText() string {
	sure := "at least"
	if l.least {
		sure = "at most"
	}
	return fmt.Sprintf("%s: %s %s, whatever this machine did: %s (reported: %s).", l.title(), sure, l.against(l.optimistic),
		l.excess(l.optimistic), l.against(l.pessimistic))
}

func (l line) undecidedText() string {
	return fmt.Sprintf("%s: reported %s, %s, but %s without what may be this machine's doing.", l.title(),
		l.against(l.pessimistic), l.excess(l.pessimistic), l.against(l.optimistic))
}

func (l line) unknownText() string { return l.title() + " cannot be told: " + l.unknown }

func (l line) title() string {
	if l.note == "" {
		return l.name
	}
	return l.name + " (" + l.note + ")"
}

// lossGap says what keeps losses and failures from being surely the server's.
func (r *Report) lossGap() string {
	var text string
	if unsure := r.losses(func(c Cause) bool { return engine.ParseCause(string(c)).Blame() != engine.BlameServer }); unsure != "" {
		text = "Not surely the server's doing: " + unsure + ". "
	}
	return text + r.unfitText(nil)
}

// lossesText says what was lost, and of the most frequent loss what to look at.
func (r *Report) lossesText() string {
	text := r.losses(func(Cause) bool { return true })
	if text == "" {
		return ""
	}
	text = "Lost: " + text + "."
	for _, d := range r.Drops {
		if hint := dropHint(d, r); hint != "" && d.Cause != CauseAbandoned {
			return fmt.Sprintf("%s As to %s: %s", text, d.Cause, sentence(hint))
		}
	}
	return text
}

// losses counts those of some causes, most frequent first.
func (r *Report) losses(of func(Cause) bool) string {
	counts := map[Cause]int64{}
	var causes []Cause
	for _, d := range r.Drops {
		if d.Cause == CauseAbandoned || !of(d.Cause) {
			continue
		}
		if counts[d.Cause] == 0 {
			causes = append(causes, d.Cause)
		}
		counts[d.Cause] += d.Count
	}
	slices.SortStableFunc(causes, func(a, b Cause) int { return cmp.Compare(counts[b], counts[a]) })
	var all []string
	for _, c := range causes {
		all = append(all, fmt.Sprintf("%d %s", counts[c], c))
	}
	return few(all)
}

// few lists the first of many.
func few(all []string) string {
	const most = 4
	if more := len(all) - most; more > 0 {
		all = append(all[:most:most], fmt.Sprintf("others in %d ways", more))
	}
	return strings.Join(all, ", ")
}

// sentence ends text as one.
func sentence(text string) string {
	if strings.HasSuffix(text, "?") || strings.HasSuffix(text, ".") {
		return text
	}
	return text + "."
}

// failuresText says how requests failed.
func (r *Report) failuresText() string {
	q := r.Requests
	var all []string
	for _, of := range []struct {
		n    int64
		what string
	}{{q.TimedOut, "timed out"}, {q.Malformed, "malformed"}, {q.LostWithConn, "lost with their conns"}} {
		if of.n > 0 {
			all = append(all, fmt.Sprintf("%d %s", of.n, of.what))
		}
	}
	for _, s := range r.Unwanted {
		all = append(all, fmt.Sprintf("%d with status %d", s.Count, s.Status))
	}
	if len(all) == 0 {
		return ""
	}
	text := "Failed: " + few(all) + "."
	if hints := unwantedHints(r); len(hints) > 0 {
		text += " " + sentence(hints[0])
	}
	return text
}

// latencyGap says besides when the service times alone would do.
func (r *Report) latencyGap(b bound) string {
	alone := population{n: r.Requests.HoldDue, measured: r.Hold.ServiceTime}.pessimistic(b.perMille)
	if alone > float64(b.limit) {
		return r.quantileGap()
	}
	return fmt.Sprintf("Service times alone are within the limit (%s %s): the rest is how long requests that were due waited to be "+
		"sent, for us or for the answer before (p99 of lag %s). %s", b.name, plainDurationOf(alone), threeDigits(r.Lag.Quantile(0.99)),
		r.unfitText(inHold))
}

func (r *Report) quantileGap() string {
	var text string
	if lost := r.Requests.HoldDue - r.Hold.Latency.Count(); lost > 0 {
		text = fmt.Sprintf("%d of %s due in hold were not answered, of which %d surely by the server's doing. ", lost,
			some(r.Requests.HoldDue, "request"), r.Hold.Sure.Unanswered)
	}
	if r.Stamps.Kernel == 0 {
		text += fmt.Sprintf("No arrival was timed by the kernel, so that %s of each may be ours. ",
			threeDigits(engine.Punctual(r.Config.Tick)))
	}
	return text + r.unfitText(inHold)
}

func (r *Report) connectGap() string {
	text := fmt.Sprintf("Our own clock times connects, so that %s of each may be ours. ", threeDigits(engine.Punctual(r.Config.Tick)))
	if failed := r.Conns.Attempts - r.Conns.Connected; failed > 0 {
		text += fmt.Sprintf("%d of %s did not connect, %d surely by the server's doing. ", failed, some(r.Conns.Attempts, "attempt"),
			r.Hold.Sure.Unconnected)
	}
	return text + r.unfitText(inRamp)
}

// inHold and inRamp choose the seconds that matter for a line.
func inHold(r *Report, from, to time.Duration) bool { return to > r.Phases.Ramp }

func inRamp(r *Report, from, to time.Duration) bool { return from <= r.Phases.Ramp }

// unfitText says which seconds were not clean, why, and what can be done; of all seconds, or those chosen.
func (r *Report) unfitText(choose func(r *Report, from, to time.Duration) bool) string {
	var from time.Duration
	all, clean := 0, 0
	var found unfitSeconds
	for _, s := range r.Timeline {
		if choose == nil || choose(r, from, s.At) {
			if all++; s.Clean {
				clean++
			} else {
				found.add(s, unfitness(s, from, r.Config.Tick))
			}
		}
		from = s.At
	}
	switch {
	case all == 0:
		return ""
	case clean == all:
		return fmt.Sprintf("All seconds in question (%d) were clean.", all)
	}
	text := fmt.Sprintf("%d of %d seconds in question were not clean, and nothing in those is surely the server's: %s.",
		all-clean, all, found.text())
	if found.foreign > 0 && r.Fixture == nil && r.ServerUse.Of == "" {
		text += " If the other work is the server's, set Config.ServerPID."
	}
	return text
}

// unfitSeconds are the seconds that were not clean, by why.
type unfitSeconds struct {
	late, foreign, steal, throttled, unknown, after int

	mostLate               time.Duration
	mostForeign, mostSteal float64
	mostThrottled          time.Duration
}

func (u *unfitSeconds) add(s Sample, why unfit) {
	if why == (unfit{}) {
		u.after++
	}
	if why.late {
		u.late, u.mostLate = u.late+1, max(u.mostLate, s.Late)
	}
	if why.foreign {
		u.foreign, u.mostForeign = u.foreign+1, max(u.mostForeign, s.Host.Foreign)
	}
	if why.steal {
		u.steal, u.mostSteal = u.steal+1, max(u.mostSteal, s.Host.Steal)
	}
	if why.throttled {
		u.throttled, u.mostThrottled = u.throttled+1, max(u.mostThrottled, s.Host.Throttled)
	}
	if why.unknown {
		u.unknown++
	}
}

// text names the gravest first: what others do makes us late, and not the other way round.
func (u unfitSeconds) text() string {
	var all []string
	say := func(n int, format string, args ...any) {
		if n > 0 {
			all = append(all, fmt.Sprintf("in %d ", n)+fmt.Sprintf(format, args...))
		}
	}
	say(u.foreign, "the machine was busy with other work (foreign CPU up to %.0f %%: run it when nothing else runs)", 100*u.mostForeign)
	say(u.steal, "the hypervisor took CPUs away (up to %.0f %%: use a machine whose CPUs are its own)", 100*u.mostSteal)
	say(u.throttled, "the CPU quota stopped us (up to %s: raise the cgroup's cpu.max)", threeDigits(u.mostThrottled))
	say(u.late, "we were late for what we had planned (up to %s: fewer Connections or longer pauses, Processes, or more CPUs)",
		threeDigits(u.mostLate))
	say(u.unknown, "it is unknown what else the machine did (only Linux says, and not of less than 100ms)")
	say(u.after, "the second before was not calm")
	return strings.Join(all, "; ")
}
