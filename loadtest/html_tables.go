package loadtest

import (
	"fmt"
	"strconv"
	"time"

	"example.com/holdfast/internal/lines"
)

// The figures of the page: all that the charts show, and what they do not.

func (p page) tables(r *Report, all []stretch, each int) {
	p.put("<section id=\"figures\">\n<h2>Figures</h2>\n")
	p.durations(r)
	p.put("<div class=\"side\">\n")
	p.fields("Conns", connFields(r.Conns))
	p.fields("Attempts to connect", attemptFields(r.Conns))
	p.fields("Requests", requestFields(r.Requests))
	p.fields("Rate and phases", rateFields(r))
	p.put("</div>\n")
	p.seconds(all, each)
	p.put("</section>\n")
	p.drops(r)
	p.warnings(r)
	p.leaks(r.Leaks)
	p.surroundings(r)
	p.replay(r)
}

func (p page) durations(r *Report) {
	p.columns("Durations", "numbers", "", "p50", "p90", "p99", "p99.9", "max", "count")
	keys := map[string]string{"connect": "connect", "latency": "latency", "service time": "service_time", "lag": "lag",
		"client wait": "client_wait", "recovery": "recovery"}
	for _, d := range r.distributions() {
		key := keys[d.name]
		p.put(`<tr><th scope="row">%s</th>`, d.name)
		for _, q := range []struct {
			key string
			of  time.Duration
		}{{"p50_ns", d.Quantile(.5)}, {"p90_ns", d.Quantile(.9)}, {"p99_ns", d.Quantile(.99)}, {"p999_ns", d.Quantile(.999)},
			{"max_ns", d.Max()}} {
			cell := markup("–")
			if d.Count() > 0 {
				cell = durationDatum(key+"."+q.key, q.of)
			}
			p.put("<td>%s</td>", cell)
		}
		p.put("<td>%s</td></tr>\n", countDatum(key+".count", d.Count()))
	}
	p.endColumns()
	if n := r.Latency.Censored(); n > 0 {
		p.put("<p class=\"hint\">%s of the latencies are of requests that timed out: at least so long.</p>\n",
			countDatum("latency.censored", n))
	}
}

func connFields(c Conns) []field {
	return []field{
		{label: "requested", value: countDatum("conns.requested", c.Requested)},
		{label: "not attempted", value: countDatum("conns.not_attempted", c.NotAttempted), part: true},
		{label: "never established", value: countDatum("conns.never_established", c.NeverEstablished), part: true},
		{label: "ever established", value: countDatum("conns.ever_established", c.EverEstablished), part: true},
		{label: "served", value: countDatum("conns.served", c.Served)},
		{label: "held", value: countDatum("conns.held", c.Held)},
	}
}

func attemptFields(c Conns) []field {
	all := []field{
		{label: "attempts", value: countDatum("conns.attempts", c.Attempts)},
		{label: "failed", value: countDatum("conns.connect_failed", c.ConnectFailed), part: true},
		{label: "abandoned", value: countDatum("conns.connect_abandoned", c.ConnectAbandoned), part: true},
		{label: "connected", value: countDatum("conns.connected", c.Connected), part: true},
		{label: "of these open at the end", value: countDatum("conns.open_at_end", c.OpenAtEnd)},
		{label: "of these dropped", value: countDatum("conns.dropped", c.Dropped)},
	}
	if c.Reattempts > 0 {
		all = append(all,
			field{label: "attempts to open again", value: countDatum("conns.reattempts", c.Reattempts)},
			field{label: "of these connected", value: countDatum("conns.reopened", c.Reopened)},
			field{label: "answered again after a loss", value: countDatum("conns.recovered", c.Recovered)})
	}
	return all
}

func requestFields(q Requests) []field {
	all := []field{
		{label: "due", value: countDatum("requests.due", q.Due)},
		{label: "unsent", value: countDatum("requests.unsent", q.Unsent), part: true},
		{label: "sent", value: countDatum("requests.sent", q.Sent)},
		{label: "timed out", value: countDatum("requests.timed_out", q.TimedOut), part: true},
		{label: "malformed", value: countDatum("requests.malformed", q.Malformed), part: true},
		{label: "lost with conn", value: countDatum("requests.lost_with_conn", q.LostWithConn), part: true},
		{label: "in flight at the end", value: countDatum("requests.in_flight_at_end", q.InFlightAtEnd), part: true},
		{label: "answered", value: countDatum("requests.answered", q.Answered), part: true},
	}
	for class, n := range q.Status {
		label := fmt.Sprintf("answered with %dxx", class)
		if class == 0 {
			label = "answered outside 100-599"
		}
		if n > 0 {
			all = append(all, field{label: label, value: countDatum("requests.status."+strconv.Itoa(class), n)})
		}
	}
	return append(all,
		field{label: "unwanted status", value: countDatum("requests.unwanted", q.Unwanted)},
		field{label: "interim responses", value: countDatum("requests.interim", q.Interim)})
}

