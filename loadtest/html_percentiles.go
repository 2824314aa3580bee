package loadtest

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// percentilesChart has its quantiles on the axis of HdrHistogram: each nine takes as much room as the one before, so that
// the slowest of a million are seen as well as the median. Its curves are of what a budget judges, unanswered requests
// included, so that a limit is above its curve where it is kept, and below it or beyond its end where it is not.
func (p page) percentilesChart(r *Report) {
	lines := slices.DeleteFunc(percentileLines(r), func(l percentileLine) bool { return l.Count() == 0 })
	limits := limitsOf(r.Verdict)
	i := illustration{
		id: "percentiles", title: "Percentiles",
		desc:    "Latency, service time, time to connect and lag by percentile, up to the slowest of each.",
		caption: percentilesCaption(r),
		draw:    func(c *chart) { paintPercentiles(c, lines, limits) },
	}
	if len(limits) > 0 {
		i.caption += " Short rules are the limits of the budget."
	}
	if r.closedLoop() && slices.ContainsFunc(limits, func(l limitMark) bool { return l.of() == "Latency" }) {
		i.caption += " Those of Latency are for the service time: back to back, a request is due when the answer before has come."
	}
	if len(lines) == 0 {
		i.empty = "none: no conn was opened and no request answered"
	}
	p.illustrate(i)
}

func percentilesCaption(r *Report) markup {
	s := mark("So many took at most so long. <b>Latency</b> is from due to arrived, <b>service time</b> from sent to arrived, ")
	n, answered := r.Requests.HoldDue, r.Hold.Latency.Count()
	switch {
	case answered == 0:
		s += mark("<b>lag</b> what we sent too late.")
	case answered < n:
		s += mark("both of the %s due in hold, which a budget judges: %d were not answered, and the curves end (×) at %s. "+
			"<b>Lag</b> is what we sent too late, in all phases.", some(n, "request"), n-answered, partText(answered, n))
	default:
		s += mark("both of the %s due in hold, which a budget judges. <b>Lag</b> is what we sent too late, in all phases.",
			some(n, "request"))
	}
	if n, connected := r.Conns.Attempts, r.Connect.Count(); 0 < connected && connected < n {
		s += mark(" Of %s to connect %d did not: that curve ends (×) at %s.", some(n, "attempt"), n-connected,
			partText(connected, n))
	}
	return s
}

// partText is a share of less than all, which it never rounds to all.
func partText(n, of int64) string {
	return fmt.Sprintf("%.6g %%", math.Floor(1e6*float64(n)/float64(of))/1e4)
}

// A percentileLine is the curve of a population, of which some may have no end that is known: these are its slowest, and the
// curve ends before them.
type percentileLine struct {
	name  string
	style int
	Distribution
	endless int64
}

// percentileLines are of hold's cohort, as in [Report.Judge], where there is one.
func percentileLines(r *Report) []percentileLine {
	latency := percentileLine{name: "latency", style: 1, Distribution: r.Latency}
	service := percentileLine{name: "service time", style: 2, Distribution: r.ServiceTime}
	if n := r.Hold.Latency.Count(); n > 0 {
		latency.Distribution, service.Distribution = r.Hold.Latency, r.Hold.ServiceTime
		latency.endless = max(0, r.Requests.HoldDue-n)
		service.endless = latency.endless
	}
	return []percentileLine{
		latency, service,
		{name: "connect", style: 3, Distribution: r.Connect, endless: max(0, r.Conns.Attempts-r.Connect.Count())},
		{name: "lag", style: 4, Distribution: r.Lag},
	}
}

// end is where the axis of this curve ends: amid the part of the slowest of all, so that one without an end has a place too.
func (l percentileLine) end() float64 { return math.Log10(2 * float64(l.Count()+l.endless)) }

// at returns the longest of the fraction q, and whether that is known. It is the pessimistic reading of a budget's line.
func (l percentileLine) at(q float64) (time.Duration, bool) {
	n := l.Count()
	rank := math.Ceil(q*float64(n+l.endless) - 1e-6) // q is rarely exact
	return l.Quantile(min(1, max(1, rank)/float64(n))), rank <= float64(n)
}

// nines returns where a quantile is on the axis.
func nines(q float64) float64 { return -math.Log10(1 - q) }

func paintPercentiles(c *chart, lines []percentileLine, limits []limitMark) {
	last, least, most := 1.0, math.Inf(1), 0.0
	for _, l := range lines {
		last = max(last, l.end())
		least, most = min(least, float64(max(1, l.Quantile(0)))), max(most, float64(l.Max()))
	}
	for _, l := range limits {
		least, most = min(least, float64(l.limit)), max(most, float64(l.limit))
	}
	c.x = scale{from: 0, to: last, start: plotLeft, end: plotRight}
	c.y = scale{start: plotBottom, end: plotTop, log: true}
	var yTicks []tick
	c.y.from, c.y.to, yTicks = decadeAxis(least, most)
	c.xAxis(percentileTicks(last), "percentile")
	c.yAxis(yTicks)
	for _, l := range lines {
		points := l.points()
		c.line(l.style, l.name, points)
		if end := points[len(points)-1]; l.endless > 0 {
			c.put("<path class=\"ends s%d\" d=\"M%s %sm-4-4l8 8m0-8l-8 8\"/>\n", l.style, place(c.x.at(end[0])), place(c.y.at(end[1])))
		}
	}
	for _, l := range limits {
		l.paint(c, lines, last)
	}
	c.percentileTips(lines, last)
}

