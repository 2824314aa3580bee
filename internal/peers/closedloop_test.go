//go:build linux

package peers

import (
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/holdfast/internal/peers/clientjob"
)

var (
	flagPairs = flag.Int("pairs", 3, "BenchmarkClosedLoop: pairs of a run of wrk and a run of Holdfast")
	flagSpan  = flag.Duration("span", 2*time.Second, "BenchmarkClosedLoop: length of each run, whole seconds")
)

// A loopRun is one closed loop of one client.
type loopRun struct {
	requests int64
	client   Usage // its whole process, start-up and ramp included
	nginxCPU time.Duration
}

func (r loopRun) cpuPerRequest() float64   { return float64(r.client.CPU) / float64(r.requests) }
func (r loopRun) nginxPerRequest() float64 { return float64(r.nginxCPU) / float64(r.requests) }

// A loopResult holds pairs of runs that follow each other.
type loopResult struct {
	wrk, holdfast []loopRun
	nginxPeakRSS  int64
}

// closedLoop runs wrk and Holdfast in turn against one nginx, which answers from memory and logs nothing. Who comes
// first alternates, so that drift of the machine favours neither.
func closedLoop(tb testing.TB, conns, pairs int, span time.Duration) loopResult {
	tb.Helper()
	// wrk opens all conns at once: the backlog holds as many as the kernel allows.
	n := StartNginx(tb, NginxOptions{NoAccessLog: true, Backlog: 1 << 15})
	defer n.Stop()
	idle := descriptors(tb, n)
	var r loopResult
	run := func(loop func(testing.TB, *Nginx, int, time.Duration) (int64, Usage)) loopRun {
		before := n.Usage()
		requests, used := loop(tb, n, conns, span)
		// Conns of two runs at once would be more than the worker has room for.
		require.True(tb, poll(10*time.Second, func() bool { return descriptors(tb, n) <= idle }), "nginx keeps conns open")
		return loopRun{requests: requests, client: used, nginxCPU: n.Usage().CPU - before.CPU}
	}
	for i := range pairs {
		if i%2 == 0 {
			r.wrk = append(r.wrk, run(wrkLoop))
			r.holdfast = append(r.holdfast, run(holdfastLoop))
		} else {
			r.holdfast = append(r.holdfast, run(holdfastLoop))
			r.wrk = append(r.wrk, run(wrkLoop))
		}
	}
	r.nginxPeakRSS = n.Usage().PeakRSS
	return r
}

// descriptors counts those of nginx's worker: one for each conn, and a few of its own.
func descriptors(tb testing.TB, n *Nginx) int {
	tb.Helper()
	workers := n.WorkerPIDs()
	require.Len(tb, workers, 1)
	open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", workers[0]))
	require.NoError(tb, err)
	return len(open)
}

func wrkLoop(tb testing.TB, n *Nginx, conns int, span time.Duration) (int64, Usage) {
	tb.Helper()
	return runWrk(tb, wrkOptions{URL: n.URL + "/ok", Conns: conns, Duration: span})
}

func holdfastLoop(tb testing.TB, n *Nginx, conns int, span time.Duration) (int64, Usage) {
	tb.Helper()
	o, used := runJob(tb, authorBinary, clientjob.Job{Client: "holdfast", URL: n.URL + "/ok", Conns: conns, Hold: span, ClosedLoop: true})
	require.EqualValues(tb, conns, o.Held, "conns held")
	require.Zero(tb, o.Failed, "failed requests")
	return o.Answered, used
}

// ratios returns Holdfast's CPU per request over wrk's, pair by pair.
func (r loopResult) ratios() []float64 {
	var ratios []float64
	for i := range r.wrk {
		ratios = append(ratios, r.holdfast[i].cpuPerRequest()/r.wrk[i].cpuPerRequest())
	}
	return ratios
}

// BenchmarkClosedLoop sets Holdfast beside wrk: GET as fast as nginx answers. One op is all pairs.
func BenchmarkClosedLoop(b *testing.B) {
	for _, conns := range []int{100, 1000, 10000} {
		b.Run(fmt.Sprintf("conns=%d", conns), func(b *testing.B) {
			var all loopResult
			for b.Loop() {
				r := closedLoop(b, conns, *flagPairs, *flagSpan)
				all.wrk, all.holdfast = append(all.wrk, r.wrk...), append(all.holdfast, r.holdfast...)
				all.nginxPeakRSS = max(all.nginxPeakRSS, r.nginxPeakRSS)
			}
			reportLoop(b, all)
		})
	}
}

// reportLoop reports medians of the runs, and the geometric mean of the pairs' ratios with the upper end of its 95 %
// interval.
func reportLoop(b *testing.B, r loopResult) {
	of := func(runs []loopRun, value func(loopRun) float64) float64 {
		var values []float64
		for _, run := range runs {
			values = append(values, value(run))
		}
		return median(values)
	}
	peak := func(run loopRun) float64 { return float64(run.client.PeakRSS) }
	b.ReportMetric(0, "ns/op") // the length of the runs, which was given
	mean, upper := geometricMean(r.ratios())
	b.ReportMetric(mean, "cpu-ratio")
	b.ReportMetric(upper, "cpu-ratio-upper95")
	b.ReportMetric(of(r.wrk, loopRun.cpuPerRequest), "wrk-ns/req")
	b.ReportMetric(of(r.holdfast, loopRun.cpuPerRequest), "holdfast-ns/req")
	b.ReportMetric(of(r.wrk, loopRun.nginxPerRequest), "nginx-under-wrk-ns/req")
	b.ReportMetric(of(r.holdfast, loopRun.nginxPerRequest), "nginx-under-holdfast-ns/req")
	b.ReportMetric(of(r.wrk, peak), "wrk-peak-B")
	b.ReportMetric(of(r.holdfast, peak), "holdfast-peak-B")
	b.ReportMetric(float64(r.nginxPeakRSS), "nginx-peak-B")
}

func TestClosedLoop(t *testing.T) {
	t.Parallel()
	const pairs = 2
	r := closedLoop(t, 10, pairs, time.Second)
	require.Len(t, r.wrk, pairs)
	require.Len(t, r.holdfast, pairs)
	for _, run := range append(r.wrk, r.holdfast...) {
		require.Greater(t, run.requests, int64(100))
		require.Positive(t, run.cpuPerRequest())
		require.Positive(t, run.nginxPerRequest())
	}
	mean, upper := geometricMean(r.ratios())
	require.Greater(t, upper, mean)
	t.Logf("CPU per request × %.2f of wrk (at most × %.2f)", mean, upper)
}

// wrk beside nginx alone, so that a change of wrk's or nginx's is not mistaken for one of ours.
func TestWrkAgainstTheAccessLog(t *testing.T) {
	t.Parallel()
	const conns = 10
	n := StartNginx(t, NginxOptions{})
	requests, used := runWrk(t, wrkOptions{URL: n.URL + "/ok", Conns: conns, Duration: time.Second})
	require.Positive(t, used.CPU)
	require.Positive(t, used.PeakRSS)
	n.Stop()
	lines := n.AccessLogLines()
	require.GreaterOrEqual(t, lines, requests)
	require.LessOrEqual(t, lines, requests+conns+1, "one in flight on each conn, and the probe that wrk sends first")
}