func rateFields(r *Report) []field {
	l, ph := r.Load, r.Phases
	expected := markup("none: the cadence has no rate of its own")
	if l.Expected > 0 {
		expected = datum("load.expected_per_s", l.Expected, perSecond(l.Expected)+"/s")
	}
	offered := markup("none: there was no hold")
	if ph.Hold > 0 {
		offered = datum("load.offered_per_s", l.Offered, perSecond(l.Offered)+"/s")
	}
	return []field{
		{label: "expected in hold", value: expected},
		{label: "offered in hold", value: offered},
		{label: "arrivals timed by the kernel", value: countDatum("stamps.kernel", r.Stamps.Kernel)},
		{label: "by this process", value: countDatum("stamps.user", r.Stamps.User)},
		{label: "ramp", value: durationDatum("phases.ramp_ns", ph.Ramp)},
		{label: "hold", value: durationDatum("phases.hold_ns", ph.Hold)},
		{label: "sweep", value: durationDatum("phases.sweep_ns", ph.Sweep)},
		{label: "drain", value: durationDatum("phases.drain_ns", ph.Drain)},
		{label: "ended in", value: endedIn(ph)},
	}
}

func endedIn(ph Phases) markup {
	if !ph.Complete {
		return orUnknown(ph.Ended) + ", cancelled"
	}
	return orUnknown(ph.Ended)
}

// seconds are the charts over time as a table, to be opened by who wants them. Optional end tags are left out: they would
// be a third of the page.
func (p page) seconds(all []stretch, each int) {
	if len(all) == 0 {
		return
	}
	name, open := "second", "open"
	if each > 1 {
		name, open = fmt.Sprintf("%d seconds", each), "fewest open"
	}
	p.put("<details><summary>Each %s in figures</summary>\n", name)
	p.columns("Timeline", "numbers seconds", "until", "phase", open, "opened", "lost", "sent", "answered", "failed", "p50",
		"p99", "max", "lag", "late", "busy", "others", "stolen", "clean")
	for _, s := range all {
		p.put("<tr><td>%s<td>%s<td>%d<td>%d<td>%d<td>%d<td>%d<td>%d", threeDigits(s.At), s.Phase, s.Open, s.Connected, s.Dropped,
			s.Sent, s.Answered, s.Failed)
		for i, d := range []time.Duration{s.LatencyP50, s.LatencyP99, s.LatencyMax, s.LagMax, s.Late} {
			cell := threeDigits(d)
			if i < 3 && s.unanswered() {
				cell = "–"
			}
			p.put("<td>%s", cell)
		}
		for _, v := range []float64{s.Host.Busy, s.Host.Foreign, s.Host.Steal} {
			p.put("<td>%s", knownShare(v))
		}
		p.put("<td>%s\n", map[bool]string{true: "yes", false: "no"}[s.Clean])
	}
	p.endColumns()
	p.put("</details>\n")
}

func (p page) drops(r *Report) {
	p.put("<section id=\"drops\">\n<h2>Drops</h2>\n")
	if len(r.Drops) == 0 {
		p.put("<p class=\"none\">none</p>\n</section>\n")
		return
	}
	p.columns("Ways in which conns were lost and attempts failed", "drops", "count", "cause", "phase", "when", "idle", "answers",
		"the first of them")
	for i, d := range r.Drops {
		answers := some(d.FewestServed, "answer")
		if d.MostServed != d.FewestServed {
			answers = fmt.Sprintf("%d to %s", d.FewestServed, some(d.MostServed, "answer"))
		}
		p.put("<tr><td class=\"n\">%s</td><th scope=\"row\">%s</th><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td></tr>\n",
			countDatum(fmt.Sprintf("drops.%d.count", i), d.Count), causeText(d), d.Phase, when(d), idleText(d), answers,
			sampleText(d.Sample))
		if hint := dropHint(d, r); hint != "" {
			p.put("<tr class=\"why\"><td></td><td colspan=\"6\">%s</td></tr>\n", hint)
		}
	}
	p.endColumns()
	p.put("</section>\n")
}

func idleText(d Drop) string {
	if d.ShortestIdle == d.LongestIdle {
		return threeDigits(d.ShortestIdle)
	}
	return threeDigits(d.ShortestIdle) + " to " + threeDigits(d.LongestIdle)
}

// sampleText tells one loss in full.
func sampleText(l Loss) string {
	s := fmt.Sprintf("conn %d, at %s", l.Slot, threeDigits(l.At))
	if l.Pause > 0 {
		s += ", its planned pause " + threeDigits(l.Pause)
	}
	if l.Waited > 0 {
		s += fmt.Sprintf(", %s after its request", threeDigits(l.Waited))
	}
	if l.Bytes > 0 {
		s += fmt.Sprintf(", %s seen", some(l.Bytes, "byte"))
	}
	if l.Status != 0 {
		s += fmt.Sprintf(", status %d", l.Status)
	}
	if l.Detail != "" {
		s += ": " + lines.One(l.Detail)
	}
	return s
}

func (p page) warnings(r *Report) {
	p.put("<section id=\"warnings\">\n<h2>Warnings</h2>\n")
	if len(r.Warnings) == 0 {
		p.put("<p class=\"none\">none</p>\n</section>\n")
		return
	}
	p.put("<ul>\n")
	for _, w := range r.Warnings {
		p.put("<li>%s</li>\n", w.Text)
	}
	p.put("</ul>\n</section>\n")
}
