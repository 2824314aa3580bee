package loadtest

import (
	"encoding/json"
	"math"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestCostInJSON is read back as it was, infinities and how it is written included.
func TestCostInJSON(t *testing.T) {
	c := &Cost{Of: "test process", Conns: 8000, Repeats: 5, Seed: math.MaxUint64}
	for i, m := range c.figures() {
		*m = Marginal{PerConn: 1.5, Low: 1.25, High: 1.75, kind: figureKinds[i]}
	}
	none := Marginal{PerConn: math.Inf(1), Low: math.Inf(-1), High: math.Inf(1), Why: "not linear: so", kind: figureKinds[figureRSS]}
	c.RSS = none
	text, err := json.MarshalIndent(c, "", " ")
	require.NoError(t, err)
	require.Contains(t, string(text), `"rss": {
  "of": "RSS",
  "why": "not linear: so"
 }`)
	require.Contains(t, string(text), `"heap": {
  "of": "heap",
  "per_conn": 1.5,
  "low": 1.25,
  "high": 1.75
 }`)
	var back Cost
	require.NoError(t, json.Unmarshal(text, &back))
	require.True(t, reflect.DeepEqual(*c, back), "%+v", back)
	require.Equal(t, c.String(), back.String())

	none.Why, none.kind = unknownFigure, kind{}
	for _, text := range []string{`{}`, `{"per_conn":1}`, `{"of":"length","high":1,"low":1}`} {
		var m Marginal
		require.NoError(t, json.Unmarshal([]byte(text), &m))
		require.Equal(t, none, m, "%s: it keeps no limit", text)
	}
	require.Error(t, json.Unmarshal([]byte(`{"per_conn":"much"}`), new(Marginal)))
}
