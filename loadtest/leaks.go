package loadtest

import (
	"fmt"
	"strings"
)

// Leaks is what a process kept of conns that were opened and closed, round after round: see [Budget].LeakRounds. A server
// that keeps something of its first conns, in pools and tables, does not leak; one that keeps more each time does.
type Leaks struct {
	Conns  int64       `json:"conns"`            // that were opened and closed in each round
	Rounds []Resources `json:"rounds"`           // what the test process held after each of them
	Stayed []string    `json:"stayed,omitempty"` // what holds that which stayed in the last round, by stacks
	Cut    string      `json:"cut,omitempty"`    // why there are fewer rounds than asked for
}

const (
	leastLeakRounds = 3
	leastLeakConns  = 256 // so that what a test process keeps by itself, noiseHeap, is no more than the limit

	// A plain net/http server leaves 531 B a conn after the first round of 2 000, and 0 to 4 B after each further one
	// (2026-11).
	mostLeakedHeap = 64 // bytes for each conn

	// What may come in between two rounds and is nobody's leak: a timer's goroutine, the file of a log, buffers.
	noiseHeap  = 16 << 10
	noiseCount = 2
)

// lines returns the lines of LeakRounds; l may be nil.
func (l *Leaks) lines(rounds int) []line {
	switch {
	case l == nil:
		return []line{{name: "Leaks", show: plainCount, unknown: "conns are opened and closed in rounds by Check, not by Run"}}
	case len(l.Rounds) < max(2, rounds):
		return []line{{name: "Leaks", show: plainCount, unknown: fmt.Sprintf("%d rounds of %d were carried out: %s", len(l.Rounds), rounds,
			orNone(l.Cut, "their number was another"))}}
	}
	return []line{
		l.line(line{name: "Leaks.Goroutines", show: perConn}, noiseCount, func(r Resources) int64 { return r.Goroutines }),
		l.line(line{name: "Leaks.Descriptors", show: perConn}, noiseCount, func(r Resources) int64 { return r.Descriptors }),
		l.line(line{name: "Leaks.Heap", show: plainSize, limit: mostLeakedHeap}, noiseHeap, func(r Resources) int64 { return r.Heap }),
	}
}

// line adds to a line what stayed in the last round beyond what had stayed before, for each conn. What may be noise alone
// counts as nothing, and in more it is not surely the server's.
func (l *Leaks) line(of line, noise int64, pick func(Resources) int64) line {
	n := len(l.Rounds)
	first, before, after := pick(l.Rounds[0]), pick(l.Rounds[n-2]), pick(l.Rounds[n-1])
	if first < 0 || before < 0 || after < 0 {
		of.unknown = "this system does not tell how many the process has"
		return of
	}
	// Maps and slices grow by leaps, so that a round may show little of what it kept: the mean of all does.
	stayed := max(after-before, (after-first)/int64(n-1))
	if stayed > noise {
		of.pessimistic = float64(stayed) / float64(max(1, l.Conns))
		of.optimistic = float64(stayed-noise) / float64(max(1, l.Conns))
	}
	of.why = l.stayedText
	return of
}

func perConn(v float64) string { return fmt.Sprintf("%.3g for each conn", v) }

func (l *Leaks) stayedText() string {
	if len(l.Stayed) == 0 {
		return ""
	}
	return "What stayed: " + strings.Join(l.Stayed, "; ") + "."
}
