package gate

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSpecs(t *testing.T) {
	var pairs, costs []metric
	names := map[string]bool{}
	for i := range specs {
		s := &specs[i]
		require.False(t, names[s.name], "%s stands twice", s.name)
		names[s.name] = true
		require.NotEmpty(t, s.why, "%s", s.name)
		require.NotEmpty(t, s.unit, "%s", s.name)
		require.NotEqual(t, s.find == nil, s.cost == nil, "%s is of pairs or a cost", s.name)
		require.Equal(t, s.find != nil && s.rule != "", s.flag > 0, "%s", s.name)
		if s.find != nil {
			pairs = append(pairs, s.metric())
		} else {
			costs = append(costs, s.metric())
		}
	}
	ordered := inOrder(append(costs, pairs...))
	require.Len(t, ordered, len(specs))
	for i, m := range ordered {
		require.Equal(t, specs[i].name, m.Name)
		require.Equal(t, specs[i].rule == "", m.Outcome == shown, "%s", m.Name)
	}
	require.Equal(t, "CPU per request", specs[0].name, "noise is of it")
}
