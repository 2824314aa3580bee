package peers

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/holdfast/loadtest"
)

// Service times beside the truth: the log of a server that notes when the kernel received each request, and when it
// wrote the answer.

// knownTruth runs cfg against the server and returns both sides of the story, which agree on what was exchanged.
func knownTruth(tb testing.TB, cfg loadtest.Config) (*loadtest.Report, truthLog) {
	tb.Helper()
	s := startTruth(tb)
	cfg.URL = s.URL
	r, err := loadtest.Run(tb.Context(), cfg)
	require.NoError(tb, err)
	log := s.end()
	requireSameExchanges(tb, r, log)
	return r, log
}

func requireSameExchanges(tb testing.TB, r *loadtest.Report, log truthLog) {
	tb.Helper()
	require.EqualValues(tb, r.Conns.Connected, log.Accepted, "conns accepted\n%s", r)
	require.EqualValues(tb, r.Requests.Answered, len(log.Exchanges), "requests answered\n%s", r)
	require.EqualValues(tb, r.Requests.Answered, r.ServiceTime.Count())
	require.EqualValues(tb, r.Requests.Answered, r.Latency.Count(), "none timed out")
}

// requireNoneShorter requires that no request took less time than the server had it for: were it otherwise for one, then
// our k shortest would not all be at least as long as the server's, for some k. Whatever a busy machine does to either
// side makes ours longer.
//
// What the two may differ by is the precision of the clocks' relation, which is taken once a second.
func requireNoneShorter(tb testing.TB, r *loadtest.Report, log truthLog) {
	tb.Helper()
	const slew = 5 * time.Microsecond
	for i, took := range log.took() {
		require.GreaterOrEqual(tb, ranked(r.ServiceTime, i+1), took-slew, "service time of rank %d\n%s", i+1, r)
	}
}

// requireNear requires the two quantiles that people read to lie within 5 %, or 100 µs, of the server's.
func requireNear(tb testing.TB, r *loadtest.Report, log truthLog, quantiles ...float64) {
	tb.Helper()
	took := log.took()
	for _, q := range quantiles {
		got, want := r.ServiceTime.Quantile(q), quantile(took, q)
		require.InDelta(tb, want, got, float64(max(want/20, 100*time.Microsecond)),
			"service time at %v: %v; the server's log says %v\n%s", q, got, want, r)
	}
}

// BenchmarkKnownTruth is for a quiet host: what is between the server's log and our figures is then the loopback alone.
//
//	go test -run='^$' -bench=KnownTruth -benchtime=5x ./internal/peers
func BenchmarkKnownTruth(b *testing.B) {
	var ours, servers [2][]float64
	quantiles := [2]float64{0.5, 0.99}
	for b.Loop() {
		r, log := knownTruth(b, loadtest.Config{
			Connections: 2000, Ramp: loadtest.Ramp{Conns: 50}, IdleTimeout: 4 * time.Second, Hold: 8 * time.Second,
		})
		requireNoneShorter(b, r, log)
		requireNear(b, r, log, quantiles[:]...)
		for i, q := range quantiles {
			ours[i] = append(ours[i], float64(r.ServiceTime.Quantile(q)))
			servers[i] = append(servers[i], float64(quantile(log.took(), q)))
		}
	}
	b.ReportMetric(0, "ns/op")
	for i, name := range []string{"p50", "p99"} {
		b.ReportMetric(median(ours[i]), name+"-ns")
		b.ReportMetric(median(servers[i]), "server-"+name+"-ns")
	}
}

// The median of many stands firm where the rest does not.
func TestKnownTruth(t *testing.T) {
	t.Parallel()
	r, log := knownTruth(t, loadtest.Config{
		Connections: 50, Ramp: loadtest.Ramp{Every: -1}, IdleTimeout: 400 * time.Millisecond, Hold: time.Second,
	})
	require.EqualValues(t, 50, r.Conns.Held, "\n%s", r)
	require.Positive(t, r.Stamps.Kernel)
	requireNoneShorter(t, r, log)
	took := log.took()
	require.GreaterOrEqual(t, took[0], truthDelay)
	require.Less(t, r.ServiceTime.Quantile(0.5)-quantile(took, 0.5), 10*time.Millisecond)
	t.Logf("%d requests: p50 %v, the server's %v; p99 %v, the server's %v", len(took),
		r.ServiceTime.Quantile(0.5), quantile(took, 0.5), r.ServiceTime.Quantile(0.99), quantile(took, 0.99))
}
