package loadtest

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestStretches: of seconds that are merged nothing that stands out is lost.
func TestStretches(t *testing.T) {
	r := longReport(3*mostStretches-1, 10_000)
	all, each := stretchesOf(r.Timeline)
	require.Equal(t, 3, each)
	require.Len(t, all, mostStretches)
	var got, want Sample
	for _, s := range all {
		got = addUp(got, s.Sample)
	}
	for _, s := range r.Timeline {
		want = addUp(want, s)
	}
	require.Equal(t, want, got)
	require.Equal(t, 3*time.Second, all[1].from)
	require.Equal(t, 6*time.Second, all[1].At)
	require.Equal(t, r.Timeline[3].Open, all[1].Open, "the least: it is the ramp")
	require.Equal(t, r.Timeline[5].Open, all[1].mostOpen)

	one, each := stretchesOf(r.Timeline[:mostStretches])
	require.Equal(t, 1, each)
	require.Equal(t, r.Timeline[7], one[7].Sample)
}

func addUp(sum, s Sample) Sample {
	return Sample{
		Dropped: sum.Dropped + s.Dropped, Sent: sum.Sent + s.Sent, Answered: sum.Answered + s.Answered, Failed: sum.Failed + s.Failed,
		Connected: sum.Connected + s.Connected, LatencyP50: max(sum.LatencyP50, s.LatencyP50),
		LatencyP99: max(sum.LatencyP99, s.LatencyP99), LatencyMax: max(sum.LatencyMax, s.LatencyMax), LagMax: max(sum.LagMax, s.LagMax),
		Late: max(sum.Late, s.Late), Host: Host{Busy: max(sum.Host.Busy, s.Host.Busy), Foreign: max(sum.Host.Foreign, s.Host.Foreign)},
	}
}

// TestADipIsDrawn: of one second in three hours, in the middle of those that are merged.
func TestADipIsDrawn(t *testing.T) {
	r := longReport(3*3600, 10_000)
	for i := range r.Timeline {
		r.Timeline[i].Open = 10_000
	}
	drawing := func() string {
		return textOf(chartOf(t, r, "conns")) + pathsOf(chartOf(t, r, "conns"), "line s1 dense")
	}
	flat := drawing()
	dip := slices.Clone(r.Timeline)
	dip[5005].Open = 0
	r.Timeline = dip
	require.NotEqual(t, flat, drawing())
	tips := textOf(chartOf(t, r, "conns"))
	require.Contains(t, tips, "0 to 10000 open")
	require.Contains(t, tips, "up to 10000,")
	require.Contains(t, tips, "The fewest that were open at the end of any of the 12 seconds")
	var open []string
	for _, row := range elements(elements(parsed(t, pageOf(t, r)), "details")[0], "tr") {
		open = append(open, textOf(cells(row)[2]))
	}
	require.Equal(t, "fewest open", open[0])
	require.Equal(t, "0", open[1+5005/12])
	require.Equal(t, "10000", open[5005/12])
}

// TestASecondWithoutAnswers: it has no median, and none of 0 s.
func TestASecondWithoutAnswers(t *testing.T) {
	r := healthyReport()
	r.Timeline = []Sample{{At: time.Second, Answered: 3}, {At: 2 * time.Second, Sent: 1}, {At: 3 * time.Second, Failed: 1, LatencyMax: 5}}
	var got [][]string
	for _, row := range elements(elements(parsed(t, pageOf(t, r)), "details")[0], "tr")[1:] {
		var texts []string
		for _, cell := range cells(row)[8:12] {
			texts = append(texts, textOf(cell))
		}
		got = append(got, texts)
	}
	require.Equal(t, [][]string{{"0s", "0s", "0s", "0s"}, {"–", "–", "–", "0s"}, {"0s", "0s", "5ns", "0s"}}, got)
}

