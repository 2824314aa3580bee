package peers

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/holdfast/loadtest"
)

// healthyBudgets are what the author of a server that is well would write: the strict one, and one with limits that only
// trouble would break.
var healthyBudgets = map[string]loadtest.Budget{
	"strict": {},
	"limits": {
		Connect:     loadtest.Limits{P99: time.Second},
		Latency:     loadtest.Limits{P50: 50 * time.Millisecond, P99: 200 * time.Millisecond},
		ServiceTime: loadtest.Limits{P99: 200 * time.Millisecond},
	},
}

// healthyRun is a run of two seconds, ramp and all, against a server in this process.
func healthyRun(tb testing.TB, conns int) *loadtest.Report {
	tb.Helper()
	s := loadtest.NewServer(tb, nil)
	defer s.Close()
	r, err := loadtest.Run(tb.Context(), loadtest.Config{
		Server: s, Connections: conns, Ramp: loadtest.Ramp{Every: -1}, IdleTimeout: time.Second, Hold: 1300 * time.Millisecond,
	})
	require.NoError(tb, err)
	return r
}

// healthyRuns returns how often the verdict was which, over all runs and budgets.
func healthyRuns(tb testing.TB, runs, conns int) map[loadtest.Outcome]int {
	tb.Helper()
	said := map[loadtest.Outcome]int{}
	for i := range runs {
		r := healthyRun(tb, conns)
		for name, budget := range healthyBudgets {
			v := r.Judge(budget)
			said[v.Outcome]++
			if v.Outcome != loadtest.Pass {
				tb.Logf("run %d of %v, budget %q: %v\n%s", i, r.Phases.Total(), name, v.Err(), r)
			}
		}
	}
	return said
}

// BenchmarkHealthyRuns: whoever tests a server that is well, on a host that is quiet, is never told that the figures are
// invalid.
//
//	go test -run='^$' -bench=HealthyRuns -benchtime=1x -timeout=30m ./internal/peers -args -runs=300
func BenchmarkHealthyRuns(b *testing.B) {
	var said map[loadtest.Outcome]int
	for b.Loop() {
		said = healthyRuns(b, *flagRuns, 1000)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(said[loadtest.Pass]), "passes")
	b.ReportMetric(float64(said[loadtest.Fail]), "fails")
	b.ReportMetric(float64(said[loadtest.Invalid]), "invalids")
	require.Zero(b, said[loadtest.Invalid], "invalid verdicts")
	require.Zero(b, said[loadtest.Fail], "failed verdicts")
}

// On a busy host a verdict may be invalid, and no limit is so low that it may fail.
func TestHealthyRuns(t *testing.T) {
	t.Parallel()
	said := healthyRuns(t, 1, 50)
	require.Zero(t, said[loadtest.Fail], "failed verdicts")
	require.Equal(t, len(healthyBudgets), said[loadtest.Pass]+said[loadtest.Invalid])
}
