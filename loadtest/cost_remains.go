package loadtest

import (
	"fmt"
	"math"
)

// remains are what a server keeps of the conns that were closed, by what it held before each step. What each conn takes while it is
// open has no part in it, yet a step stands on what stayed of those below.
type remains struct {
	first, last Resources // before the first step, and before the last
	closed      int64     // conns, between them
	conns       int64     // of the last step
}

// add adds a step of n conns.
func (r *remains) add(before Resources, n int) {
	if r.conns == 0 {
		r.first = before
	}
	r.last, r.closed, r.conns = before, r.closed+r.conns, int64(n)
}

// mostKeptCount is of goroutines and descriptors, for each conn: a hundredth is half of what a figure may bend.
const mostKeptCount = 0.01

// each returns what is kept of each conn, in the order of figureKinds; 0 where it is no more than comes and goes. Stacks go with
// goroutines: those of none take more and less by themselves.
func (r *remains) each() (kept [4]float64) {
	n := float64(max(1, r.closed))
	of := func(before, after, noise int64, least float64) float64 {
		if each := float64(after-before-noise) / n; before >= 0 && after >= 0 && each > least {
			return float64(after-before) / n
		}
		return 0
	}
	a, b := r.first, r.last
	kept[0] = of(a.Heap, b.Heap, noiseHeap, mostLeakedHeap)
	kept[2] = of(a.Goroutines, b.Goroutines, noiseCount, mostKeptCount)
	kept[3] = of(a.Descriptors, b.Descriptors, noiseCount, mostKeptCount)
	if kept[2] > 0 {
		kept[1] = of(a.Stack, b.Stack, noiseHeap, mostLeakedHeap)
	}
	return kept
}

// takeOff takes off each reading what was kept of the conns closed before it.
func (r *remains) takeOff(all *[figureCount][]stepReadings, n steps) {
	for figure, each := range r.each() {
		closed := 0
		for repeat := range all[figure] {
			for i := range n {
				if held := &all[figure][repeat][i]; *held >= 0 {
					*held -= int64(each * float64(closed))
				}
				closed += n[i]
			}
		}
	}
}

// forbid takes m away where what was kept is in it: what is resident, and what the kernel has, is read with all conns open alone.
func (r *remains) forbid(m *Marginal, figure int) {
	kept, what := r.each(), ""
	switch {
	case m.Why == unknownFigure:
	case figure == figureRSS && kept[0]+kept[1] > 0:
		what = size(int64(kept[0] + kept[1]))
	case figure == figureKernel && kept[3] > 0:
		what = fmt.Sprintf("%.3g descriptors", kept[3])
	}
	if what != "" {
		*m = Marginal{PerConn: math.Inf(1), Low: math.Inf(-1), High: math.Inf(1), kind: m.kind,
			Why: "the server keeps " + what + " of each conn that was closed: see Budget.LeakRounds"}
	}
}
