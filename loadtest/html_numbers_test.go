package loadtest

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestPageHasTheNumbersOfTheJSON: each figure that says where it is in the JSON has the value that stands there.
func TestPageHasTheNumbersOfTheJSON(t *testing.T) {
	for name, r := range judged() {
		data, err := json.Marshal(r)
		require.NoError(t, err)
		var root any
		decoder := json.NewDecoder(strings.NewReader(string(data)))
		decoder.UseNumber()
		require.NoError(t, decoder.Decode(&root))
		seen := map[string]bool{}
		for _, n := range elements(parsed(t, pageOf(t, r)), "data") {
			key := attribute(n, "data-key")
			seen[key] = true
			require.Equal(t, asNumber(t, lookUp(t, root, key)), asNumber(t, attribute(n, "value")), "%s: %s", name, key)
			require.NotEmpty(t, textOf(n), "%s: %s", name, key)
			if attribute(n, "value") == "-1" {
				require.Equal(t, "unknown", textOf(n), "%s: %s", name, key)
			}
		}
		ledgers := root.(map[string]any)
		for key := range ledgers["conns"].(map[string]any) {
			if r.Conns.Reattempts > 0 || !strings.HasPrefix(key, "re") || key == "requested" {
				require.Contains(t, seen, "conns."+key, name)
			}
		}
		require.Contains(t, seen, "requests.sent", name)
		for i := range r.Drops {
			require.Contains(t, seen, "drops."+strconv.Itoa(i)+".count", name)
		}
		if r.Latency.Count() > 0 {
			require.Contains(t, seen, "latency.p999_ns", name)
		}
	}
}

func lookUp(t *testing.T, v any, key string) any {
	for part := range strings.SplitSeq(key, ".") {
		switch of := v.(type) {
		case map[string]any:
			require.Contains(t, of, part, key)
			v = of[part]
		case []any:
			i, err := strconv.Atoi(part)
			require.NoError(t, err, key)
			v = of[i]
		}
	}
	return v
}

// asNumber compares large integers exactly, and fractions as such.
func asNumber(t *testing.T, v any) any {
	s := v
	if n, ok := v.(json.Number); ok {
		s = n.String()
	}
	if n, err := strconv.ParseUint(s.(string), 10, 64); err == nil {
		return n
	}
	f, err := strconv.ParseFloat(s.(string), 64)
	require.NoError(t, err)
	return f
}

// TestPageHasEachSecond: of ten minutes none is missing from the table.
func TestPageHasEachSecond(t *testing.T) {
	r := longReport(600, 10_000)
	tree := parsed(t, pageOf(t, r))
	rows := elements(elements(tree, "details")[0], "tr")[1:]
	require.Len(t, rows, 600)
	for i, s := range r.Timeline {
		var cells []string
		for _, cell := range elements(rows[i], "td") {
			cells = append(cells, strings.TrimSpace(textOf(cell)))
		}
		require.Equal(t, []string{threeDigits(s.At), s.Phase, known(s.Open), known(s.Connected), known(s.Dropped), known(s.Sent),
			known(s.Answered), known(s.Failed), threeDigits(s.LatencyP50), threeDigits(s.LatencyP99), threeDigits(s.LatencyMax),
			threeDigits(s.LagMax), threeDigits(s.Late), percent(s.Host.Busy), percent(s.Host.Foreign), percent(s.Host.Steal),
			map[bool]string{true: "yes", false: "no"}[s.Clean]}, cells)
	}
}
