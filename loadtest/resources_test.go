package loadtest

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"runtime"
	"runtime/metrics"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// TestRunReadsWhatIsHeld of a server in this process, with all conns open, on each driver and in fake time.
func TestRunReadsWhatIsHeld(t *testing.T) {
	const n = 200
	held := func(t *testing.T, s *Server, goroutines, descriptors int64) *Report {
		t.Helper()
		cfg := brief(s, "", n)
		var open int64
		run := systemRunner()
		run.collects, run.held = true, func() { open = s.Counts().Open }
		r, err := run.run(t.Context(), cfg)
		require.NoError(t, err)
		require.EqualValues(t, n, open)
		u := r.Generator
		// Of a conn alone the server has two buffers of 4 KB, and a goroutine.
		require.Greater(t, u.Hold.Heap-u.Before.Heap, int64(n*8<<10))
		require.Less(t, u.Hold.Heap-u.Before.Heap, int64(n*200<<10))
		require.GreaterOrEqual(t, u.Hold.Stack-u.Before.Stack, int64(n*2<<10))
		require.InDelta(t, n*goroutines, u.Hold.Goroutines-u.Before.Goroutines, 20)
		require.InDelta(t, n*descriptors, u.Hold.Descriptors-u.Before.Descriptors, 20)
		require.Contains(t, r.String(), "per conn, of both ends: heap ")
		return r
	}
	t.Run("epoll", func(t *testing.T) {
		if runtime.GOOS != "linux" {
			t.Skip("the epoll driver is Linux's")
		}
		held(t, NewServer(t, nil), 1, 2)
	})
	t.Run("blocking", func(t *testing.T) { held(t, NewTLSServer(t, nil), 2, 2) })
	t.Run("fake time", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { held(t, Serve(t, "memory", serveHTTP(http.HandlerFunc(ok))), 2, 0) })
	})
}

// forced returns how many collections were asked for in this process.
func forced() uint64 {
	s := []metrics.Sample{{Name: "/gc/cycles/forced:gc-cycles"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

// uncollected carries out run again and again until no collection was asked for meanwhile, and returns the last report. What an
// earlier test has left may ask for one, but not each time.
func uncollected(t *testing.T, run runner, cfg Config) *Report {
	t.Helper()
	for range 20 {
		before := forced()
		r, err := run.run(t.Context(), cfg)
		require.NoError(t, err)
		if forced() == before {
			return r
		}
	}
	require.Fail(t, "each of 20 runs asked for collections")
	return nil
}

// TestNobodyElseIsCollected: who loads another process does not pay for it, nor do runs at once spoil each other.
func TestNobodyElseIsCollected(t *testing.T) {
	s, run := NewServer(t, nil), systemRunner()
	run.collects = true
	unread := func(t *testing.T, cfg Config) {
		t.Helper()
		r := uncollected(t, run, cfg)
		require.Equal(t, unknownResources, r.Generator.Hold)
		require.Positive(t, r.Generator.Before.Heap)
		require.NotContains(t, r.String(), "per conn")
	}
	unread(t, brief(nil, s.URL, 5))
	other := runs.add()
	defer runs.remove(other)
	unread(t, brief(s, "", 5))
}

// TestNobodyIsCollectedUnasked: a Run whose heap nobody judges reads what costs nothing to read.
func TestNobodyIsCollectedUnasked(t *testing.T) {
	s := NewServer(t, nil)
	r := uncollected(t, systemRunner(), brief(s, "", 50))
	u := r.Generator
	require.EqualValues(t, -1, u.Hold.Heap)
	require.EqualValues(t, -1, u.Hold.Stack)
	require.InDelta(t, 50, u.Hold.Goroutines-u.Before.Goroutines, 20)
	require.Contains(t, r.String(), " goroutines, ")

	for asked, b := range map[bool]Budget{
		false: {RSSPerConn: 1 << 30, LeakRounds: 3},
		true:  {GoroutinesPerConn: 1 << 30},
	} {
		require.Equal(t, asked, (&check{budget: b, cfg: Config{Server: s}}).runner().collects)
	}
}

// TestCancelledRunReadsNothing in hold, as it was never at its end.
func TestCancelledRunReadsNothing(t *testing.T) {
	cfg := brief(NewServer(t, nil), "", 5)
	cfg.Hold = time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	cfg.Progress = func(Sample) { cancel() }
	r, err := Run(ctx, cfg)
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, unknownResources, r.Generator.Hold)
	require.Positive(t, r.Generator.Before.Heap)
}

// TestSettledIsTheLeast: garbage does not count, nor does what a pool keeps.
func TestSettledIsTheLeast(t *testing.T) {
	before := settledResources()
	garbage := make([]byte, 32<<20)
	garbage[0] = 1
	require.Greater(t, currentResources().Heap, before.Heap+int64(len(garbage)/2))
	require.Less(t, settledResources().Heap, before.Heap+1<<20)
}

// TestRunThatBeginsIsSeen: from before the first thing that it does. Else two that begin together would both find nobody, and
// what the one reads has the other's conns in it.
func TestRunThatBeginsIsSeen(t *testing.T) {
	inner, outer := systemRunner(), systemRunner()
	inner.collects = true
	s := NewServer(t, nil)
	seen := false
	outer.find = func(context.Context, string, string) ([]netip.Addr, error) {
		r := uncollected(t, inner, brief(s, "", 5))
		require.True(t, r.Generator.Shared)
		require.Equal(t, unknownResources, r.Generator.Hold)
		seen = true
		return nil, errors.New("enough")
	}
	_, err := outer.run(t.Context(), Config{URL: "http://localhost:1/"})
	require.ErrorContains(t, err, "enough")
	require.True(t, seen)
	r, err := Run(t.Context(), brief(s, "", 5))
	require.NoError(t, err)
	require.False(t, r.Generator.Hold.Goroutines < 0, "one that failed goes on no more")
}
