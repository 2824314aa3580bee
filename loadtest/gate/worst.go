package gate

import (
	"fmt"
	"math"
	"strings"
	"time"

	"golang.org/x/perf/benchunit"

	"example.com/holdfast/internal/lines"
)

// worstPair tells, slice by slice, of the pair in which head cost the most beside base; "" if none can be compared. It is for
// who asks whether a gate was right.
func (r *result) worstPair() string {
	var worst *pair
	for _, all := range [][]pair{r.First, r.Confirming} {
		for i := range all {
			ratio := logRatioOf(all[i])
			if !math.IsNaN(ratio) && (worst == nil || ratio > logRatioOf(*worst)) {
				worst = &all[i]
			}
		}
	}
	if worst == nil {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "pair %d: of all that counted head cost the most CPU per request beside base in it, %s %%\n\n", worst.Number,
		hundredths(math.Expm1(logRatioOf(*worst))))
	writeSide(&b, "base", worst.Base)
	writeSide(&b, "head", worst.Head)
	writeSlices(&b, worst.Slices)
	writeOutput(&b, "base", worst.Base.Output)
	writeOutput(&b, "head", worst.Head.Output)
	return b.String()
}

func writeSide(b *strings.Builder, whose string, s side) {
	fmt.Fprintf(b, "%s: process %d, %d conns, %d requests in slices, %s of CPU each; p50 %s, p99 %s, p99.9 %s, max %s\n", whose, s.PID,
		s.Conns, s.Requests, nanoseconds(s.perRequest()), seconds(s.P50), seconds(s.P99), seconds(s.P999), seconds(s.Max))
	fmt.Fprintf(b, "      %d requests failed, %d conns were lost\n", s.Failed, s.Dropped)
	for _, drop := range s.Drops {
		fmt.Fprintf(b, "      %s\n", lines.One(drop))
	}
}

func writeSlices(b *strings.Builder, all []slice) {
	fmt.Fprintf(b, "\n%10s  %-5s%10s%10s%10s%12s%10s%8s\n", "at", "whose", "took", "requests", "CPU", "per request", "foreign", "steal")
	for _, s := range all {
		whose, each := "base", "-"
		if s.Head {
			whose = "head"
		}
		if s.Requests > 0 {
			each = nanoseconds(float64(s.CPU) / float64(s.Requests))
		}
		fmt.Fprintf(b, "%10s  %-5s%10s%10d%10s%12s%10s%8s\n", fmt.Sprintf("%.3fs", s.At.Seconds()), whose, seconds(s.Took), s.Requests,
			seconds(s.CPU), each, part(s.Foreign), part(s.Steal))
	}
}

// writeOutput writes what a process has printed so that it cannot be taken for what we say.
func writeOutput(b *strings.Builder, whose, text string) {
	if text == "" {
		fmt.Fprintf(b, "\n%s printed nothing\n", whose)
		return
	}
	fmt.Fprintf(b, "\nwhat %s printed last:\n", whose)
	for line := range strings.Lines(text) {
		b.WriteString(strings.TrimRight("| "+lines.One(strings.TrimRight(line, "\r\n")), " ") + "\n")
	}
}

func seconds(d time.Duration) string { return nanoseconds(float64(d)) }

func nanoseconds(ns float64) string {
	if math.IsNaN(ns) {
		return "no time"
	}
	return benchunit.Scale(ns/1e9, benchunit.Decimal) + "s"
}

// part is one of the processors; negative is unknown.
func part(v float64) string {
	if v < 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f %%", 100*v)
}
