package gate

import (
	"encoding/json"
	"io"
	"math"
)

// resultFormat is the number of the JSON. It changes when a field changes its meaning, or goes.
const resultFormat = 1

// writeJSON fails if a figure is not a number: nothing may stand for another.
func (r *result) writeJSON(w io.Writer) error {
	as := *r
	as.Format = resultFormat
	return json.NewEncoder(w).Encode(&as)
}

// An intervalJSON is an interval in JSON, which has no infinity: null is a side without a bound.
type intervalJSON struct {
	Estimate float64  `json:"estimate"`
	Low      *float64 `json:"low"`
	High     *float64 `json:"high"`
}

// MarshalJSON writes a side without a bound as null.
func (i interval) MarshalJSON() ([]byte, error) {
	out := intervalJSON{i.Estimate, &i.Low, &i.High}
	if math.IsInf(i.Low, -1) {
		out.Low = nil
	}
	if math.IsInf(i.High, 1) {
		out.High = nil
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads what MarshalJSON has written.
func (i *interval) UnmarshalJSON(text []byte) error {
	var in intervalJSON
	if err := json.Unmarshal(text, &in); err != nil {
		return err
	}
	*i = interval{in.Estimate, math.Inf(-1), math.Inf(1)}
	if in.Low != nil {
		i.Low = *in.Low
	}
	if in.High != nil {
		i.High = *in.High
	}
	return nil
}
