// Package standalone is what the root package's benchmarks print: live lines as the origin's log had them, and figures
// for benchstat. Tests and benchmarks use it, and nothing else.
package standalone

import (
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"example.com/holdfast/loadtest"
)

// LiveLines writes the line of a second, after a line for each conn that was lost in it.
func LiveLines(w io.Writer, s loadtest.Sample) {
	for _, l := range s.Lost {
		fmt.Fprintf(w, "%6.1fs conn %d %s, %d answered, idle %v", l.At.Seconds(), l.Slot, l.Cause, l.Served, l.Idle.Round(time.Millisecond))
		if l.Detail != "" {
			fmt.Fprintf(w, ": %s", l.Detail)
		}
		fmt.Fprintln(w)
	}
	if more := s.Dropped - int64(len(s.Lost)); more > 0 {
		fmt.Fprintf(w, "%6.1fs and %d more lost\n", s.At.Seconds(), more)
	}
	fmt.Fprintf(w, "%6.1fs %-5s  %d open  +%d -%d  %d sent  %d answered  %d failed  latency p50 %v p99 %v\n", s.At.Seconds(),
		s.Phase, s.Open, s.Connected, s.Dropped, s.Sent, s.Answered, s.Failed,
		s.LatencyP50.Round(time.Microsecond), s.LatencyP99.Round(time.Microsecond))
}

// Figures collects the figures of each op by their units.
type Figures map[string][]float64

// Add adds the figures of an op.
func (f *Figures) Add(r *loadtest.Report) {
	if *f == nil {
		*f = Figures{}
	}
	for unit, v := range of(r) {
		(*f)[unit] = append((*f)[unit], v)
	}
}

// of returns an op's figures, in units that benchstat scales.
func of(r *loadtest.Report) map[string]float64 {
	f := map[string]float64{
		"p50-ns":         float64(r.Latency.Quantile(0.50)),
		"p99-ns":         float64(r.Latency.Quantile(0.99)),
		"connect-p99-ns": float64(r.Connect.Quantile(0.99)),
		"conns/s":        fastestSecond(r.Timeline),
		"req/s":          r.Load.Offered,
		"drops/op":       float64(r.Conns.Dropped + r.Conns.ConnectFailed),
		"held":           float64(r.Conns.Held),
	}
	if cpu := r.Generator.CPU; cpu >= 0 && r.Requests.Sent > 0 {
		f["cpu-ns/req"] = float64(cpu) / float64(r.Requests.Sent)
	}
	return f
}

// fastestSecond returns the most conns that were established within one second: a ramp is longer than it takes to
// connect, because it ends with the last conn's first answer.
func fastestSecond(timeline []loadtest.Sample) float64 {
	var most int64
	for _, s := range timeline {
		most = max(most, s.Connected)
	}
	return float64(most)
}

// Report reports the mean of the losses and the median of all else. The length of an op is given and says nothing.
func (f Figures) Report(b *testing.B) {
	b.ReportMetric(0, "ns/op")
	for unit, values := range f {
		if unit == "drops/op" {
			b.ReportMetric(mean(values), unit)
		} else {
			b.ReportMetric(median(values), unit)
		}
	}
}

func mean(values []float64) float64 {
	var sum float64
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

func median(values []float64) float64 {
	s := slices.Sorted(slices.Values(values))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}
