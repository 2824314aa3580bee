package gate

import (
	"encoding/json"
	"math"
)

// intervalJSON has no bound where there is none.
type intervalJSON struct {
	Estimate float64  `json:"estimate"`
	Low      *float64 `json:"low"`
	High     *float64 `json:"high"`
}

// MarshalJSON writes null for a bound that there is not.
func (i interval) MarshalJSON() ([]byte, error) {
	j := intervalJSON{Estimate: i.Estimate}
	if !math.IsInf(i.Low, -1) {
		j.Low = &i.Low
	}
	if !math.IsInf(i.High, 1) {
		j.High = &i.High
	}
	return json.Marshal(j)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (i *interval) UnmarshalJSON(data []byte) error {
	var j intervalJSON
	if err := json.Unmarshal(data, &j); err != nil {
		return err
	}
	*i = interval{j.Estimate, math.Inf(-1), math.Inf(1)}
	if j.Low != nil {
		i.Low = *j.Low
	}
	if j.High != nil {
		i.High = *j.High
	}
	return nil
}
