package gate

import (
	"encoding/json"
	"io"
)

// resultFormat is the number of the JSON. It changes when a field changes its meaning, or goes.
const resultFormat = 1

// writeJSON fails if a figure is not a number: nothing may stand for another.
func (r *result) writeJSON(w io.Writer) error {
	as := *r
	as.Format = resultFormat
	return json.NewEncoder(w).Encode(&as)
}
