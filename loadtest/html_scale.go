package loadtest

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// A scale maps values to places on an axis.
type scale struct {
	from, to   float64 // values
	start, end float64 // where they are, in the units of the viewBox
	log        bool
}

// at returns where v is; what is beyond the scale is at its end.
func (s scale) at(v float64) float64 {
	from, to := s.from, s.to
	if s.log {
		v, from, to = math.Log(max(v, s.from)), math.Log(from), math.Log(to)
	}
	return s.start + min(1, max(0, (v-from)/(to-from)))*(s.end-s.start)
}

// A tick is a place on an axis that has its value beside it.
type tick struct {
	value float64
	label string
}

// countAxis begins at 0 and ends at a round number that is most or more.
func countAxis(most float64) (to float64, ticks []tick) {
	const few = 4
	step := roundUp(max(1, most/few))
	for n := 0; ; n++ {
		v := float64(n) * step
		ticks = append(ticks, tick{v, strconv.FormatFloat(v, 'f', -1, 64)})
		if v >= most && n > 0 {
			return v, ticks
		}
	}
}

// shareAxis is of shares of one.
func shareAxis(float64) (to float64, ticks []tick) {
	for v := 0.0; v <= 1; v += 0.25 {
		ticks = append(ticks, tick{v, percent(v)})
	}
	return 1, ticks
}

// roundUp returns the least of 1, 2 and 5, times a power of ten, that is v or more.
func roundUp(v float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, digit := range []float64{1, 2, 5} {
		if digit*power >= v*(1-1e-9) {
			return digit * power
		}
	}
	return 10 * power
}

func roundDown(v float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, digit := range []float64{5, 2} {
		if digit*power <= v*(1+1e-9) {
			return digit * power
		}
	}
	return power
}

// decadeAxis is logarithmic, of durations in ns: from and to are round, and at least a factor of ten apart.
func decadeAxis(least, most float64) (from, to float64, ticks []tick) {
	from, to = roundDown(max(1, least)), roundUp(max(10, most))
	if to < 10*from {
		from = max(1, roundDown(from/2))
		to = max(to, 10*from)
	}
	digits := []float64{1}
	if to/from < 1000 {
		digits = []float64{1, 2, 5}
	}
	for power := math.Pow(10, math.Floor(math.Log10(from))); power <= to; power *= 10 {
		for _, d := range digits {
			if v := d * power; v >= from && v <= to {
				ticks = append(ticks, tick{v, roundLabel(v)})
			}
		}
	}
	return from, to, ticks
}

// roundLabel writes a round duration: in seconds from one second on, as threeDigits does.
func roundLabel(ns float64) string {
	if ns >= 1e9 {
		return fmt.Sprintf("%.0fs", ns/1e9)
	}
	return plainDuration(time.Duration(ns))
}

// timeSteps are the distances at which people are used to see ticks.
var timeSteps = []time.Duration{
	time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond, 20 * time.Millisecond,
	50 * time.Millisecond, 100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second, 30 * time.Second,
	time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 6 * time.Hour, 12 * time.Hour,
}

// timeTicks are of an axis from 0 to end.
func timeTicks(end time.Duration) (ticks []tick) {
	const most = 8
	step := timeSteps[0]
	for _, step = range timeSteps {
		if end/step <= most {
			break
		}
	}
	for end/step > most {
		step *= 2
	}
	for n := range end/step + 1 {
		ticks = append(ticks, tick{float64(n * step), plainDuration(n * step)})
	}
	return ticks
}
