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

// perRequest is the CPU time of a request in ns; NaN: there were none.
func (s side) perRequest() float64 {
	if s.Requests == 0 {
		return math.NaN()
	}
	return float64(s.CPU) / float64(s.Requests)
}

// logRatioOf is ln(head ÷ base) of the CPU time per request of a pair; NaN where one has none.
func logRatioOf(p pair) float64 { return math.Log(p.Head.perRequest() / p.Base.perRequest()) }

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
	if _, err := fmt.Fprintf(w, "# commit %s: %s\n", v.Commit, inLine(v.Title)); err != nil {
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
	side := p.side(b.head)
	b.line(stage, side.Requests, func(s *spec) (float64, bool) {
		if s.read != nil {
			v, why := s.read(p, b.head)
			return v, why == ""
		}
		switch s.unit {
		case "drops/conn":
			return share(side.Dropped, side.Conns), side.Conns > 0
		case "failed/req":
			return share(side.Failed, side.Failed+side.Requests), side.Failed+side.Requests > 0
		}
		return 0, false
	})
}

func (b *bench) cost(c costPair) {
	of := c.of(b.head)
	if of == nil {
		return
	}
	b.line("", int64(of.Conns), func(s *spec) (float64, bool) {
		if s.cost == nil {
			return 0, false
		}
		figure := s.cost(of)
		return figure.PerConn, figure.Why == ""
	})
}

// line has the figures in the order of the table; one that is not known is not in it.
func (b *bench) line(stage string, iterations int64, figure func(s *spec) (float64, bool)) {
	var values []benchfmt.Value
	for i := range specs {
		if v, ok := figure(&specs[i]); ok {
			values = append(values, benchfmt.Value{Value: v, Unit: specs[i].unit})
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
