package loadtest

import (
	"fmt"
	"math"
	"strings"
	"time"

	"example.com/holdfast/internal/engine"
)

// The reasons of a verdict in words.

func plainCount(v float64) string { return fmt.Sprintf("%.0f", v) }

func plainSize(v float64) string { return size(int64(v)) }

func plainDurationOf(v float64) string {
	if math.IsInf(v, 1) {
		return "without end"
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
		return "where none is allowed"
	case math.IsInf(reading, 1):
		return "over the limit of " + limit
	case reading > 100*l.limit:
		return fmt.Sprintf("%.0f times the limit of %s", reading/l.limit, limit)
	case reading > 3*l.limit:
		return fmt.Sprintf("%.3g times the limit of %s", reading/l.limit, limit)
	}
	return fmt.Sprintf("%.3g %% over the limit of %s", 100*(reading/l.limit-1), limit)
}

func (l line) brokenText() string {
	sure := "at least"
	if l.least {
		sure = "at most"
	}
	return fmt.Sprintf("%s: %s %s by what surely is the server's doing, %s (as reported: %s)", l.title(), l.against(l.optimistic),
		sure, l.excess(l.optimistic), l.against(l.pessimistic))
}

func (l line) undecidedText() string {
	text := fmt.Sprintf("%s: %s as reported, %s, but %s by what surely is the server's doing. %s", l.title(),
		l.against(l.pessimistic), l.excess(l.pessimistic), l.against(l.optimistic), l.gap())
	return strings.TrimSuffix(text, " ")
}

func (l line) unknownText() string { return l.title() + " cannot be told: " + l.unknown }

func (l line) title() string {
	if l.note == "" {
		return l.name
	}
	return l.name + " (" + l.note + ")"
}

// unattributed returns why what the server used is not known by itself; "" if it is.
func (r *Report) unattributed(u Usage, measure string) string {
	switch {
	case u.Shared:
		return fmt.Sprintf("other runs at the same time are in the %s of the %s: run them one after the other", measure, u.Of)
	case u.Of != "":
		return ""
	case r.Fixture != nil:
		return fmt.Sprintf("the server is in the generator's process, and nobody can tell its %s: set Processes, for a generator in "+
			"processes of its own", measure)
	}
	return fmt.Sprintf("whose %s to read is not known: set ServerPID, to that of the server", measure)
}

// lossGap says what keeps losses and failures from being surely the server's.
func (r *Report) lossGap() string {
	var unsure []string
	for _, d := range r.Drops {
		if engine.ParseCause(string(d.Cause)).Blame() != engine.BlameServer && d.Cause != CauseAbandoned {
			unsure = append(unsure, fmt.Sprintf("%d %s", d.Count, d.Cause))
		}
	}
	const most = 4
	if more := len(unsure) - most; more > 0 {
		unsure = append(unsure[:most], fmt.Sprintf("others in %d ways", more))
	}
	var text string
	if len(unsure) > 0 {
		text = "Not surely the server's doing: " + strings.Join(unsure, ", ") + ". "
	}
	return text + r.unfitText(nil)
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
	return fmt.Sprintf("%d of %d seconds in question were not clean, and nothing in those is surely the server's: %s.",
		all-clean, all, found.text())
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
	say(u.foreign, "the machine was busy with other work (foreign CPU up to %.0f %%: run it when nothing else does)", 100*u.mostForeign)
	say(u.steal, "the hypervisor took CPUs away (up to %.0f %%: use a machine whose CPUs are its own)", 100*u.mostSteal)
	say(u.throttled, "the CPU quota stopped us (up to %s: raise the cgroup's cpu.max)", threeDigits(u.mostThrottled))
	say(u.late, "we were late for what we had planned (up to %s: fewer Connections or longer pauses, Processes, or more CPUs)",
		threeDigits(u.mostLate))
	say(u.unknown, "it is unknown what else the machine did (only Linux says)")
	say(u.after, "the second before was not calm")
	return strings.Join(all, "; ")
}
