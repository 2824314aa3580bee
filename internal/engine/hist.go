package engine

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// A Hist is a histogram of durations in ns with three significant digits (HdrHistogram), two where nobody is judged by it,
// together with the exact count, sum and extremes, which the buckets cannot give. It is not safe for concurrent use.
type Hist struct {
	HDR      *hdrhistogram.Histogram
	Sum      time.Duration
	Min, Max time.Duration // exact; 0 when empty
	Censored int64         // values of requests that timed out: at least so long
	Clamped  int64         // values outside the histogram's range, recorded at its edge
}

// NewHist returns an empty histogram for values up to at least longest.
func NewHist(longest time.Duration) *Hist {
	return &Hist{HDR: hdrhistogram.New(1, int64(longest), 3)}
}

// NewCoarse has two significant digits, in an eighth of the memory: 27 KB for a minute.
func NewCoarse(longest time.Duration) *Hist {
	return &Hist{HDR: hdrhistogram.New(1, int64(longest), 2)}
}

// Count returns how many values were recorded.
func (h *Hist) Count() int64 { return h.HDR.TotalCount() }

// Record adds d.
func (h *Hist) Record(d time.Duration) { h.RecordN(d, 1) }

// RecordN adds d n times; n is above zero.
func (h *Hist) RecordN(d time.Duration, n int64) {
	if h.HDR.TotalCount() == 0 {
		h.Min, h.Max = d, d
	}
	h.Min, h.Max = min(h.Min, d), max(h.Max, d)
	h.Sum += d * time.Duration(n)
	if h.HDR.RecordValues(int64(d), n) != nil {
		h.clamp(d, n)
	}
}

func (h *Hist) clamp(d time.Duration, n int64) {
	h.Clamped += n
	edge := h.HDR.HighestTrackableValue()
	if d < 0 {
		edge = 0
	}
	if err := h.HDR.RecordValues(edge, n); err != nil {
		panic("engine: histogram refuses its own edge: " + err.Error())
	}
}

// Merge adds all of o, losslessly: both have the same range.
func (h *Hist) Merge(o *Hist) {
	if o.Count() == 0 {
		return
	}
	if h.Count() == 0 {
		h.Min, h.Max = o.Min, o.Max
	}
	h.Min, h.Max = min(h.Min, o.Min), max(h.Max, o.Max)
	h.Sum += o.Sum
	h.Censored += o.Censored
	h.Clamped += o.Clamped
	if dropped := h.HDR.Merge(o.HDR); dropped != 0 {
		panic("engine: merge of histograms of different ranges")
	}
}

// Quantile returns the value at or below which the fraction q (0 … 1) of all values lie, at most 0.1 % above the true
// one and never above Max; 0 when empty.
func (h *Hist) Quantile(q float64) time.Duration {
	if h.Count() == 0 {
		return 0
	}
	return max(h.Min, min(h.Max, time.Duration(h.HDR.ValueAtQuantile(100*q))))
}
