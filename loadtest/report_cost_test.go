package loadtest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Whose a cost is stands at its line's beginning.
func TestCostSaysWhose(t *testing.T) {
	text := func(change func(*Report)) string {
		r := healthyReport()
		r.Generator.Shared, r.Fixture = false, nil
		change(r)
		var t table
		t.cost(r)
		return t.b.String()
	}
	test := Usage{Of: "test process", CPU: time.Second, CPUUser: -1, CPUSystem: -1, Before: unknownResources, Hold: unknownResources}
	for want, change := range map[string]func(*Report){
		"cost         generator: test process, CPU 209ms (user 71.0ms": func(*Report) {},
		"cost         generator: test process, shared with another":    func(r *Report) { r.Generator.Shared = true },
		"cost         generator and server: test process, CPU 209ms": func(r *Report) {
			r.Generator.Shared, r.Fixture = true, &FixtureCounts{}
		},
		"\n             server: test process, CPU 1.00s, 503µs per request\n": func(r *Report) {
			r.ServerUse, r.Fixture = test, &FixtureCounts{}
		},
		"cost         generator processes: CPU unknown\n": func(r *Report) {
			r.Generator = unknownUsage()
			r.Generator.Of = "generator processes"
		},
		"\n             server: test process, shared with another run, CPU 1.00s": func(r *Report) {
			r.ServerUse, r.ServerUse.Shared, r.Fixture = test, true, &FixtureCounts{}
		},
		"; 2.00KiB per conn, of which 2.00KiB may be our own\n": func(r *Report) {
			r.ServerUse = test
			r.ServerUse.RSSBefore, r.ServerUse.RSSHold = 1<<20, 1<<20+2000<<10
		},
		"; 2.00KiB per conn\n": func(r *Report) {
			r.ServerUse = test
			r.ServerUse.Of = "process tree 7"
			r.ServerUse.RSSBefore, r.ServerUse.RSSHold = 1<<20, 1<<20+2000<<10
		},
		"\n             per conn, of both ends: heap 8.00KiB, stack -50B, 1.00 goroutines, 2.00 descriptors\n": func(r *Report) {
			r.Generator.Shared, r.Fixture = true, &FixtureCounts{}
			r.Generator.Before, r.Generator.Hold = Resources{9, 50_000, 3, 7}, Resources{9 + 8192_000, 0, 1003, 2007}
		},
		"1.00s, 503µs per request\n             RSS unknown -> unknown, peak unknown\n             per conn: 1.50 descriptors\n": func(r *Report) {
			r.ServerUse = test
			r.ServerUse.Of, r.ServerUse.RSSBefore, r.ServerUse.RSSHold, r.ServerUse.RSS, r.ServerUse.PeakRSS = "process tree 7", -1, -1, -1, -1
			r.ServerUse.Before.Descriptors, r.ServerUse.Hold.Descriptors = 7, 1507
		},
		"heap 1.00MiB -> 1.17MiB, stacks 400KiB -> 480KiB; 1.00MiB allocated, no GC\n": func(r *Report) { r.Generator.GCs = 0 },
	} {
		require.Contains(t, text(change), want)
	}
	require.Empty(t, text(func(r *Report) { r.Generator = unknownUsage() }))
}
