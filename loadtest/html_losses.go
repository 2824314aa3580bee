package loadtest

import (
	"fmt"
	"time"

	"example.com/holdfast/internal/lines"
)

// mostBars bounds the ways of loss that are drawn; the table has them all.
const mostBars = 12

// dropsChart has a bar for each way of loss, its length by how many were lost so.
func (p page) dropsChart(r *Report) {
	const each = 38
	shown := r.Drops[:min(len(r.Drops), mostBars)]
	i := illustration{
		id: "drops", title: "Drops by cause",
		desc:   fmt.Sprintf("How many conns were lost and attempts failed, by cause: %d ways.", len(r.Drops)),
		height: 8 + each*max(1, len(shown)),
		draw: func(c *chart) {
			for i, d := range shown {
				c.lossBar(d, r.Drops[0].Count, float64(4+each*i))
			}
		},
	}
	if len(r.Drops) == 0 {
		i.empty = "none: no conn was lost, and no attempt failed"
	} else {
		i.caption = mark("Conns lost and attempts failed, with the phase, and from when to when. What to look at stands in " +
			"<a href=\"#drops\">the table</a>.")
	}
	if more := r.Drops[len(shown):]; len(more) > 0 {
		var n int64
		for _, d := range more {
			n += d.Count
		}
		i.caption += mark(" Not drawn: %d in %d other ways.", n, len(more))
	}
	p.illustrate(i)
}

func (c *chart) lossBar(d Drop, most int64, top float64) {
	const longest = 660
	wide := max(2, longest*float64(d.Count)/float64(max(1, most)))
	c.put(`<text class="cause" x="0" y="%s">%s <tspan class="where">in %s, %s</tspan></text>`, place(top+12), causeText(d),
		d.Phase, when(d))
	c.bar("loss", 0, wide, top+18, top+30)
	c.put("<text class=\"n\" x=\"%s\" y=\"%s\">%d</text>\n", place(wide+6), place(top+29), d.Count)
	c.tip(0, chartWidth, top, top+36, dropText(d))
}

func causeText(d Drop) string {
	s := string(d.Cause)
	for _, more := range nonEmpty(d.Rule, d.Errno) {
		s += " (" + lines.One(more) + ")"
	}
	return s
}

func when(d Drop) string {
	if d.First == d.Last {
		return "at " + threeDigits(d.First)
	}
	return threeDigits(d.First) + " to " + threeDigits(d.Last)
}

// hazardChart shows how readily idle conns were closed at what age: a timeout stands out as a spike.
func (p page) hazardChart(r *Report) {
	var closes int64
	var most float64
	var oldest time.Duration
	for _, b := range r.Hazard {
		closes += b.Closes
		most = max(most, b.Rate())
		if b.Closes > 0 || b.AtRisk > 0 {
			oldest = max(oldest, b.To)
		}
	}
	i := illustration{
		id: "hazard", title: "Closes of idle conns, by idle age",
		desc: "How many of a thousand conns of an idle age the server closes in a second.",
		draw: func(c *chart) { paintHazard(c, r.Hazard, most, oldest) },
	}
	if closes == 0 {
		i.empty = "none: no idle conn was closed"
	} else {
		i.caption = mark("Closes per second and conn of that idle age. %s.", hazardText(r.Hazard))
	}
	p.illustrate(i)
}

func paintHazard(c *chart, bins []HazardBin, most float64, oldest time.Duration) {
	c.x = scale{to: float64(max(oldest, 1)), start: plotLeft, end: plotRight}
	c.y = scale{start: plotBottom, end: plotTop}
	var ticks []tick
	if most < 4 {
		var thousandths []tick // countAxis counts whole ones
		c.y.to, thousandths = countAxis(1000 * most)
		for _, t := range thousandths {
			ticks = append(ticks, tick{t.value / 1000, fmt.Sprintf("%.3g/s", t.value/1000)})
		}
		c.y.to /= 1000
	} else {
		c.y.to, ticks = countAxis(most)
		for i := range ticks {
			ticks[i].label += "/s"
		}
	}
	c.xAxis(timeTicks(max(oldest, 1)), "idle age")
	c.yAxis(ticks)
	for _, b := range bins {
		left, right := c.x.at(float64(b.From)), c.x.at(float64(b.To))
		if b.Closes > 0 {
			c.bar("loss", left, max(right, left+2), min(c.y.at(b.Rate()), plotBottom-2), plotBottom)
			c.tip(left-2, max(right, left+2)+2, plotTop, plotBottom, fmt.Sprintf("idle %s–%s: %d of %d that got so old were closed",
				threeDigits(b.From), threeDigits(b.To), b.Closes, b.Reached))
		}
	}
}