// TestTheLastMomentHasNoRate: 8 ms with one request are no 125 requests a second.
func TestTheLastMomentHasNoRate(t *testing.T) {
	all, _ := stretchesOf([]Sample{{At: time.Second, Sent: 9}, {At: 2 * time.Second, Sent: 10}, {At: 2008 * time.Millisecond, Sent: 1}})
	lines := drawn(all)
	require.Len(t, lines, 2)
	require.InDelta(t, 11/1.008, lines[1].rate(lines[1].Sent), 0.001)
	require.Len(t, all, 3, "the table has it")
	require.EqualValues(t, 10, all[1].Sent, "as it was")
}

func TestOutline(t *testing.T) {
	var o outline
	for _, at := range [][2]float64{{1, 5}, {2, 5}, {3.04, 5}, {4, 4.5}, {4.25, 14.5}} {
		o.to(at[0], at[1])
	}
	o.gap()
	o.to(7, 0.1)
	o.gap()
	o.to(8, 1)
	o.to(9, 2)
	require.Equal(t, "M1 5h2l1-.5 .3 10M7 .1h0M8 1l1 1", o.String())
	require.Empty(t, (&outline{}).String())
}

func TestAxes(t *testing.T) {
	labels := func(ticks []tick) (all []string) {
		for _, of := range ticks {
			all = append(all, of.label)
		}
		return all
	}
	for most, want := range map[float64][]string{
		0: {"0", "1"}, 1: {"0", "1"}, 7: {"0", "2", "4", "6", "8"}, 10_000: {"0", "5000", "10000"}, 1e7: {"0", "5000000", "10000000"},
	} {
		to, ticks := countAxis(most)
		require.Equal(t, want, labels(ticks), "%v", most)
		require.Equal(t, ticks[len(ticks)-1].value, to)
	}
	for end, want := range map[time.Duration][]string{
		0: {"0s"}, 5 * time.Second: {"0s", "1s", "2s", "3s", "4s", "5s"},
		31238 * time.Millisecond: {"0s", "5s", "10s", "15s", "20s", "25s", "30s"},
		10 * time.Minute:         {"0s", "2m", "4m", "6m", "8m", "10m"},
	} {
		require.Equal(t, want, labels(timeTicks(end)), "%v", end)
	}
	for _, end := range []time.Duration{math.MaxInt64, 1000 * time.Hour} {
		require.LessOrEqual(t, len(timeTicks(end)), 9)
	}
	from, to, ticks := decadeAxis(210e3, 11.9e6)
	require.Equal(t, []float64{200e3, 20e6}, []float64{from, to})
	require.Equal(t, []string{"200µs", "500µs", "1ms", "2ms", "5ms", "10ms", "20ms"}, labels(ticks))
	_, _, ticks = decadeAxis(300, 3.1e9)
	require.Equal(t, []string{"1µs", "10µs", "100µs", "1ms", "10ms", "100ms", "1s"}, labels(ticks))
	for _, of := range [][2]float64{{0, 0}, {1, 1}, {5e9, 5e9}, {math.Inf(1), 0}, {1, math.MaxInt64}} {
		from, to, _ = decadeAxis(min(of[0], of[1]), of[1])
		require.GreaterOrEqual(t, to, 10*from, "%v", of)
	}
}

// TestLimitsOnTheChart: the limits of a verdict stand at their quantiles, as they were written.
func TestLimitsOnTheChart(t *testing.T) {
	v := Verdict{
		Broken:  []Reason{{Line: "Latency.P99", Limit: "20ms"}, {Line: "Held", Limit: "1000"}},
		Invalid: []Reason{{Line: "Connect.Max", Limit: "1m"}, {Line: "load", Limit: "99 %"}},
		Met:     []Reason{{Line: "ServiceTime.P50", Limit: "1.5ms"}, {Line: "CPUPerRequest", Limit: "1ms"}},
	}
	require.Equal(t, []limitMark{
		{"Latency.P99", 0.99, 20 * time.Millisecond, true}, {"Connect.Max", 1, time.Minute, false},
		{"ServiceTime.P50", 0.5, 1500 * time.Microsecond, false},
	}, limitsOf(&v))
	require.Empty(t, limitsOf(nil))
}
