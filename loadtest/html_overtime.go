package loadtest

import (
	"fmt"
	"math"
	"time"

	"example.com/holdfast/internal/engine"
)

// An overTime is a chart of the timeline.
type overTime struct {
	illustration
	series []series
	log    bool                                      // the axis is of durations; else axis makes it
	axis   func(most float64) (to float64, _ []tick) // which counts, unless it is set
	rules  []threshold
	strip  *strip
	shade  bool // seconds that were not clean
	tip    func(s stretch) string
}

// A series is a line, by what it has of a stretch; NaN: nothing.
type series struct {
	name  string
	style int
	of    func(s stretch) float64
}

type threshold struct {
	value float64
	text  string
}

// A strip is a row of bars below a chart, for what is rare and should not be overlooked.
type strip struct {
	name, none string
	of         func(s stretch) int64
}

const stripTop, stripBottom = 196, plotBottom

// paint draws the chart of a report's timeline.
func (o overTime) paint(c *chart, r *Report, all []stretch) {
	end := max(1, r.Phases.Total(), all[len(all)-1].At)
	bottom := float64(plotBottom)
	if o.strip != nil {
		bottom = stripTop - 22
	}
	ticks := timeTicks(end)
	c.x = scale{from: 0, to: float64(end), start: plotLeft, end: plotRight}
	c.y = scale{start: bottom, end: plotTop, log: o.log}
	yTicks := o.scale(c, all)
	if o.shade {
		c.unclean(all, bottom)
	}
	c.xAxis(ticks, "since the start")
	c.yAxis(yTicks)
	c.phases(r.Phases)
	if o.strip != nil {
		o.strip.paint(c, all)
	}
	for _, s := range o.series {
		points := make([][2]float64, len(all))
		for i, of := range all {
			points[i] = [2]float64{of.middle(), s.of(of)}
		}
		c.line(s.style, s.name, points)
	}
	for _, t := range o.rules {
		if t.value >= c.y.from && t.value <= c.y.to {
			c.rule(t.value, t.text)
		}
	}
	o.tips(c, all)
}

// scale fits the y axis to all series.
func (o overTime) scale(c *chart, all []stretch) (ticks []tick) {
	least, most := math.Inf(1), 0.0
	for _, s := range o.series {
		for _, of := range all {
			if v := s.of(of); !math.IsNaN(v) {
				least, most = min(least, v), max(most, v)
			}
		}
	}
	switch {
	case o.log:
		c.y.from, c.y.to, ticks = decadeAxis(min(least, most), most)
	case o.axis != nil:
		c.y.to, ticks = o.axis(most)
	default:
		for _, t := range o.rules {
			most = max(most, t.value)
		}
		c.y.to, ticks = countAxis(most)
	}
	return ticks
}

// phases names the phases above the plot, where there is room, and draws a rule where one begins.
func (c *chart) phases(p Phases) {
	var from time.Duration
	for _, phase := range []struct {
		name  string
		lasts time.Duration
	}{{"ramp", p.Ramp}, {"hold", p.Hold}, {"sweep", p.Sweep}, {"drain", p.Drain}} {
		left, right := c.x.at(float64(from)), c.x.at(float64(from+phase.lasts))
		if from += phase.lasts; phase.lasts <= 0 {
			continue
		}
		if left > plotLeft {
			c.put(`<path class="phase" d="M%s %dV%d"/>`, place(left), plotTop-16, plotBottom)
		}
		if room := 8 * float64(len(phase.name)); right-left > room {
			c.put(`<text class="phase" x="%s" y="%d">%s</text>`, place(left+5), plotTop-8, phase.name)
		}
	}
	c.put("\n")
}

// unclean shades the seconds that were not clean.
func (c *chart) unclean(all []stretch, bottom float64) {
	for i := 0; i < len(all); i++ {
		from := i
		for i < len(all) && !all[i].Clean {
			i++
		}
		if i > from {
			c.bar("unclean", c.x.at(float64(all[from].from)), c.x.at(float64(all[i-1].At)), plotTop, bottom)
		}
	}
	c.put("\n")
}

// paint draws a bar for each stretch that has any, as high as it has of the most.
func (s strip) paint(c *chart, all []stretch) {
	var most int64
	for _, of := range all {
		most = max(most, s.of(of))
	}
	c.put(`<path class="grid" d="M%d %dH%d"/><text class="name t4" x="%d" y="%d">%s</text>`, plotLeft, stripBottom, plotRight,
		plotRight+5, stripBottom-10, s.name)
	if most == 0 {
		c.put("<text class=\"note\" x=\"%d\" y=\"%d\">%s</text>\n", plotLeft+4, stripBottom-8, s.none)
		return
	}
	c.put("<text class=\"y\" x=\"%d\" y=\"%d\">%d</text>\n", plotLeft-6, stripTop+9, most)
	for _, of := range all {
		n := s.of(of)
		if n == 0 {
			continue
		}
		left, right := c.x.at(float64(of.from)), c.x.at(float64(of.At))
		wide := max(1.5, right-left-1)
		high := max(2, float64(stripBottom-stripTop)*float64(n)/float64(most))
		c.bar("loss", (left+right-wide)/2, (left+right+wide)/2, stripBottom-high, stripBottom)
	}
	c.put("\n")
}

// tips lets the mouse ask, at so many places as it finds.
func (o overTime) tips(c *chart, all []stretch) {
	const most = 100
	each := (len(all) + most - 1) / most
	for i := 0; i < len(all); i += each {
		of := all[i]
		for _, next := range all[i+1 : min(i+each, len(all))] {
			of = of.with(next)
		}
		c.tip(c.x.at(float64(of.from)), c.x.at(float64(of.At)), plotTop, plotBottom,
			fmt.Sprintf("%s–%s %s: %s", threeDigits(of.from), threeDigits(of.At), of.Phase, o.tip(of)))
	}
}

// someDuration is of a line of durations: there is no logarithm of 0, which says that there was nothing.
func someDuration(d time.Duration) float64 {
	if d <= 0 {
		return math.NaN()
	}
	return float64(d)
}

func someShare(v float64) float64 {
	if v < 0 {
		return math.NaN()
	}
	return v
}

// lateThreshold is how late we may be in a clean second.
func lateThreshold(e Echo) time.Duration { return engine.Punctual(e.Tick) }
