package engine

import (
	"math/bits"
	"time"
)

// A Hazard relates the closes of idle conns to the time that conns were idle, by idle age: where it rises, a server or a
// middlebox has its timeout. An age falls into a bin of 1 ms below 32 ms, and of a sixteenth to a thirty-second of itself
// above.
//
//	idle time at risk in a bin = its width × the idle times that outlast it + what those that end in it spent in it
type Hazard struct {
	Ended  [hazardBins]int64         // idle times that ended in the bin, however
	Within [hazardBins]time.Duration // what they spent in it
	Closes [hazardBins]int64         // of them, by the server
}

const (
	hazardUnit  = time.Millisecond
	hazardSteps = 16                    // bins per doubling
	hazardBins  = 2*hazardSteps + 22*16 // up to 2²⁷ ms, 37 hours
)

// hazardBin returns the bin of an age.
func hazardBin(age time.Duration) int {
	v := uint64(max(age, 0) / hazardUnit)
	if v < 2*hazardSteps {
		return int(v)
	}
	octave := bits.Len64(v) - 5 // 1 for 32 … 63
	return min(hazardBins-1, octave*hazardSteps+int(v>>octave))
}

// hazardFrom returns the least age of a bin.
func hazardFrom(bin int) time.Duration {
	if bin < 2*hazardSteps {
		return time.Duration(bin) * hazardUnit
	}
	octave := bin/hazardSteps - 1
	return time.Duration(bin-octave*hazardSteps) << octave * hazardUnit
}

// survived notes an idle time that ended at age, whoever ended it.
func (h *Hazard) survived(age time.Duration) {
	b := hazardBin(age)
	h.Ended[b]++
	h.Within[b] += max(age, 0) - hazardFrom(b)
}

// closed notes that the server ended a noted idle time.
func (h *Hazard) closed(age time.Duration) { h.Closes[hazardBin(age)]++ }

func (h *Hazard) merge(o *Hazard) {
	for b := range h.Ended {
		h.Ended[b] += o.Ended[b]
		h.Within[b] += o.Within[b]
		h.Closes[b] += o.Closes[b]
	}
}

// bins returns those that any idle time reached.
func (h *Hazard) bins() []HazardBin {
	var all []HazardBin
	var reached int64
	for _, n := range h.Ended {
		reached += n
	}
	for b := 0; b < hazardBins && reached > 0; b++ {
		from, to := hazardFrom(b), hazardFrom(b+1)
		outlast := reached - h.Ended[b]
		all = append(all, HazardBin{From: from, To: to, Reached: reached,
			AtRisk: time.Duration(outlast)*(to-from) + h.Within[b], Closes: h.Closes[b]})
		reached = outlast
	}
	return all
}
