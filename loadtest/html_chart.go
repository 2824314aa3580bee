package loadtest

import (
	"math"
	"slices"
)

// Charts are SVG, 760 units wide. What a chart shows is told by colour, by dash pattern and by a label at the end of each
// line, so that any of the three will do.

const (
	chartWidth  = 760
	chartHeight = 252
	plotLeft    = 56
	plotRight   = 640 // beyond are the labels of the lines
	plotTop     = 24
	plotBottom  = 222
)

// A chart is an SVG that is being drawn.
type chart struct {
	page
	x, y   scale
	labels []lineLabel
}

// A lineLabel is beside the end of a line.
type lineLabel struct {
	y     float64
	class markup
	style int
	text  string
}

// An illustration is what stands around a chart.
type illustration struct {
	id, title string
	desc      string // for who does not see it
	caption   markup
	height    int            // 0: chartHeight
	empty     string         // what to say instead of all this
	draw      func(c *chart) // unless empty
}

// illustrate writes a chart, or says in words why there is none.
func (p page) illustrate(of illustration) {
	p.put("<figure id=\"chart-%s\"><h3>%s</h3>\n", of.id, of.title)
	if of.empty != "" {
		p.put("<p class=\"none\">%s</p>\n", of.empty)
	} else {
		height := of.height
		if height == 0 {
			height = chartHeight
		}
		p.put(`<div class="plot" tabindex="0"><svg viewBox="0 0 %d %d" role="img" aria-labelledby="%s-title %s-desc">`,
			chartWidth, height, of.id, of.id)
		p.put("<title id=\"%s-title\">%s</title><desc id=\"%s-desc\">%s</desc>\n", of.id, of.title, of.id, of.desc)
		c := &chart{page: p}
		of.draw(c)
		c.endLabels()
		p.put("</svg></div>\n")
	}
	if of.caption != "" && of.empty == "" {
		p.put("<figcaption>%s</figcaption>", of.caption)
	}
	p.put("</figure>\n")
}

// xAxis draws the axis at the bottom, with a rule at each tick.
func (c *chart) xAxis(ticks []tick, name string) {
	for _, t := range ticks {
		x := c.x.at(t.value)
		c.put(`<path class="grid" d="M%s %dV%d"/><text class="x" x="%s" y="%d">%s</text>`, place(x), plotTop, plotBottom,
			place(x), plotBottom+16, t.label)
	}
	c.put("<text class=\"unit\" x=\"%d\" y=\"%d\">%s</text>\n", chartWidth, plotBottom+16, name)
}

// yAxis draws the axis at the left.
func (c *chart) yAxis(ticks []tick) {
	for _, t := range ticks {
		y := c.y.at(t.value)
		c.put(`<path class="grid" d="M%d %sH%d"/><text class="y" x="%d" y="%s">%s</text>`, plotLeft, place(y), plotRight,
			plotLeft-6, place(y+4), t.label)
	}
	c.put("\n")
}

// rule draws a threshold from left to right, with what it is above it, or below where there is no room.
func (c *chart) rule(value float64, text string) {
	y := c.y.at(value)
	textY := y - 5
	if y < plotTop+16 {
		textY = y + 14
	}
	c.put("<path class=\"rule\" d=\"M%d %sH%d\"/><text class=\"note rule\" x=\"%d\" y=\"%s\">%s</text>\n", plotLeft, place(y),
		plotRight, plotRight-4, place(textY), text)
}

// tooDense is from how many points on a line has no room for a pattern: then its label alone tells it from others.
const tooDense = 200

// line draws points of (x, y) in values of the axes; NaN is a gap. Its label is at the height of its last point.
func (c *chart) line(style int, name string, points [][2]float64) {
	var path outline
	last := math.NaN()
	for _, at := range points {
		if math.IsNaN(at[1]) {
			path.gap()
			continue
		}
		last = c.y.at(at[1])
		path.to(c.x.at(at[0]), last)
	}
	if math.IsNaN(last) {
		return
	}
	class := mark("line s%d", style)
	if len(points) > tooDense {
		class += " dense"
	}
	c.put("<path class=\"%s\" d=\"%s\"/>\n", class, path.String())
	c.labels = append(c.labels, lineLabel{last, class, style, name})
}

// endLabels writes the labels of all lines, apart from one another, each beside a piece of its line.
func (c *chart) endLabels() {
	const apart = 15
	slices.SortStableFunc(c.labels, func(a, b lineLabel) int { return int(math.Copysign(1, a.y-b.y)) })
	least := float64(plotTop)
	for i := range c.labels {
		c.labels[i].y = max(c.labels[i].y, least)
		least = c.labels[i].y + apart
	}
	most := float64(plotBottom)
	for i := len(c.labels) - 1; i >= 0; i-- {
		c.labels[i].y = min(c.labels[i].y, most)
		most = c.labels[i].y - apart
	}
	for _, l := range c.labels {
		c.put("<path class=\"%s\" d=\"M%d %sh16\"/><text class=\"name t%d\" x=\"%d\" y=\"%s\">%s</text>\n", l.class,
			plotRight+5, place(l.y), l.style, plotRight+25, place(l.y+4), l.text)
	}
}

// bar draws a rectangle.
func (c *chart) bar(class string, left, right, top, bottom float64) {
	c.put(`<path class="%s" d="M%s %sH%sV%sH%sz"/>`, class, place(left), place(top), place(right), place(bottom), place(left))
}

// tip writes what is shown where the mouse is between two places.
func (c *chart) tip(left, right, top, bottom float64, text string) {
	x, wide, high := int(math.Round(left)), int(math.Round(right))-int(math.Round(left)), int(bottom-top)
	c.put("<path class=\"tip\" d=\"M%d %dh%dv%dh%dz\"><title>%s</title></path>\n", x, int(top), max(1, wide), high, -max(1, wide), text)
}
