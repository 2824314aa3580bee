package peers

import (
	"cmp"
	"context"
	"math"
	"slices"
	"sort"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/holdfast/loadtest"
)

// What a stall of the server costs: not the few requests that were in flight, as a client that waits for one answer before
// it asks again would say, but every request that fell due while it lasted, from the instant at which it was due.

const (
	stallSpan = time.Second
	stallMean = 2 * time.Second // pause between requests
)

// stalled runs conns with exponential pauses and has the server stall once, when all are open and half of the first
// pauses, or more, are over. It ends the run when what the stall held up was answered: the ramp, which waits for the
// longest of all first pauses, would take a quarter of a minute.
func stalled(tb testing.TB, conns int, seed uint64) (*loadtest.Report, truthLog) {
	tb.Helper()
	s := startTruth(tb)
	ctx, cancel := context.WithCancel(tb.Context())
	defer cancel()
	var told time.Duration
	var failed error
	r, err := loadtest.Run(ctx, loadtest.Config{
		URL: s.URL, Connections: conns, Ramp: loadtest.Ramp{Conns: max(1, conns/100)}, // in a second
		IdleTimeout: time.Minute, Cadence: loadtest.Exponential(stallMean), Seed: seed,
		ConnectTimeout: 30 * time.Second, ResponseTimeout: 30 * time.Second,
		Progress: func(p loadtest.Sample) {
			switch {
			case told == 0 && p.At >= 2*time.Second && p.Open == int64(conns):
				told, failed = p.At, s.stall(stallSpan)
			case told != 0 && p.At >= told+stallSpan+2*time.Second:
				cancel()
			}
		},
	})
	require.ErrorIs(tb, err, context.Canceled)
	require.NoError(tb, failed)
	log := s.end()
	require.Positive(tb, log.StallBegan, "the server was told to stall\n%s", r)
	require.Zero(tb, r.Requests.Failed(), "\n%s", r)
	require.EqualValues(tb, conns, log.Accepted)
	return r, log
}

// A due request is one that the cadence wanted at an instant that we know without asking the generator: pause k of a conn
// is drawn from seed, conn and k alone, and begins with the answer before, which the server logged.
type dueRequest struct {
	exchange
	due   int64 // or up to path and tick later
	known bool  // false for a conn's first request, whose pause began when the conn was up: then due is when it came
}

// dues finds when each request in the log was due. The conns of one worker are accepted in the
// order of their slots.
func (l truthLog) dues(seed uint64, mean time.Duration) []dueRequest {
	type answers struct {
		count uint32
		last  int64
	}
	before := map[int32]answers{}
	all := make([]dueRequest, len(l.Exchanges))
	for i, e := range l.Exchanges {
		a := before[e.Conn]
		d := dueRequest{exchange: e, due: e.Received}
		if a.count > 0 {
			pause := time.Duration(-math.Log1p(-drawn(seed, int(e.Conn), a.count)) * float64(mean))
			d.due, d.known = a.last+int64(pause), true
		}
		all[i] = d
		before[e.Conn] = answers{a.count + 1, e.Written}
	}
	return all
}

// drawn is draw k of a slot, uniform in [0, 1): SplitMix64 over a counter, written down here once more so that it cannot
// change unnoticed.
func drawn(seed uint64, slot int, k uint32) float64 {
	mix := func(x uint64) uint64 {
		x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
		x = (x ^ x>>27) * 0x94d049bb133111eb
		return x ^ x>>31
	}
	x := mix(seed + (uint64(slot)+1)*0x9e3779b97f4a7c15)
	x = mix(x + (uint64(k)<<1+1)*0x9e3779b97f4a7c15)
	return float64(x>>11) / (1 << 53)
}

// stallSlack is what a due instant may lie after the drawn one: the path from server to generator, and the tick.
const stallSlack = 2 * time.Millisecond

// A stallToll is what the stall held up, by the server's log and the draws.
type stallToll struct {
	due   int             // requests that fell due in it
	long  int             // requests, of these and others, with a latency of longLatency or more
	least []time.Duration // the least that the latency may be of each that fell due in it or was in flight, longest first
}

// longLatency is above what a quiet machine makes of a request that no stall held up.
const longLatency = 100 * time.Millisecond

