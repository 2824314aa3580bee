package loadtest

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/holdfast/internal/engine"
)

// TestLimitsStandByTheirCurves: one that is kept is at its curve or above; one that is not is below it, or beyond its end.
func TestLimitsStandByTheirCurves(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	var seen [3]int
	reports := []*Report{failingReport(), healthyReport()}
	for range 60 {
		reports = append(reports, drawTrial(rng).report)
	}
	for _, r := range reports {
		some := func() Limits {
			d := func() time.Duration { return time.Duration(rng.ExpFloat64()*1e9) / 1000 * 1000 }
			return Limits{P50: d(), P99: d(), P999: d(), Max: d()}
		}
		v := r.Judge(Budget{Held: -1, Drops: -1, Failed: -1, Latency: some(), ServiceTime: some(), Connect: some()})
		for i, part := range []Verdict{{Broken: v.Broken}, {Invalid: v.Invalid}, {Met: v.Met}} {
			for _, mark := range limitsOf(&part) {
				seen[i]++
				requireBeside(t, r, mark, part.Met != nil)
			}
		}
	}
	for _, n := range seen {
		require.Greater(t, n, 20, "%v", seen)
	}
}

// requireBeside asks the curve where the limit is drawn.
func requireBeside(t *testing.T, r *Report, mark limitMark, kept bool) {
	t.Helper()
	lines := percentileLines(r)
	x := mark.place(lines, 0)
	for _, l := range lines {
		if l.name != map[string]string{"Latency": "latency", "ServiceTime": "service time", "Connect": "connect"}[mark.of()] {
			continue
		}
		points, curve := l.points(), math.Inf(1)
		for i, at := range points {
			if i > 0 {
				require.Greater(t, at[0], points[i-1][0]-1e-12)
				require.GreaterOrEqual(t, at[1], points[i-1][1])
			}
			if at[0] == x {
				curve = at[1]
			}
		}
		if math.IsInf(curve, 1) {
			require.Greater(t, x, points[len(points)-1][0], "%+v is beyond the end of %s", mark, l.name)
		}
		require.Equal(t, kept, curve <= float64(mark.limit), "%+v at %v, %s %v", mark, x, l.name, curve)
	}
}

// TestPercentilesAreOfTheCohort: the requests of ramp and sweep are in no curve that a limit stands beside.
func TestPercentilesAreOfTheCohort(t *testing.T) {
	r := healthyReport()
	slow := Distribution{histOf(1900, 1500*time.Millisecond, 1500*time.Millisecond)}
	r.Hold.Latency, r.Hold.ServiceTime = slow, slow
	text := textOf(chartOf(t, r, "percentiles"))
	require.Contains(t, text, ": latency 1.50s, service time 1.50s, connect ")
	require.Contains(t, text, "of the 1925 requests due in hold, which a budget judges: 25 were not answered, and the curves end (×) at 98.7012 %.")
	require.Contains(t, text, "%: latency endless, service time endless, connect 412µs, lag ")
	require.NotEmpty(t, pathsOf(chartOf(t, r, "percentiles"), "ends s1"))

	r.Conns.Attempts = 1001
	text = textOf(chartOf(t, r, "percentiles"))
	require.Contains(t, text, "Of 1001 attempts to connect 1 did not: that curve ends (×) at 99.9 %.")

	r = healthyReport()
	r.Hold = Cohort{}
	r.Latency = Distribution{engine.NewHist(time.Minute)}
	r.Latency.h.Record(7 * time.Second)
	text = textOf(chartOf(t, r, "percentiles"))
	require.Contains(t, text, ": latency 7.00s, ")
	require.NotContains(t, text, "hold")
	require.Empty(t, pathsOf(chartOf(t, r, "percentiles"), "ends s1"))
}

// TestLimitsOfAClosedLoop: by what they are judged is said where they stand.
func TestLimitsOfAClosedLoop(t *testing.T) {
	r := healthyReport()
	r.Config.Cadence = backToBack
	v := r.Judge(Budget{Latency: Limits{P99: time.Second}})
	r.Verdict = &v
	require.Contains(t, textOf(chartOf(t, r, "percentiles")), "Those of Latency are for the service time: back to back,")
}
