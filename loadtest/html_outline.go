package loadtest

import (
	"math"
	"strconv"
	"strings"
)

// An outline is the path of a line, as short as it can be written: a line has hundreds of points, and a page many lines.
type outline struct {
	b    strings.Builder
	x, y int // where it is, in tenths

	begun  bool // it is anywhere
	flat   int  // how far it has yet to go to the right, in tenths
	alone  bool // there is no point yet but the first
	slopes bool // what was written last takes more pairs
}

// to goes on to a point.
func (o *outline) to(x, y float64) {
	nextX, nextY := inTenths(x), inTenths(y)
	switch {
	case !o.begun:
		o.b.WriteByte('M')
		o.pair(nextX, nextY)
		o.begun, o.alone = true, true
	case nextY == o.y:
		o.flat += nextX - o.x
	default:
		o.flush()
		if !o.slopes {
			o.b.WriteByte('l')
		} else if nextX >= o.x {
			o.b.WriteByte(' ')
		}
		o.pair(nextX-o.x, nextY-o.y)
		o.slopes, o.alone = true, false
	}
	o.x, o.y = nextX, nextY
}

func (o *outline) pair(x, y int) {
	o.b.WriteString(tenths(x))
	if y >= 0 {
		o.b.WriteByte(' ') // a minus parts them as well
	}
	o.b.WriteString(tenths(y))
}

// flush writes what is flat.
func (o *outline) flush() {
	if o.flat > 0 {
		o.b.WriteString("h" + tenths(o.flat))
		o.flat, o.slopes, o.alone = 0, false, false
	}
}

// gap ends the line, to begin anew. A point alone is a line of no length: its round cap is a dot.
func (o *outline) gap() {
	o.flush()
	if o.alone {
		o.b.WriteString("h0")
	}
	o.begun, o.slopes, o.alone = false, false, false
}

func (o *outline) String() string {
	o.gap()
	return o.b.String()
}

func inTenths(v float64) int { return int(math.Round(10 * v)) }

// place writes a place to a tenth of a unit, which is less than a pixel.
func place(v float64) string { return tenths(inTenths(v)) }

// tenths writes them as SVG wants them, without what it does not need.
func tenths(n int) string {
	if n%10 == 0 {
		return strconv.Itoa(n / 10)
	}
	sign := ""
	if n < 0 {
		sign, n = "-", -n
	}
	whole := ""
	if n >= 10 {
		whole = strconv.Itoa(n / 10)
	}
	return sign + whole + "." + strconv.Itoa(n%10)
}
