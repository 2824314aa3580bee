package loadtest

import (
	"fmt"
	"math"
)

// figureCount is the number of figureKinds.
const figureCount = 6

const (
	figureRSS    = 4
	figureKernel = 5
)

// figureKinds are what the figures of a Cost are of, in order.
var figureKinds = [figureCount]kind{
	{"heap", true, 0.02}, {"stack", true, 0.02}, {"goroutines", false, 0.02}, {"descriptors", false, 0.02},
	{"RSS", true, 0.05}, {"kernel", true, 0.10},
}

// A kind is what a figure is of.
type kind struct {
	name      string
	bytes     bool
	curvature float64 // how much of the slope its halves may differ by
}

func (k kind) write(v float64) string {
	switch {
	case !k.bytes:
		return fmt.Sprintf("%.4g", v)
	case math.Abs(v) < 1:
		return fmt.Sprintf("%.1gB", v)
	}
	return signedSize(v)
}

// least is what a slope is taken for at least when its halves are compared: 20 B of nearly nothing are not a curve.
func (k kind) least() float64 {
	if k.bytes {
		return 1 << 10
	}
	return 1
}

// steps are the conns of a staircase, and stepReadings a figure at each of them. −1: unknown.
type (
	steps        [3]int
	stepReadings [3]int64
)

// A fit is a line through the readings of one repeat, by least squares, and the slopes of the two halves.
type fit struct{ slope, lower, upper float64 }

func fitOf(n steps, y stepReadings) fit {
	var nMean, yMean float64
	for i := range n {
		nMean += float64(n[i]) / float64(len(n))
		yMean += float64(y[i]) / float64(len(y))
	}
	var ny, nn float64
	for i := range n {
		d := float64(n[i]) - nMean
		ny += d * (float64(y[i]) - yMean)
		nn += d * d
	}
	half := func(i int) float64 { return float64(y[i+1]-y[i]) / float64(n[i+1]-n[i]) }
	return fit{ny / nn, half(0), half(1)}
}

const unknownFigure = "unknown"

// marginalOf makes a figure of the readings of all repeats.
func marginalOf(k kind, n steps, repeats []stepReadings) Marginal {
	none := Marginal{PerConn: math.Inf(1), Low: math.Inf(-1), High: math.Inf(1), kind: k}
	var slopes, bends []float64
	var lower, upper float64
	for _, y := range repeats {
		if min(y[0], y[1], y[2]) < 0 {
			none.Why = unknownFigure
			return none
		}
		f := fitOf(n, y)
		slopes, bends = append(slopes, f.slope), append(bends, f.upper-f.lower)
		lower += f.lower / float64(len(repeats))
		upper += f.upper / float64(len(repeats))
	}
	var mean, half, bend, chance float64
	if mean, bend = slopes[0], bends[0]; len(repeats) > 1 {
		mean, half = interval(slopes)
		bend, chance = interval(bends) // what is no more than chance is in the interval of the slope as well
	}
	if math.Abs(bend) > max(k.curvature*max(math.Abs(mean), k.least()), chance) {
		none.Why = fmt.Sprintf("not linear: %s from %d to %d conns, %s from there to %d", k.write(lower), n[0], n[1],
			k.write(upper), n[2])
		return none
	}
	m := Marginal{PerConn: mean, Low: mean - half, High: mean + half, kind: k}
	if len(repeats) == 1 { // the halves are all that says how exact it is
		m.Low, m.High = min(lower, upper), max(lower, upper)
	}
	return m
}

// fresh returns the repeats that tell what conns take of a process that cannot be asked to return memory: where the first
// step of the second holds nearly what the last of the first did, only the first.
func fresh(repeats []stepReadings) []stepReadings {
	if first, second := repeats[0], repeats[1]; second[0]-first[0] > (first[2]-first[0])/4 {
		return repeats[:1]
	}
	return repeats
}

// interval returns the mean, and how far from it the truth lies at most with a confidence of 95 %.
func interval(values []float64) (mean, half float64) {
	n := float64(len(values))
	for _, v := range values {
		mean += v / n
	}
	var squares float64
	for _, v := range values {
		squares += (v - mean) * (v - mean)
	}
	return mean, student(len(values)-1) * math.Sqrt(squares/(n-1)/n)
}

// student is the 97.5 % quantile of Student's t distribution.
func student(degrees int) float64 {
	table := [...]float64{12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228}
	if degrees <= len(table) {
		return table[degrees-1]
	}
	// Abramowitz and Stegun, 26.7.5.
	const z = 1.959964
	const z3, z5, z7 = z * z * z, z * z * z * z * z, z * z * z * z * z * z * z
	n := float64(degrees)
	return z + (z3+z)/(4*n) + (5*z5+16*z3+3*z)/(96*n*n) + (3*z7+19*z5+17*z3-15*z)/(384*n*n*n)
}
