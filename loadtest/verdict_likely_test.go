package loadtest

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/holdfast/internal/engine"
)

// latencyReport has so many clean seconds of hold, with service times that each gives.
func latencyReport(seconds int, of func(second int) (shortest, longest time.Duration)) *Report {
	in, all := soundInput()
	res := in.result
	fastest, hold := time.Minute, engine.NewHist(time.Minute)
	res.Timeline, all = res.Timeline[:1], all[:1]
	for i := range seconds {
		shortest, longest := of(i)
		fastest = min(fastest, shortest)
		var m engine.Spectrometer
		for k := range int64(100) {
			d := shortest + (longest-shortest)*time.Duration(k)/99
			hold.Record(d)
			m.Record(d)
		}
		s := engine.Sample{At: time.Duration(2+i) * time.Second, LatencyMax: longest, Services: m.Take()}
		all = append(all, secondOf{calmHost(), s})
	}
	res.Requests.HoldDue, res.Requests.HoldSent = int64(100*seconds), int64(100*seconds)
	res.ServiceTime = histOf(res.Requests.Answered, fastest, time.Second)
	res.Hold = engine.Cohort{Latency: hold, ServiceTime: hold}
	return siftedReport(in, all, false)
}

// TestLikelyReasonsOfLatency: a broken limit says whether the handler is slow by itself, at times, or for some.
func TestLikelyReasonsOfLatency(t *testing.T) {
	const ms = time.Millisecond
	evenly := func(shortest, longest time.Duration) func(int) (time.Duration, time.Duration) {
		return func(int) (time.Duration, time.Duration) { return shortest, longest }
	}
	oneSlow := func(second int) (time.Duration, time.Duration) {
		if second == 3 {
			return ms, 200 * ms
		}
		return ms, 5 * ms
	}
	tests := map[string]struct {
		report *Report
		line   string
		limits Limits
		text   string
	}{
		"slow by itself": {latencyReport(3, evenly(30*ms, 40*ms)), "P50", Limits{P50: 20 * ms},
			"Even the fastest answer took 30.0ms: the handler, or what it waits for, is that slow by itself."},
		"queueing": {latencyReport(3, evenly(ms, 100*ms)), "P50", Limits{P50: 20 * ms},
			"The fastest answer took 1.00ms, and half of those of hold 50.0ms or more: requests wait for one another, or for something that they share."},
		"slow and queueing": {latencyReport(3, evenly(15*ms, 100*ms)), "P50", Limits{P50: 20 * ms},
			"The fastest answer took 15.0ms, most of the limit, and half of those of hold 57.1ms or more"},
		"at times": {latencyReport(5, oneSlow), "Max", Limits{Max: 50 * ms},
			"and half of those of hold 3.47ms or less. Slow ones came in 1 of hold's 5 clean seconds, which ended at 5.00s: what did the server do then?"},
		"some": {latencyReport(4, evenly(ms, 100*ms)), "P99", Limits{P99: 80 * ms},
			"and half of those of hold 50.0ms or less. Slow ones came all through hold, in 4 of hold's 4 clean seconds: some requests always take long."},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			onlyReason(t, test.report.Judge(Budget{ServiceTime: test.limits}), Fail, "ServiceTime."+test.line, test.text)
			onlyReason(t, test.report.Judge(Budget{Latency: test.limits}), Fail, "Latency."+test.line, test.text)
		})
	}
}

// TestLikelyReasonsOfNoAnswer: of a limit that the server broke by not answering.
func TestLikelyReasonsOfNoAnswer(t *testing.T) {
	r := soundReport()
	r.Requests.HoldDue, r.Requests.HoldSent, r.Requests.Due, r.Requests.Sent = 1940, 1940, 2002, 2002
	r.Requests.TimedOut, r.Hold.Sure.Unanswered, r.Slow.AnswersRetransmitted = 15, 15, 1
	text := r.quantile("ServiceTime", Limits{Max: time.Second}.bounds()[3]).why()
	require.Equal(t, "15 of 1940 requests due in hold surely got no answer (of all in the run 15 timed out). "+
		"The fastest answer took 61.0µs, and half of those of hold 546µs or less. "+
		"1 answer took longer than 150 ms on conns on which TCP had to send something again: segments were lost on the way.", text)
}

func TestLikelyReasonsOfConnects(t *testing.T) {
	connect := func(r *Report, limit time.Duration) string {
		return r.quantile("Connect", Limits{Max: limit}.bounds()[3]).why()
	}
	r := soundReport()
	require.Equal(t, "Half of the connects took 221µs or less, the slowest 412µs.", connect(r, 400*time.Microsecond))
	require.Equal(t, "Even the fastest connect took 31.0µs.", connect(r, 30*time.Microsecond))
	r.Config.TLS = true
	require.Equal(t, "Even the fastest connect took 31.0µs, with its TLS handshake.", connect(r, 30*time.Microsecond))
	r.Hold.Sure.Unconnected, r.Slow.ConnectsRetransmitted, r.Kernel.ListenOverflows = 3, 12, 15
	require.Equal(t, "3 of 1000 attempts surely did not connect: see Drops. 12 connects took longer than 0.9 s because the kernel had to send "+
		"a SYN again, as when the server's accept queue is full (15 listen overflows on this host): accept faster, raise its backlog and "+
		"net.core.somaxconn, or ramp more slowly. Half of the connects took 221µs or less, the slowest 412µs.", connect(r, 400*time.Microsecond))
}

// TestLikelyReasonsOfRuns: a sleep and a lock, told apart.
func TestLikelyReasonsOfRuns(t *testing.T) {
	const ms = time.Millisecond
	cfg := Config{Connections: 100, IdleTimeout: 10 * time.Second, Cadence: Every(100 * ms)}
	faked(t, after(100*ms), cfg, func(t *testing.T, r *Report) {
		onlyReason(t, r.Judge(Budget{Latency: Limits{P99: 50 * ms}}), Fail, "Latency.P99", "Even the fastest answer took 100ms: the handler")
	})
	synctest.Test(t, func(t *testing.T) {
		turn := make(chan struct{}, 1)
		locked := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			turn <- struct{}{} // a mutex would keep fake time from passing
			time.Sleep(12 * ms)
			<-turn
		})
		cfg.Server, cfg.Ramp = Serve(t, "memory", serveHTTP(locked)), Ramp{Every: -1}
		r, err := Run(t.Context(), cfg)
		require.NoError(t, err)
		onlyReason(t, r.Judge(Budget{Latency: Limits{P99: 50 * ms}}), Fail, "Latency.P99", "The fastest answer took 12.0ms, and half of those of hold 1.10s or more: requests wait")
	})
}
