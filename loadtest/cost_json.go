package loadtest

import (
	"encoding/json"
	"math"
)

// A marginalJSON is a Marginal in JSON, which has no infinity: where there is no figure there are none of its fields.
type marginalJSON struct {
	Of      string   `json:"of,omitempty"` // the name of its kind, which says how it is written
	PerConn *float64 `json:"per_conn,omitempty"`
	Low     *float64 `json:"low,omitempty"`
	High    *float64 `json:"high,omitempty"`
	Why     string   `json:"why,omitempty"`
}

// MarshalJSON writes the figure and its interval, or why there is none.
func (m Marginal) MarshalJSON() ([]byte, error) {
	out := marginalJSON{Of: m.kind.name, Why: m.Why}
	if m.Why == "" {
		out.PerConn, out.Low, out.High = &m.PerConn, &m.Low, &m.High
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads what MarshalJSON has written. What has no figure, or not all of it, gets one that keeps no limit.
func (m *Marginal) UnmarshalJSON(text []byte) error {
	var in marginalJSON
	if err := json.Unmarshal(text, &in); err != nil {
		return err
	}
	*m = Marginal{PerConn: math.Inf(1), Low: math.Inf(-1), High: math.Inf(1), Why: in.Why}
	for _, k := range figureKinds {
		if k.name == in.Of {
			m.kind = k
		}
	}
	switch {
	case in.Why != "":
	case in.PerConn == nil || in.Low == nil || in.High == nil:
		m.Why = unknownFigure
	default:
		m.PerConn, m.Low, m.High = *in.PerConn, *in.Low, *in.High
	}
	return nil
}
