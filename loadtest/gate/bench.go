package gate

import (
	"fmt"
	"io"
	"math"
	"strings"
	"unicode"

	"golang.org/x/perf/benchfmt"

	"example.com/holdfast/loadtest"
)

// unitCPU is that of the CPU time per request.
const unitCPU = "cpu-ns/req"

// figures are those of one side of a pair, by the units of metrics.
var figures = map[string]func(s side) float64{
	unitCPU:      side.perRequest,
	"p50-ns":     func(s side) float64 { return float64(s.P50) },
	"p99-ns":     func(s side) float64 { return float64(s.P99) },
	"p999-ns":    func(s side) float64 { return float64(s.P999) },
	"max-ns":     func(s side) float64 { return float64(s.Max) },
	"drops/conn": func(s side) float64 { return float64(s.Dropped) / float64(s.Conns) },
	"failed/req": func(s side) float64 { return float64(s.Failed) / float64(s.Failed+s.Requests) },
}

// costFigures are those of one side of a pair of costs.
var costFigures = map[string]func(c *loadtest.Cost) float64{
	"heap-B/conn":      func(c *loadtest.Cost) float64 { return c.Heap.PerConn },
	"stack-B/conn":     func(c *loadtest.Cost) float64 { return c.Stack.PerConn },
	"goroutines/conn":  func(c *loadtest.Cost) float64 { return c.Goroutines.PerConn },
	"descriptors/conn": func(c *loadtest.Cost) float64 { return c.Descriptors.PerConn },
	"rss-B/conn":       func(c *loadtest.Cost) float64 { return c.RSS.PerConn },
}

// perRequest is the CPU time of a request in ns; NaN: there were none.
func (s side) perRequest() float64 {
	if s.Requests == 0 {
		return math.NaN()
	}
	return float64(s.CPU) / float64(s.Requests)
}

// logRatioOf is ln(head ÷ base) of the CPU time per request of a pair; NaN where one has none.
func logRatioOf(p pair) float64 { return math.Log(p.Head.perRequest() / p.Base.perRequest()) }

// of returns the side of head, or of base.
func (p pair) of(head bool) side {
	if head {
		return p.Head
	}
	return p.Base
}

// rate is how many requests a second one side has answered in its slices; NaN: it had none.
func (p pair) rate(head bool) float64 {
	var took, answered float64
	for _, s := range p.Slices {
		if s.Head == head {
			took += s.Took.Seconds()
			answered += float64(s.Requests)
		}
	}
	return answered / took
}

func (c costPair) of(head bool) *loadtest.Cost {
	if head {
		return c.Head
	}
	return c.Base
}

// writeBench writes what was measured of one revision in the format of Go benchmarks, for benchstat: a line per pair, with all
// metrics that each pair has; the pairs that were to confirm are a benchmark of their own, as they were judged alone. The
// medians of the table are those of the latter for what was to be confirmed, of the former for all else.
func (r *result) writeBench(w io.Writer, head bool) error {
	v := r.Base
	if head {
		v = r.Head
	}
	// A comment to benchstat: as a configuration line it would make tables of their own of base and head.
	if _, err := fmt.Fprintf(w, "# commit %s: %s\n", v.Commit, short(v.Title)); err != nil {
		return err
	}
	b := bench{to: benchfmt.NewWriter(w), of: r, head: head}
	for _, p := range r.First {
		b.pair("", p)
	}
	for _, p := range r.Confirming {
		b.pair("/confirming", p)
	}
	for _, c := range r.Costs {
		b.cost(c)
	}
	return b.err
}

// A bench writes lines of one side until one cannot be written.
type bench struct {
	to   *benchfmt.Writer
	of   *result
	head bool
	err  error
}

func (b *bench) pair(stage string, p pair) {
	s := p.of(b.head)
	b.line(stage, s.Requests, func(unit string) (float64, bool) {
		if unit == "req/s" {
			return p.rate(b.head), true
		}
		of, ok := figures[unit]
		if !ok {
			return 0, false
		}
		return of(s), true
	})
}

func (b *bench) cost(c costPair) {
	of := c.of(b.head)
	if of == nil {
		return
	}
	b.line("", int64(of.Conns), func(unit string) (float64, bool) {
		figure, ok := costFigures[unit]
		if !ok {
			return 0, false
		}
		return figure(of), true
	})
}

// line has the figures in the order of the table; one that was not measured is not in it.
func (b *bench) line(stage string, iterations int64, figure func(unit string) (float64, bool)) {
	var values []benchfmt.Value
	for _, m := range b.of.Metrics {
		if v, ok := figure(m.Unit); ok && !math.IsNaN(v) && !math.IsInf(v, 0) {
			values = append(values, benchfmt.Value{Value: v, Unit: m.Unit})
		}
	}
	if len(values) == 0 || b.err != nil {
		return
	}
	e := b.of.Machine
	config := func(key, value string) benchfmt.Config {
		return benchfmt.Config{Key: key, Value: []byte(oneWord(value)), File: true}
	}
	b.err = b.to.Write(&benchfmt.Result{
		Config: []benchfmt.Config{config("goos", e.OS), config("goarch", e.Arch), config("pkg", b.of.Package)},
		Name:   benchfmt.Name(oneWord(fmt.Sprintf("Gate/%s%s-%d", b.of.Test, stage, e.GOMAXPROCS))),
		Iters:  int(iterations), Values: values,
	})
}

// oneWord makes foreign text a field of a line.
func oneWord(s string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsSpace(c) || !unicode.IsGraphic(c) {
			return '_'
		}
		return c
	}, s)
}
