package loadtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"example.com/holdfast/internal/engine"
)

// reportVersion grows when a reader of the JSON would have to change.
const reportVersion = 4

// reportJSON is a report as JSON. Keys are in snake case with the unit last: durations are whole ns (_ns), sizes bytes
// (_bytes), rates per second (_per_s); counts have no unit.
type reportJSON struct {
	Version int `json:"version"`
	plainReport
	Seed    uint64       `json:"seed,string"` // many readers round numbers beyond 2⁵³
	Fixture *fixtureJSON `json:"fixture,omitempty"`
}

// plainReport is a Report without its methods. What reportJSON itself has of its fields comes before them.
type plainReport Report

type fixtureJSON struct {
	Accepted int64 `json:"accepted"`
	Open     int64 `json:"open"`
	Peak     int64 `json:"peak"`
	Closed   int64 `json:"closed"`
	Idle     int64 `json:"idle"`
	Active   int64 `json:"active"`
	Requests int64 `json:"requests"`
}

// MarshalJSON encodes r losslessly. Keys are in snake case with the unit last: durations are integers of ns (_ns),
// memory is in bytes (_bytes), rates are per second (_per_s). Distributions have their quantiles for people, and the whole
// histogram ("hdr") in HdrHistogram's V2 compressed form, which its tools read. The seed is a string.
func (r Report) MarshalJSON() ([]byte, error) {
	return json.Marshal(reportJSON{
		Version: reportVersion, plainReport: plainReport(r), Seed: r.Seed, Fixture: (*fixtureJSON)(r.Fixture),
	})
}

// UnmarshalJSON decodes what MarshalJSON encoded. It refuses other versions of the format.
func (r *Report) UnmarshalJSON(data []byte) error {
	var head struct {
		Version *int `json:"version"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return fmt.Errorf("decoding a report: %w", err)
	}
	if head.Version == nil {
		return errors.New("decoding a report: there is no version in it: this is not a report")
	}
	if *head.Version != reportVersion {
		return fmt.Errorf("decoding a report: it is of version %d, and this package reads version %d: use the release "+
			"that wrote it, or run again", *head.Version, reportVersion)
	}
	var j reportJSON
	if err := json.Unmarshal(data, &j); err != nil {
		return fmt.Errorf("decoding a report: %w", err)
	}
	*r = Report(j.plainReport)
	r.Seed, r.Fixture = j.Seed, (*FixtureCounts)(j.Fixture)
	return nil
}

// distributionJSON has the quantiles for people, jq and the like only: they are not read back.
type distributionJSON struct {
	Count    int64         `json:"count"`
	Censored int64         `json:"censored"`
	Clamped  int64         `json:"clamped"`
	Min      time.Duration `json:"min_ns"`
	P50      time.Duration `json:"p50_ns"`
	P90      time.Duration `json:"p90_ns"`
	P99      time.Duration `json:"p99_ns"`
	P999     time.Duration `json:"p999_ns"`
	Max      time.Duration `json:"max_ns"`
	Sum      time.Duration `json:"sum_ns"`
	HDR      string        `json:"hdr,omitempty"` // absent when empty
}

// MarshalJSON encodes d losslessly; see [Report.MarshalJSON].
func (d Distribution) MarshalJSON() ([]byte, error) {
	if d.Count() == 0 {
		return json.Marshal(distributionJSON{})
	}
	hdr, err := d.h.HDR.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	if err != nil {
		return nil, fmt.Errorf("encoding a histogram: %w", err)
	}
	return json.Marshal(distributionJSON{
		Count: d.Count(), Censored: d.Censored(), Clamped: d.Clamped(),
		Min: d.Min(), P50: d.Quantile(0.5), P90: d.Quantile(0.9), P99: d.Quantile(0.99), P999: d.Quantile(0.999),
		Max: d.Max(), Sum: d.h.Sum,
		HDR: string(hdr),
	})
}

// UnmarshalJSON decodes what MarshalJSON encoded.
func (d *Distribution) UnmarshalJSON(data []byte) error {
	var j distributionJSON
	if err := json.Unmarshal(data, &j); err != nil {
		return fmt.Errorf("decoding a distribution: %w", err)
	}
	h, err := j.hist()
	if err != nil {
		return fmt.Errorf("decoding a distribution: %w", err)
	}
	*d = Distribution{h}
	return nil
}

// hist returns nil for an empty distribution.
func (j distributionJSON) hist() (*engine.Hist, error) {
	if j.HDR == "" {
		if j != (distributionJSON{}) {
			return nil, fmt.Errorf("there is no histogram (hdr), yet count is %d, sum_ns %d, min_ns %d, max_ns %d",
				j.Count, j.Sum, j.Min, j.Max)
		}
		return nil, nil
	}
	hdr, err := hdrhistogram.Decode([]byte(j.HDR))
	if err != nil {
		return nil, fmt.Errorf("hdr: %w", err)
	}
	if err := j.agreesWith(hdr); err != nil {
		return nil, err
	}
	return &engine.Hist{
		HDR: hdr, Sum: j.Sum, Min: j.Min, Max: j.Max, Censored: j.Censored, Clamped: j.Clamped,
	}, nil
}

// agreesWith reports a figure that cannot be of the same durations as the histogram.
func (j distributionJSON) agreesWith(hdr *hdrhistogram.Histogram) error {
	switch {
	case hdr.LowestTrackableValue() != 1 || hdr.SignificantFigures() < 2 || hdr.SignificantFigures() > 3:
		return fmt.Errorf("hdr has %d significant digits from %d ns, want 2 or 3 from 1 ns",
			hdr.SignificantFigures(), hdr.LowestTrackableValue())
	case hdr.TotalCount() != j.Count || j.Count == 0:
		return fmt.Errorf("hdr holds %d values, yet count is %d", hdr.TotalCount(), j.Count)
	case j.Censored < 0 || j.Censored > j.Count || j.Clamped < 0 || j.Clamped > j.Count:
		return fmt.Errorf("%d censored and %d clamped of %d", j.Censored, j.Clamped, j.Count)
	case j.Min > j.Max:
		return fmt.Errorf("min_ns %d is above max_ns %d", j.Min, j.Max)
	case j.Clamped == 0 && !j.spans(hdr):
		return fmt.Errorf("hdr spans %d to %d ns, yet min_ns is %d and max_ns %d",
			hdr.ValueAtQuantile(0), hdr.ValueAtQuantile(100), j.Min, j.Max)
	}
	return nil
}

// spans does not use Histogram.Min, which overlooks the value 0.
func (j distributionJSON) spans(hdr *hdrhistogram.Histogram) bool {
	return hdr.ValuesAreEquivalent(hdr.ValueAtQuantile(0), int64(j.Min)) &&
		hdr.ValuesAreEquivalent(hdr.ValueAtQuantile(100), int64(j.Max))
}
