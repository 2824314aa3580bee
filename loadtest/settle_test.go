package loadtest

import (
	"context"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// slowToLetGo is a server in memory of which each conn that was closed leaves a goroutine for so long.
func slowToLetGo(t *testing.T, linger time.Duration) *Server {
	s := &http.Server{Handler: http.HandlerFunc(ok), ConnState: func(_ net.Conn, state http.ConnState) {
		if state == http.StateClosed {
			go time.Sleep(linger)
		}
	}}
	t.Cleanup(func() { time.Sleep(linger) }) // a bubble's time stands still when its test has returned
	return Serve(t, networkMemory, s.Serve)
}

// settled carries out a run of 100 silent conns, and returns its report and how long it took to begin.
func settled(t *testing.T, s *Server) (r *Report, waited time.Duration) {
	t.Helper()
	began := time.Now()
	r, err := Run(t.Context(), Config{Server: s, Connections: 100, Cadence: Silent(), Hold: -1})
	require.NoError(t, err)
	require.EqualValues(t, 100, r.Conns.Held)
	return r, time.Since(began) - r.Phases.Total()
}

// TestRunsInARow: what the one before has left is in none's baseline. With 100 goroutines of it there the second would seem to
// take one goroutine less for each conn.
func TestRunsInARow(t *testing.T) {
	const linger = 300 * time.Millisecond
	synctest.Test(t, func(t *testing.T) {
		s := slowToLetGo(t, linger)
		for i := range 3 {
			r, waited := settled(t, s)
			u := r.Generator
			require.InDelta(t, 2*100, u.Hold.Goroutines-u.Before.Goroutines, 50, "run %d: one at each end of each conn", i)
			require.Equal(t, i > 0, waited > linger/2, "run %d waited for %v", i, waited)
		}
	})
}

// TestWhatStaysIsNotWaitedForTwice: what is there after a wait is the process's own from then on.
func TestWhatStaysIsNotWaitedForTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := Serve(t, networkMemory, serveHTTP(http.HandlerFunc(ok)))
		_, waited := settled(t, s)
		require.Zero(t, waited)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		for range 50 { // the test's own
			go func() { <-ctx.Done() }()
		}
		_, waited = settled(t, s)
		require.InDelta(t, settlePatience, waited, float64(settlePatience/10))
		for range 20 { // how many goroutines there are is only roughly known while some end
			if _, waited = settled(t, s); waited < settlePatience/10 {
				return
			}
		}
		require.Fail(t, "each run waited for them")
	})
}

// TestSettlingEndsWithTheRun that is cancelled.
func TestSettlingEndsWithTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := slowToLetGo(t, time.Minute)
		settled(t, s)
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		_, err := Run(ctx, Config{Server: s})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, 100*time.Millisecond, time.Since(began))
	})
}
