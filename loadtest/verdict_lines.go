package loadtest

import (
	"math"
	"math/bits"
	"strings"
	"time"
)

// A line is one demand of a budget, with its two readings.
type line struct {
	name                           string
	limit, optimistic, pessimistic float64
	written                        string               // the limit, if not as show has it
	least                          bool                 // the limit is the least; else the most
	show                           func(float64) string // how its figures are written
	note                           string               // on how it is judged
	unknown                        string               // why there are no readings
	gap                            func() string        // why they differ; nil: nothing is to be said
	why                            func() string        // what the server did, if it surely broke the limit; nil: the figure says it
}

// beyond reports whether a reading breaks the limit.
func (l line) beyond(reading float64) bool {
	if l.least {
		return reading < l.limit
	}
	return reading > l.limit
}

// said has explanations that a verdict has given, each with the line that it is given for.
type said map[string]string

// once returns what to say after a text to explain it: an explanation is not repeated from line to line.
func (s said) once(line string, explain func() string) string {
	if explain == nil {
		return ""
	}
	text := strings.TrimSpace(explain())
	if first, before := s[text]; before {
		return " As for " + first + "."
	}
	if text == "" {
		return ""
	}
	s[text] = line
	return " " + text
}

// judge adds to v what the line comes to, and why.
func (l line) judge(v *Verdict, s said) {
	reason := Reason{Line: l.name, Limit: l.bound()}
	if l.unknown != "" {
		reason.Text = l.unknownText()
		v.Invalid = append(v.Invalid, reason)
		return
	}
	reason.Optimistic, reason.Pessimistic = l.show(l.optimistic), l.show(l.pessimistic)
	switch {
	case !l.beyond(l.pessimistic):
		reason.Text = l.metText()
		v.Met = append(v.Met, reason)
	case l.beyond(l.optimistic):
		reason.Text = l.brokenText() + s.once(l.name, l.why)
		v.Broken = append(v.Broken, reason)
	default:
		reason.Text = l.undecidedText() + s.once(l.name, l.gap)
		v.Invalid = append(v.Invalid, reason)
	}
}

// lines returns all demands of b.
func (r *Report) lines(b Budget) (all []line) {
	all = append(all, r.counts(b)...)
	for _, of := range b.limits() {
		for _, bound := range of.bounds() {
			if bound.limit > 0 {
				all = append(all, r.quantile(of.name, bound))
			}
		}
	}
	if b.RSSPerConn > 0 {
		all = append(all, r.rssLine(b.RSSPerConn))
	}
	all = append(all, r.heldLines(b)...)
	if b.CPUPerRequest > 0 {
		all = append(all, r.cpuLine(b.CPUPerRequest))
	}
	if b.LeakRounds > 0 {
		all = append(all, r.Leaks.lines(b.LeakRounds)...)
	}
	return all
}

// counts returns the lines of the ledger.
func (r *Report) counts(b Budget) (all []line) {
	c, sure := r.Conns, r.Hold.Sure
	if b.Held >= 0 {
		all = append(all, line{
			name: "Held", limit: float64(b.leastHeld(c.Requested)), least: true, show: plainCount, gap: r.lossGap, why: r.lossesText,
			pessimistic: float64(c.Held), optimistic: float64(c.Requested - sure.NotHeld),
		})
	}
	if b.Drops >= 0 {
		all = append(all, line{
			name: "Drops", limit: float64(b.Drops), show: plainCount, gap: r.lossGap, why: r.lossesText,
			pessimistic: float64(c.Dropped + c.ConnectFailed), optimistic: float64(sure.Losses),
		})
	}
	if b.Failed >= 0 {
		all = append(all, line{
			name: "Failed", limit: float64(b.Failed), show: plainCount, gap: r.lossGap, why: r.failuresText,
			pessimistic: float64(r.Requests.Failed()), optimistic: float64(sure.Failed),
		})
	}
	return all
}

// A population is some durations of which the rest is known only by its number: pessimistically they lasted for ever, and
// optimistically, with all that is not sure, no time at all.
type population struct {
	n        int64
	measured Distribution
	sure     Distribution
	endless  int64 // surely
}

// rank returns which of the n, in ascending order, is the quantile: the least that the fraction asked for is not above.
func (p population) rank(perMille int64) int64 { return (p.n*perMille + 999) / 1000 }

func (p population) pessimistic(perMille int64) float64 {
	rank := p.rank(perMille)
	if rank > p.measured.Count() {
		return math.Inf(1)
	}
	_, most := p.measured.ranked(rank)
	return float64(most)
}

func (p population) optimistic(perMille int64) float64 {
	switch rank := p.rank(perMille) - (p.n - p.sure.Count() - p.endless); {
	case rank <= 0:
		return 0
	case rank > p.sure.Count():
		return math.Inf(1)
	default:
		least, _ := p.sure.ranked(rank)
		return float64(least)
	}
}

// ranked returns between which durations the one of a rank lies, from 1 for the shortest.
func (d Distribution) ranked(rank int64) (least, most time.Duration) {
	n := d.Count()
	top := d.h.HDR.ValueAtQuantile(100 * float64(rank) / float64(n))
	bottomOf := func(value int64) time.Duration { return bottomOf(value, d.h.HDR.SignificantFigures()) }
	least, most = bottomOf(top), time.Duration(top)
	if least <= bottomOf(d.h.HDR.ValueAtQuantile(0)) {
		least = d.Min() // where what is below the range stands too
	}
	if top >= min(d.h.HDR.ValueAtQuantile(100), d.h.HDR.HighestTrackableValue()) {
		most = d.Max() // where what is beyond the range stands too
	}
	return least, most
}

// bottomOf returns the least value that a histogram of so many digits does not tell from top: with three each value below
// 2048 has a bucket of its own, with two below 256.
func bottomOf(top, digits int64) time.Duration {
	exact := 11
	if digits == 2 {
		exact = 8
	}
	shift := max(0, bits.Len64(uint64(top))-exact)
	return time.Duration(top >> shift << shift)
}

// quantile returns the line of a limit of durations.
func (r *Report) quantile(of string, b bound) line {
	l := line{name: of + "." + b.name, limit: float64(b.limit), written: plainDuration(b.limit), show: plainDurationOf,
		gap: r.quantileGap, why: func() string { return r.slowAnswersText(b.limit) }}
	h := r.Hold
	p := population{n: r.Requests.HoldDue, measured: h.ServiceTime, sure: h.Clean, endless: h.Sure.Unanswered}
	switch {
	case of == "Connect":
		p = population{n: r.Conns.Attempts, measured: r.Connect, sure: h.CleanConnect, endless: h.Sure.Unconnected}
		l.gap, l.why = r.connectGap, func() string { return r.slowConnectsText(b.limit) }
	case of == "Latency" && r.closedLoop():
		l.note = "by service time: back to back, a request is due when the answer before has come"
	case of == "Latency":
		p.measured = h.Latency
		l.gap = func() string { return r.latencyGap(b) }
	}
	if p.n == 0 {
		switch {
		case of == "Connect":
			l.unknown = "no conn was attempted"
		case r.Conns.OpenAtEnd == 0 && r.Conns.Attempts > 0:
			l.unknown = "no conn was left by the time that hold began: see Held"
		default:
			l.unknown = "no request fell due in hold: give the run a Hold, and a Cadence that sends requests in it"
		}
		return l
	}
	l.pessimistic, l.optimistic = p.pessimistic(b.perMille), p.optimistic(b.perMille)
	return l
}

func (r *Report) closedLoop() bool { return r.Config.Cadence == backToBack }
