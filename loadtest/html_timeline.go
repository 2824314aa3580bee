package loadtest

import (
	"fmt"
	"slices"
)

// The charts of the timeline.

const noTimeline = "none: the run ended before its first second was measured"

func (p page) overTime(r *Report, all []stretch, o overTime) {
	if len(all) == 0 && o.empty == "" {
		o.empty = noTimeline
	}
	o.draw = func(c *chart) { o.paint(c, r, all) }
	p.illustrate(o.illustration)
}

func (p page) connsChart(r *Report, all []stretch, each int) {
	c := r.Conns
	o := overTime{
		series: []series{{"open", 1, func(s stretch) float64 { return float64(s.Open) }}},
		rules:  []threshold{{float64(c.Requested), fmt.Sprintf("%d requested", c.Requested)}},
		strip:  &strip{name: "lost", none: "none lost", of: func(s stretch) int64 { return s.Dropped }},
		tip: func(s stretch) string {
			return fmt.Sprintf("%s, %d opened, %d lost", s.openText(), s.Connected, s.Dropped)
		},
	}
	o.id, o.title = "conns", "Connections over time"
	o.desc = fmt.Sprintf("Conns open at the end of each second, up to %d, and how many were lost in it.", mostOf(all,
		func(s stretch) int64 { return s.mostOpen }))
	o.caption = "Open at the end of each second."
	if each > 1 {
		o.caption = mark("The fewest that were open at the end of any of the %d seconds that a point stands for.", each)
	}
	if most := mostOf(all, o.strip.of); most > 0 {
		o.caption += mark(" Below: conns lost and attempts that failed, up to %d at a time.", most)
	}
	p.overTime(r, all, o)
}

func (p page) rateChart(r *Report, all []stretch) {
	o := overTime{
		series: []series{
			{"sent", 1, func(s stretch) float64 { return s.rate(s.Sent) }},
			{"answered", 2, func(s stretch) float64 { return s.rate(s.Answered) }},
		},
		strip: &strip{name: "failed", none: "none failed", of: func(s stretch) int64 { return s.Failed }},
		tip: func(s stretch) string {
			return fmt.Sprintf("%s sent/s, %s answered/s, %d failed", perSecond(s.rate(s.Sent)), perSecond(s.rate(s.Answered)),
				s.Failed)
		},
	}
	if e := r.Load.Expected; e > 0 {
		o.rules = []threshold{{e, perSecond(e) + " expected"}}
	}
	o.id, o.title = "rate", "Requests per second"
	o.desc = "Requests sent and answered per second, and how many failed."
	o.caption = "Sent and answered in each second. Expected is what the cadence gives with all conns open and prompt answers."
	if most := mostOf(all, o.strip.of); most > 0 {
		o.caption += mark(" Below: requests that failed, up to %d at a time.", most)
	}
	p.overTime(r, all, o)
}

func (p page) latencyChart(r *Report, all []stretch) {
	o := overTime{
		series: []series{
			{"max", 4, func(s stretch) float64 { return someDuration(s.LatencyMax) }},
			{"p99", 3, func(s stretch) float64 { return someDuration(s.LatencyP99) }},
			{"p50", 1, func(s stretch) float64 { return someDuration(s.LatencyP50) }},
		},
		log: true, shade: true,
		tip: func(s stretch) string {
			if s.unanswered() {
				return "nothing was answered or timed out"
			}
			return fmt.Sprintf("p50 %s, p99 %s, max %s", threeDigits(s.LatencyP50), threeDigits(s.LatencyP99),
				threeDigits(s.LatencyMax))
		},
	}
	o.id, o.title = "latency", "Latency over time"
	o.desc = "Median, 99th percentile and maximum of the latency in each second."
	o.caption = mark("Of the requests answered or timed out in each second, from when they were due. %s", uncleanText(r.Timeline))
	if len(all) > 0 && mostOf(all, func(s stretch) int64 { return int64(s.LatencyMax) }) == 0 {
		o.empty = "none: no request was answered or timed out"
	}
	p.overTime(r, all, o)
}

func (p page) latenessChart(r *Report, all []stretch) {
	limit := lateThreshold(r.Config)
	o := overTime{
		series: []series{
			{"late", 4, func(s stretch) float64 { return someDuration(s.Late) }},
			{"lag", 2, func(s stretch) float64 { return someDuration(s.LagMax) }},
		},
		log: true, shade: true,
		rules: []threshold{{float64(limit), threeDigits(limit) + ": not clean above"}},
		tip: func(s stretch) string {
			return fmt.Sprintf("late by %s, lag %s at most; %s", threeDigits(s.Late), threeDigits(s.LagMax), cleanText(s))
		},
	}
	o.id, o.title = "lateness", "How late the generator was"
	o.desc = "The most that the generator was late for what it had planned, and the most that a request was sent after it was due."
	o.caption = mark("The most in each second: <b>late</b> for anything planned, <b>lag</b> from due to sent. It is in the latency, "+
		"and not the server’s. %s", uncleanText(r.Timeline))
	if len(all) > 0 && mostOf(all, func(s stretch) int64 { return int64(max(s.Late, s.LagMax)) }) == 0 {
		o.empty = "none: the generator was never late"
	}
	p.overTime(r, all, o)
}

func (p page) hostChart(r *Report, all []stretch) {
	o := overTime{
		series: []series{
			{"busy", 1, func(s stretch) float64 { return someShare(s.Host.Busy) }},
			{"by others", 4, func(s stretch) float64 { return someShare(s.Host.Foreign) }},
			{"stolen", 3, func(s stretch) float64 { return someShare(s.Host.Steal) }},
		},
		axis: shareAxis, shade: true,
		rules: []threshold{{mostForeign, percent(mostForeign) + " by others: not clean above"}},
		tip: func(s stretch) string {
			return fmt.Sprintf("CPUs %s busy, %s by others, %s stolen; %s", knownShare(s.Host.Busy), knownShare(s.Host.Foreign),
				knownShare(s.Host.Steal), cleanText(s))
		},
	}
	o.id, o.title = "host", "What the host was busy with"
	o.desc = "Shares of the time of all CPUs: busy, used by other programs, and taken by the hypervisor."
	o.caption = mark("Of the time of all CPUs: in use, by programs other than the generator and the server, and taken by the "+
		"hypervisor. %s", uncleanText(r.Timeline))
	if !slices.ContainsFunc(all, func(s stretch) bool { return s.Host.Busy >= 0 }) && len(all) > 0 {
		o.empty = "unknown: only Linux says, and not of less than 100ms"
	}
	p.overTime(r, all, o)
}

func mostOf(all []stretch, of func(s stretch) int64) (most int64) {
	for _, s := range all {
		most = max(most, of(s))
	}
	return most
}

func cleanText(s stretch) string {
	if s.Clean {
		return "clean"
	}
	return "not clean"
}

// uncleanText says how many seconds the shade is over.
func uncleanText(timeline []Sample) string {
	n := 0
	for _, s := range timeline {
		if !s.Clean {
			n++
		}
	}
	if n == 0 {
		return "All seconds were clean."
	}
	return fmt.Sprintf("Shaded: %d of %d seconds that were not clean, in which this machine may be to blame.", n, len(timeline))
}
