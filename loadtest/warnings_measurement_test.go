package loadtest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/holdfast/internal/engine"
)

// warningOf returns r's warning of a kind.
func (r *Report) warningOf(t *testing.T, kind string) Warning {
	t.Helper()
	for _, w := range r.Warnings {
		if w.Kind == kind {
			return w
		}
	}
	t.Fatalf("no warning of kind %q, of %v", kind, r.Warnings)
	return Warning{}
}

func TestLoopLoad(t *testing.T) {
	seconds := make([]secondOf, 21) // of hold, but for the first
	for i := range seconds {
		seconds[i].host = calmHost()
	}
	late := func(which ...int) *Report {
		for i := range seconds {
			seconds[i].of.Late = 0
		}
		for _, i := range which {
			seconds[i].of.Late = 11 * time.Millisecond
		}
		r := siftedReport(sampleInput(), seconds, false)
		r.Warnings = warningsOf(r)
		return r
	}
	require.NotContains(t, kinds(late(5)), WarnLoopLoad, "one second is chance")
	require.NotContains(t, kinds(late(5, 9)), WarnLoopLoad, "a tenth")
	require.Equal(t, Warning{
		Kind: WarnLoopLoad, Value: 3.0 / 20, Threshold: 0.10,
		Text: "in 3 of hold's 20 seconds the generator was late by more than 10ms: it had more to do than it could, or no CPU to do it on",
	}, late(1, 5, 9).warningOf(t, WarnLoopLoad))
	require.NotContains(t, kinds(late(0, 5, 9)), WarnLoopLoad, "the first is the ramp's")
}

// TestTickArtefact: at 10 000 conns and a tick of 10 ms, requests of 60 µs wait for each other for 200 µs.
func TestTickArtefact(t *testing.T) {
	in := sampleInput()
	in.plan.Slots, in.result.Requests.HoldSent = 10_000, 20_000
	in.result.Latency = histOf(1987, 97*time.Microsecond, 900*time.Microsecond)
	in.result.ServiceTime = histOf(1987, 60*time.Microsecond, 800*time.Microsecond)
	w := reportOf(in).warningOf(t, WarnTick)
	require.InDelta(t, 200e-6, w.Value, 1e-6)
	require.InDelta(t, 125e-6, w.Threshold, 1e-6)
	require.Contains(t, w.Text, "for some 200µs in the mean, of a median latency of 499µs")

	in.result.Tick = time.Millisecond
	require.NotContains(t, kinds(reportOf(in)), WarnTick, "judged latencies have that tick")
	require.NotContains(t, kinds(healthyReport()), WarnTick, "its rate is low")
}

func TestFewSamples(t *testing.T) {
	of := func(n int64) *Report {
		in := sampleInput()
		in.result.Latency = histOf(n, 0, time.Millisecond)
		return reportOf(in)
	}
	require.NotContains(t, kinds(of(0)), WarnFewSamples, "of nothing there are no quantiles")
	require.NotContains(t, kinds(of(1000)), WarnFewSamples)
	require.Equal(t, Warning{Kind: WarnFewSamples, Value: 999, Threshold: 1000,
		Text: "p99 of 999 latencies: fewer than ten lie beyond, so that the next run may show another; 1000 requests would do"},
		of(999).warningOf(t, WarnFewSamples))
	require.Contains(t, of(5).warningOf(t, WarnFewSamples).Text, "p50, p90, p99 of 5 latencies")
}

func TestSlowAnswers(t *testing.T) {
	in := sampleInput()
	in.result.Slow = engine.Slow{Answers: 7, AnswersRetransmitted: 2}
	require.Equal(t, Warning{Kind: WarnSlowAnswers, Value: 2,
		Text: "2 answers took longer than 150 ms on conns on which TCP had to send something again, of 7 that took so long: " +
			"segments were lost on the way"}, reportOf(in).warningOf(t, WarnSlowAnswers))
	for _, retransmitted := range []int64{0, -1} {
		in.result.Slow.AnswersRetransmitted = retransmitted
		require.Empty(t, kinds(reportOf(in)))
	}
}
