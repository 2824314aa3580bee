package engine

import (
	"math"
	"time"
)

// A Cadence is the rule that draws pauses. Its zero value is Silent.
type Cadence struct {
	Kind Kind
	Min  time.Duration // Uniform: lower bound; Every: the pause; Exponential: the mean
	Max  time.Duration // Uniform: upper bound
	Grid bool          // Fixed: due = previous due + pause instead of arrived + pause
}

// A Kind is a law of pauses.
type Kind uint8

const (
	Silent      Kind = iota // one request, then idle until the sweep
	Uniform                 // in Min … Max
	Every                   // always Min
	Exponential             // of mean Min
	BackToBack              // no pause: closed loop
)

// Mean returns the mean pause; never for Silent.
func (c Cadence) Mean() time.Duration {
	switch c.Kind {
	case Uniform:
		return c.Min + (c.Max-c.Min)/2
	case Every, Exponential:
		return c.Min
	case BackToBack:
		return 0
	}
	return never
}

// first draws the time from established to the first request. It follows the equilibrium law of the pauses (what is
// left of a pause that began long ago: Z with density z·f(z)/mean, then uniform in 0…Z; Cox, Renewal Theory, §5.2), so
// that the request rate is flat from the start. Silent and BackToBack have no such law: their first request is due at
// once.
func (c Cadence) first(seed uint64, slot int) time.Duration {
	u, v := unit(seed, slot, 0, 0), unit(seed, slot, 0, 1)
	switch c.Kind {
	case Uniform:
		a, b := float64(c.Min), float64(c.Max)
		return time.Duration(v * math.Sqrt(a*a+u*(b*b-a*a)))
	case Every:
		return time.Duration(v * float64(c.Min))
	case Exponential: // memoryless: what is left of a pause is distributed as a whole one
		return exponential(u, c.Min)
	}
	return 0
}

// pause draws pause k ≥ 1 of a slot; never for Silent.
func (c Cadence) pause(seed uint64, slot int, k uint32) time.Duration {
	switch c.Kind {
	case Uniform:
		return c.Min + time.Duration(unit(seed, slot, k, 0)*float64(c.Max-c.Min))
	case Every:
		return c.Min
	case Exponential:
		return exponential(unit(seed, slot, k, 0), c.Min)
	case BackToBack:
		return 0
	}
	return never
}

func exponential(u float64, mean time.Duration) time.Duration {
	return time.Duration(-math.Log1p(-u) * float64(mean))
}

// unit returns a number in [0, 1) that is a function of its arguments alone: whichever worker or process owns a slot,
// whatever happened before, its pauses are the same. Two rounds of the finaliser of SplitMix64 (Steele, Lea, Flood:
// Fast Splittable Pseudorandom Number Generators, 2014) over a counter.
func unit(seed uint64, slot int, k, lane uint32) float64 {
	x := mix(seed + (uint64(slot)+1)*0x9e3779b97f4a7c15)
	x = mix(x + (uint64(k)<<1+uint64(lane)+1)*0x9e3779b97f4a7c15)
	return float64(x>>11) / (1 << 53)
}

func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
