package loadtest_test

import (
	"flag"
	"math"
	"runtime"
	"runtime/metrics"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/holdfast/internal/faulty"
	"example.com/holdfast/loadtest"
)

// What one conn does to the others: a run in which a tenth of the conns misbehave, in all ways and again and again, beside
// one in which none does.

// misdeeds are what the bad conns of a server do, one after the other.
var misdeeds = []faulty.Fault{
	faulty.CloseIdle, faulty.ResetIdle, faulty.HalfCloseIdle, faulty.BytesIdle, faulty.TimeoutIdle, faulty.CloseUnanswered,
	faulty.ResetUnanswered, faulty.HalfCloseUnanswered, faulty.NeverAnswer, faulty.CloseInHead, faulty.ResetInHead,
	faulty.HalfAnswer, faulty.DripFeed, faulty.CloseAnnounced, faulty.HTTP10, faulty.BodyAfterHead, faulty.Status405,
	faulty.Status408, faulty.Status503, faulty.HeadTooLarge, faulty.TooManyInterim, faulty.Unexpected101, faulty.BadStatusLine,
	faulty.BareCR, faulty.NoColon,
}

// mixed is a run of conns of which one in ten misbehaves, or none. Only bad conns are lost, so that whatever is accepted
// after the first conns takes the place of a bad one.
func mixed(tb testing.TB, conns int, hold time.Duration, bad bool, progress func(loadtest.Sample)) *loadtest.Report {
	server := &faulty.Server{}
	if bad {
		server.Fault = func(conn, request int) faulty.Fault {
			if conn < conns && conn%10 != 0 || request != conn/10%3 {
				return faulty.None
			}
			return misdeeds[conn/10%len(misdeeds)]
		}
	}
	fixture := loadtest.Serve(tb, "tcp", server.Serve)
	defer fixture.Close()
	r, err := loadtest.Run(tb.Context(), loadtest.Config{
		Server: fixture, Connections: conns,
		IdleTimeout: 4 * time.Second, Cadence: loadtest.Uniform(500*time.Millisecond, 2*time.Second), Hold: hold,
		Reopen:   loadtest.Reopen{Delay: 100 * time.Millisecond, MaxDelay: 400 * time.Millisecond},
		Progress: progress,
	})
	require.NoError(tb, err, "the laws are kept")
	return r
}

// healthyP99 is the 99th percentile of the latency of the requests that were answered: those that timed out, all of bad
// conns, took longest.
func healthyP99(r *loadtest.Report) time.Duration {
	all := float64(r.Latency.Count())
	return r.Latency.Quantile(0.99 * (all - float64(r.Latency.Censored())) / all)
}

// memoryHeld returns the bytes of live objects and of stacks.
func memoryHeld() float64 {
	runtime.GC()
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}}
	metrics.Read(s)
	return float64(s[0].Value.Uint64() + s[1].Value.Uint64())
}

// growth watches memory from a third of hold on to its end.
type growth struct {
	seconds     int
	early, late float64
}

func (g *growth) progress(hold time.Duration) func(loadtest.Sample) {
	return func(s loadtest.Sample) {
		if s.Phase != "hold" {
			return
		}
		switch g.seconds++; g.seconds {
		case int(hold.Seconds()) / 3:
			g.early = memoryHeld()
		case int(hold.Seconds()) - 1:
			g.late = memoryHeld()
		}
	}
}

// BenchmarkMisbehaving reports the ratio of the healthy conns' p99, with the bad ones beside them and without: the median
// of b.N pairs, in turn which of the two is first; and by how much memory grew in the last two thirds of hold.
//
//	go test -run='^$' -bench=Misbehaving -benchtime=10x ./loadtest -args -mixed-conns=4000 -mixed-hold=15s
func BenchmarkMisbehaving(b *testing.B) {
	var ratios, grown []float64
	var lost int64
	for b.Loop() {
		ratio, g, r := misbehavingPair(b, len(ratios)%2 == 0)
		ratios, grown = append(ratios, ratio), append(grown, g)
		lost += r.Conns.Dropped
		b.Logf("pair %d: p99 × %.2f, memory × %.3f, %d drops", len(ratios), ratio, g, r.Conns.Dropped)
	}
	b.ReportMetric(median(ratios), "p99-ratio")
	b.ReportMetric(slices.Max(ratios), "worst-ratio")
	b.ReportMetric(median(grown), "memory-ratio")
	b.ReportMetric(float64(lost)/float64(len(ratios)), "drops/op")
	b.ReportMetric(0, "ns/op")
}

func misbehavingPair(b *testing.B, badFirst bool) (ratio, grown float64, bad *loadtest.Report) {
	var p99 [2]time.Duration
	var memory growth
	for i := range 2 {
		misbehave := (i == 0) == badFirst
		var progress func(loadtest.Sample)
		if misbehave {
			progress = memory.progress(*mixedHold)
		}
		r := mixed(b, *mixedConns, *mixedHold, misbehave, progress)
		if misbehave {
			p99[1], bad = healthyP99(r), r
		} else {
			require.Equal(b, r.Conns.Requested, r.Conns.Held, "\n%s", r)
			p99[0] = healthyP99(r)
		}
	}
	return float64(p99[1]) / float64(p99[0]), memory.late / memory.early, bad
}

func median(all []float64) float64 {
	s := slices.Sorted(slices.Values(all))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

var (
	mixedConns = flag.Int("mixed-conns", 4000, "conns of BenchmarkMisbehaving")
	mixedHold  = flag.Duration("mixed-hold", 15*time.Second, "hold of BenchmarkMisbehaving")
)

// TestMisbehaving: nine of ten conns do not suffer, and each misdeed is seen.
func TestMisbehaving(t *testing.T) {
	t.Parallel()
	const conns = 500
	r := mixed(t, conns, 4*time.Second, true, nil)
	require.EqualValues(t, conns, r.Conns.Requested)
	require.GreaterOrEqual(t, r.Conns.Held, int64(conns-conns/10))
	require.Greater(t, r.Conns.Recovered, int64(conns/10), "bad conns come back, to be lost again")
	require.Equal(t, r.Conns.Dropped, r.Conns.Connected-r.Conns.OpenAtEnd)
	require.Len(t, r.Unwanted, 3)
	causes := map[loadtest.Cause]bool{}
	for _, d := range r.Drops {
		causes[d.Cause] = true
		require.False(t, d.Cause.ByGenerator() && d.Cause != loadtest.CauseResetWritingLate && d.Cause != loadtest.CauseAbandoned, "%+v", d)
	}
	for _, c := range []loadtest.Cause{
		loadtest.CauseClosedIdle, loadtest.CauseHalfClosed, loadtest.CauseRequestTimeout,
		loadtest.CauseClosedBeforeFirst, loadtest.CauseResponseTimedOut, loadtest.CauseClosedInHead,
		loadtest.CauseResetInResponse, loadtest.CauseResponseUnfinished, loadtest.CauseClosedAnnounced,
		loadtest.CauseBodyAfterHead, loadtest.CauseHeadTooLarge, loadtest.CauseTooManyInterim,
		loadtest.CauseUnexpected101, loadtest.CauseMalformed,
	} {
		require.True(t, causes[c], "%s in\n%s", c, r)
	}
	require.False(t, math.IsNaN(float64(healthyP99(r))))
	require.Less(t, healthyP99(r), 3*time.Second)
}
