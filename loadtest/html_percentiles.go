package loadtest

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// percentilesChart has its quantiles on the axis of HdrHistogram: each nine takes as much room as the one before, so that
// the slowest of a million are seen as well as the median.
func (p page) percentilesChart(r *Report) {
	lines := []percentileLine{
		{"latency", 1, r.Latency}, {"service time", 2, r.ServiceTime}, {"connect", 3, r.Connect}, {"lag", 4, r.Lag},
	}
	lines = slices.DeleteFunc(lines, func(l percentileLine) bool { return l.Count() == 0 })
	limits := limitsOf(r.Verdict)
	i := illustration{
		id: "percentiles", title: "Percentiles",
		desc: "Latency, service time, time to connect and lag by percentile, up to the slowest of each.",
		caption: mark("So many took at most so long. <b>Latency</b> is from due to arrived, <b>service time</b> from sent " +
			"to arrived, <b>lag</b> what we sent too late."),
		draw: func(c *chart) { paintPercentiles(c, lines, limits) },
	}
	if len(limits) > 0 {
		i.caption += " Short rules are the limits of the budget."
	}
	if len(lines) == 0 {
		i.empty = "none: no conn was opened and no request answered"
	}
	p.illustrate(i)
}

type percentileLine struct {
	name  string
	style int
	Distribution
}

// nines returns where a quantile is on the axis.
func nines(q float64) float64 { return -math.Log10(1 - q) }

func paintPercentiles(c *chart, lines []percentileLine, limits []limitMark) {
	last, least, most := 1.0, math.Inf(1), 0.0
	for _, l := range lines {
		last = max(last, math.Log10(float64(l.Count())))
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
		c.line(l.style, l.name, l.points())
	}
	for _, l := range limits {
		l.paint(c, last)
	}
	c.percentileTips(lines, last)
}

// points are as many as the eye can tell apart; the last is the longest of all, exactly.
func (l percentileLine) points() (all [][2]float64) {
	const steps = 150
	last := math.Log10(float64(l.Count()))
	for i := range steps {
		x := last * float64(i) / steps
		all = append(all, [2]float64{x, float64(l.Quantile(1 - math.Pow(10, -x)))})
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
			all = append(all, l.name+" "+threeDigits(l.Quantile(q)))
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

func (l limitMark) paint(c *chart, last float64) {
	const half = 16
	x := c.x.at(last)
	if l.quantile < 1 {
		x = c.x.at(min(last, nines(l.quantile)))
	}
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
