package loadtest_test

import (
	"flag"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/holdfast/loadtest"
)

// Virtual time: the server, its timeouts and the clients are in a synctest bubble, in which time passes when nobody has
// anything to do. What happens at an instant happens exactly then.

// With 10 000 it is a benchmark; synctest has none of its own:
//
//	go test -run=TestTenVirtualMinutes -v ./loadtest -args -virtual-conns=10000
var flagVirtual = flag.Int("virtual-conns", 200, "in ten virtual minutes: connections")

// inTheBubble runs cfg against a server with the keep-alive timeout of production, and says what that took in real time.
func inTheBubble(t *testing.T, cfg loadtest.Config) (r *loadtest.Report) {
	t.Helper()
	began := time.Now()
	synctest.Test(t, func(t *testing.T) {
		greet := func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "welcome\n") }
		server := &http.Server{Handler: http.HandlerFunc(greet), IdleTimeout: time.Minute}
		cfg.Server = loadtest.Serve(t, "memory", server.Serve)
		var err error
		r, err = loadtest.Run(t.Context(), cfg)
		require.NoError(t, err)
	})
	t.Logf("%d conns, %v of virtual time and %d requests took %v, and %v of CPU time\n%s", r.Conns.Requested,
		r.Phases.Total().Round(time.Millisecond), r.Requests.Answered, time.Since(began).Round(time.Millisecond),
		r.Generator.CPU.Round(time.Millisecond), r)
	return r
}

// An hour with the keep-alive timeout of production.
func TestHoldsForAnHour(t *testing.T) {
	r := inTheBubble(t, loadtest.Config{Connections: 20, Hold: time.Hour})
	requireHeldToTheEnd(t, r)
	require.Equal(t, time.Hour, r.Phases.Hold)
}

func TestTenVirtualMinutes(t *testing.T) {
	n := int64(*flagVirtual)
	t.Run("pauses that the server bears", func(t *testing.T) {
		r := inTheBubble(t, loadtest.Config{Connections: *flagVirtual, Hold: 10 * time.Minute})
		requireHeldToTheEnd(t, r)
		require.Equal(t, 10*time.Minute, r.Phases.Hold)
		require.Equal(t, n, r.Fixture.Peak)
		require.Zero(t, r.Latency.Max(), "all that was done took no time")
		require.Zero(t, r.Phases.Drain)
	})
	t.Run("pauses that it does not", func(t *testing.T) {
		r := inTheBubble(t, loadtest.Config{
			Connections: *flagVirtual, IdleTimeout: 3 * time.Minute, Cadence: loadtest.Uniform(time.Second, 90*time.Second),
			Hold: 10 * time.Minute, Reopen: loadtest.Reopen{Delay: -1},
		})
		require.Greater(t, r.Conns.Dropped, n, "a third of the pauses are too long")
		require.Zero(t, r.Requests.Failed())
		for _, d := range r.Drops {
			require.Equal(t, loadtest.CauseClosedIdle, d.Cause)
			require.Equal(t, time.Minute, d.ShortestIdle, "it closes at its timeout, not before")
			require.Equal(t, time.Minute, d.LongestIdle, "nor after")
		}
	})
}

// Clients that pause for longer than the server's IdleTimeout lose their conns at that instant, exactly.
func TestIdleTimeoutEndsConns(t *testing.T) {
	r := inTheBubble(t, loadtest.Config{Connections: 20, Cadence: loadtest.Every(65 * time.Second), Hold: 3 * time.Minute})
	require.EqualValues(t, 0, r.Conns.Held)
	require.EqualValues(t, 20, r.Conns.Dropped)
	require.EqualValues(t, 20, r.Requests.Answered, "one for each conn")
	for _, d := range r.Drops {
		require.Equal(t, loadtest.CauseClosedIdle, d.Cause)
		require.Equal(t, time.Minute, d.Sample.Idle)
	}
}

func requireHeldToTheEnd(t *testing.T, r *loadtest.Report) {
	t.Helper()
	n := r.Conns.Requested
	require.Equal(t, n, r.Conns.Held)
	require.Equal(t, n, r.Conns.Attempts)
	require.Empty(t, r.Drops)
	require.Zero(t, r.Requests.Failed())
	require.Equal(t, r.Requests.Due, r.Requests.Answered)
}