// points are as many as the eye can tell apart, those of the quantiles that have limits exactly; the last is the longest that
// is known, exactly.
func (l percentileLine) points() (all [][2]float64) {
	const steps = 150
	last := l.end()
	if l.endless > 0 {
		last = nines(float64(l.Count()) / float64(l.Count()+l.endless))
	}
	var at []float64
	for i := range steps {
		at = append(at, last*float64(i)/steps)
	}
	for _, q := range limitedQuantiles {
		if x := nines(q); x < last {
			at = append(at, x)
		}
	}
	slices.Sort(at)
	for _, x := range at {
		v, _ := l.at(1 - math.Pow(10, -x))
		all = append(all, [2]float64{x, float64(v)})
	}
	return append(all, [2]float64{last, float64(l.Max())})
}

func percentileTicks(last float64) []tick {
	ticks := []tick{{0, "0 %"}, {nines(0.5), "50 %"}, {nines(0.75), "75 %"}}
	for n := 1.0; n <= last; n++ {
		label := "90 %"
		if n == 2 {
			label = "99 %"
		} else if n > 2 {
			label = "99." + strings.Repeat("9", int(n)-2) + " %"
		}
		ticks = append(ticks, tick{n, label})
	}
	if last > 4 {
		ticks = slices.Delete(ticks, 2, 3)
	}
	return ticks
}

// percentileTips has all lines at each twentieth of the axis.
func (c *chart) percentileTips(lines []percentileLine, last float64) {
	const steps = 40
	for i := range steps {
		q := 1 - math.Pow(10, -last*(float64(i)+0.5)/steps)
		var all []string
		for _, l := range lines {
			text := l.name + " endless"
			if v, known := l.at(q); known {
				text = l.name + " " + threeDigits(v)
			}
			all = append(all, text)
		}
		c.tip(c.x.at(last*float64(i)/steps), c.x.at(last*float64(i+1)/steps), plotTop, plotBottom,
			fmt.Sprintf("%.6g %%: %s", 100*q, strings.Join(all, ", ")))
	}
}

// A limitMark is a limit of the budget on a quantile.
type limitMark struct {
	line     string
	quantile float64
	limit    time.Duration
	broken   bool
}

var limitedQuantiles = map[string]float64{"P50": 0.5, "P99": 0.99, "P999": 0.999, "Max": 1}

// limitsOf finds them in a verdict, which has them as people wrote them.
func limitsOf(v *Verdict) (all []limitMark) {
	if v == nil {
		return nil
	}
	add := func(reasons []Reason, broken bool) {
		for _, reason := range reasons {
			of, name, _ := strings.Cut(reason.Line, ".")
			q, ok := limitedQuantiles[name]
			limit, err := time.ParseDuration(reason.Limit)
			if ok && err == nil && limit > 0 && (of == "Latency" || of == "ServiceTime" || of == "Connect") {
				all = append(all, limitMark{reason.Line, q, limit, broken})
			}
		}
	}
	add(v.Broken, true)
	add(v.Invalid, false)
	add(v.Met, false)
	return all
}

// of is what the limit is of.
func (l limitMark) of() string {
	of, _, _ := strings.Cut(l.line, ".")
	return of
}

// place is where the limit is on the axis: at the end of its curve, if that is before its quantile.
func (l limitMark) place(lines []percentileLine, last float64) float64 {
	for _, of := range lines {
		if strings.EqualFold(l.of(), strings.ReplaceAll(of.name, " ", "")) {
			last = of.end()
		}
	}
	if l.quantile == 1 {
		return last
	}
	return min(last, nines(l.quantile))
}

func (l limitMark) paint(c *chart, lines []percentileLine, last float64) {
	const half = 16
	x := c.x.at(l.place(lines, last))
	class := "limit"
	if l.broken {
		class += " broken"
	}
	anchor, textX, y := "start", x-half, c.y.at(float64(l.limit))
	if x > (plotLeft+plotRight)/2 {
		anchor, textX = "end", x+half
	}
	c.put("<path class=\"%s\" d=\"M%s %sh%d\"/><text class=\"note %s\" x=\"%s\" y=\"%s\" text-anchor=\"%s\">%s</text>\n", class,
		place(x-half), place(y), 2*half, class, place(textX), place(y-5), anchor, l.line+" ≤ "+plainDuration(l.limit))
}