func tollOf(tb testing.TB, log truthLog, seed uint64) stallToll {
	tb.Helper()
	var toll stallToll
	for _, d := range log.dues(seed, stallMean) {
		if d.known {
			require.GreaterOrEqual(tb, d.Received, d.due, "a request of conn %d came before it was due", d.Conn)
		}
		if time.Duration(d.Written-d.due) >= longLatency {
			toll.long++
		}
		fellDue := d.due >= log.StallBegan && d.due < log.StallEnded
		if inFlight := d.due < log.StallBegan && d.Written >= log.StallEnded; !fellDue && !inFlight {
			continue
		}
		if fellDue {
			toll.due++
		}
		require.GreaterOrEqual(tb, d.Written, log.StallEnded, "nothing was written in the stall")
		toll.least = append(toll.least, time.Duration(log.StallEnded-d.due)-stallSlack)
	}
	slices.SortFunc(toll.least, func(a, b time.Duration) int { return cmp.Compare(b, a) })
	return toll
}

// expectedDue returns how many of conns are expected to ask in the stall, 1 967 of 5 000, and the standard deviation by which
// draws scatter about it (a binomial law): 35, so that the tolerance of 5 % is 2.8 of them.
func expectedDue(conns int) (mean, deviation float64) {
	asks := -math.Expm1(-stallSpan.Seconds() / stallMean.Seconds())
	return float64(conns) * asks, math.Sqrt(float64(conns) * asks * (1 - asks))
}

// requireToll holds the report against it.
//
// That each request has its latency, stall's end − due − 2 ms or more, is shown by ranks: the requests are among those of
// the report, so that its k longest latencies are at least as long as the k longest that the log demands, for each k. Were
// requests forgotten, or timed from anything later than due, the ranks behind them would fall short.
func requireToll(tb testing.TB, r *loadtest.Report, toll stallToll) {
	tb.Helper()
	n := int(r.Latency.Count())
	for i, least := range toll.least {
		require.GreaterOrEqual(tb, ranked(r.Latency, n-i), least, "latency of rank %d from above\n%s", i+1, r)
	}
	require.GreaterOrEqual(tb, longer(r.Latency, longLatency-stallSlack), toll.long, "latencies of %v or more\n%s", longLatency, r)
}

// longer returns how many durations are limit or longer.
func longer(d loadtest.Distribution, limit time.Duration) int {
	n := int(d.Count())
	return n - sort.Search(n, func(i int) bool { return ranked(d, i+1) >= limit })
}

// TestStall: of 5 000 conns 1 967 are expected to ask in the second. Its own seed, whose draws make it the same few
// requests in each run.
func TestStall(t *testing.T) {
	const conns, seed = 5000, 1
	r, log := stalled(t, conns, seed)
	toll := tollOf(t, log, seed)
	requireToll(t, r, toll)
	want, _ := expectedDue(conns)
	require.InDelta(t, want, toll.due, want/20, "requests that fell due in the stall")
	t.Logf("%d fell due in the stall; %d of %v or more in the report, %d in the log", toll.due,
		longer(r.Latency, longLatency), longLatency, toll.long)
}

// BenchmarkStall has another seed in each op: the mean of many is to meet the expectation, and each by what draws scatter.
//
//	go test -run='^$' -bench='^BenchmarkStall$' -benchtime=10x ./internal/peers
func BenchmarkStall(b *testing.B) {
	const conns = 5000
	want, deviation := expectedDue(conns)
	var due, long, logged float64
	var seed uint64
	for b.Loop() {
		seed++
		r, log := stalled(b, conns, seed)
		toll := tollOf(b, log, seed)
		requireToll(b, r, toll)
		require.InDelta(b, want, toll.due, 4*deviation, "requests that fell due in the stall, seed %d", seed)
		require.InDelta(b, toll.long, longer(r.Latency, longLatency), float64(toll.long)/20, "on a quiet host no others took long\n%s", r)
		due, long, logged = due+float64(toll.due), long+float64(longer(r.Latency, longLatency)), logged+float64(toll.long)
	}
	b.ReportMetric(0, "ns/op")
	require.InDelta(b, want, due/float64(seed), want/20, "requests that fell due in the stall, mean of %d", seed)
	b.ReportMetric(due/float64(seed), "due/op")
	b.ReportMetric(long/float64(seed), "reported-100ms/op")
	b.ReportMetric(logged/float64(seed), "logged-100ms/op")
}
