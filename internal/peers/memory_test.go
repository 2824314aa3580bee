//go:build linux

package peers

import (
	"context"
	"net"
	"runtime"
	"runtime/debug"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/holdfast/loadtest"
)

// What a conn may cost the generator, and what a run of 100 may cost in all. Asserted here because memory, unlike time,
// does not depend on who else uses the machine.
const (
	mostEpoll    = 100     // bytes per conn
	mostBlocking = 5 << 10 // without TLS
	mostAtAll    = 2 << 20
)

// raceFactor is what the race detector may multiply memory by: its own is in the heap beside ours.
const raceFactor = 2

// memoryInUse returns the memory that this process uses of what the runtime mapped for it: heap, stacks, and the
// runtime's own tables. Whatever is garbage, or free, is not in it.
func memoryInUse() int64 {
	for range 3 { // what finalizers and pools let go goes with the next collection
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse + m.MSpanInuse + m.MCacheInuse + m.OtherSys + m.BuckHashSys)
}

// memoryInHold returns how much more memory is in use late in hold, when each conn has exchanged a few requests, than
// before the run.
func memoryInHold(tb testing.TB, url string, conns int, blocking bool, pause time.Duration) int64 {
	tb.Helper()
	var inHold int64
	cfg := loadtest.Config{
		URL: url, Connections: conns, Ramp: loadtest.Ramp{Every: -1},
		Cadence: loadtest.Uniform(pause/4, pause), Hold: pause + 1100*time.Millisecond,
		Progress: func(s loadtest.Sample) {
			if s.Phase == "hold" {
				inHold = memoryInUse()
			}
		},
	}
	if blocking {
		cfg.DialContext = (&net.Dialer{}).DialContext
	}
	before := memoryInUse()
	r, err := loadtest.Run(context.Background(), cfg)
	require.NoError(tb, err)
	require.EqualValues(tb, conns, r.Conns.Held, "%s", r)
	require.NotZero(tb, inHold, "a sample of the hold")
	return inHold - before
}

// memoryPerConn returns the medians of count repeats: bytes per conn, from 100 to conns, and of a run of 100 in all.
func memoryPerConn(tb testing.TB, conns, count int, blocking bool, pause time.Duration) (perConn, atAll float64) {
	tb.Helper()
	n := StartNginx(tb, NginxOptions{Conns: conns, NoAccessLog: true})
	defer n.Stop()
	memoryInHold(tb, n.URL+"/ok", 10, blocking, pause) // what is made once per process
	var slopes, few []float64
	for range count {
		small := memoryInHold(tb, n.URL+"/ok", 100, blocking, pause)
		large := memoryInHold(tb, n.URL+"/ok", conns, blocking, pause)
		slopes = append(slopes, float64(large-small)/float64(conns-100))
		few = append(few, float64(small))
	}
	return median(slopes), median(few)
}

func TestMemoryPerConn(t *testing.T) {
	for driver, most := range map[string]float64{"epoll": mostEpoll, "blocking": mostBlocking} {
		t.Run("driver="+driver, func(t *testing.T) {
			mostAll := float64(mostAtAll)
			if raceBuild() {
				mostAll += 100 * most * (raceFactor - 1) // the conns' share
				most *= raceFactor
			}
			perConn, atAll := memoryPerConn(t, 2000, 1, driver == "blocking", 800*time.Millisecond)
			t.Logf("%.1f B per conn, %.0f B at 100 conns", perConn, atAll)
			require.LessOrEqual(t, perConn, most, "bytes per conn")
			require.LessOrEqual(t, atAll, mostAll, "bytes at 100 conns")
		})
	}
}

// raceBuild reports whether this test binary has the race detector in it.
func raceBuild() bool {
	info, _ := debug.ReadBuildInfo()
	return info != nil && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// BenchmarkMemoryPerConn is the evidence: from 100 to 10 000 conns, median of 5.
func BenchmarkMemoryPerConn(b *testing.B) {
	for driver, most := range map[string]float64{"epoll": mostEpoll, "blocking": mostBlocking} {
		b.Run("driver="+driver, func(b *testing.B) {
			var perConn, atAll float64
			for b.Loop() {
				perConn, atAll = memoryPerConn(b, 10000, 5, driver == "blocking", 3*time.Second)
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(perConn, "B/conn")
			b.ReportMetric(atAll, "B-at-100-conns")
			require.LessOrEqual(b, perConn, most, "bytes per conn")
			require.LessOrEqual(b, atAll, float64(mostAtAll), "bytes at 100 conns")
		})
	}
}
