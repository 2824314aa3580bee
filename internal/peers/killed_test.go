//go:build linux

package peers

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/holdfast/internal/leaktest"
	"example.com/holdfast/loadtest"
)

// An nginx that holds ten thousand conns is killed.

// heldByNginx opens all at once; each conn sends every 2.5 s in the mean.
func heldByNginx(url string) loadtest.Config {
	return loadtest.Config{
		URL: url, Connections: 10_000, Ramp: loadtest.Ramp{Every: -1},
		IdleTimeout: 20 * time.Second, Cadence: loadtest.Uniform(500*time.Millisecond, 4500*time.Millisecond),
		ConnectTimeout: 30 * time.Second, ResponseTimeout: 30 * time.Second,
	}
}

// requireKilled requires that all conns were lost within 2 s of the kill, and how. The kernel closes those of a process
// that is gone, and resets those on which it had left a request unread. What crossed a close on its way, some tens of µs
// of a loop's turn, is a lost race: with four thousand requests a second and a tenth of a second to close all, that is a
// conn in some runs.
func requireKilled(t *testing.T, r *loadtest.Report, killed time.Time, phase string) {
	t.Helper()
	const mostRaces = 5
	var lost, races int64
	for _, d := range r.Drops {
		switch d.Cause {
		case loadtest.CauseResetWriting, loadtest.CauseResetWritingLate:
			races += d.Count
			fallthrough
		case loadtest.CauseClosedIdle, loadtest.CauseResetIdle, loadtest.CauseResetWaiting:
			lost += d.Count
			require.Equal(t, phase, d.Phase, "\n%s", r)
			require.Less(t, r.Started.Add(d.Last).Sub(killed), 2*time.Second, "\n%s", r)
		case loadtest.CauseConnectRefused, loadtest.CauseAbandoned: // of those to open again
		default:
			t.Errorf("%d were lost by %q\n%s", d.Count, d.Cause, r)
		}
	}
	require.EqualValues(t, 10_000, lost, "\n%s", r)
	require.EqualValues(t, 10_000, r.Conns.Dropped)
	require.LessOrEqual(t, races, int64(mostRaces), "\n%s", r)
	t.Logf("lost by a race: %d", races)
}

// stopBetweenRequests stops the worker where it waits for events: a request that it had read and not answered yet would
// be "closed while waiting", which is right, and a matter of luck.
func stopBetweenRequests(t *testing.T, n *Nginx) {
	t.Helper()
	worker := n.WorkerPIDs()[0]
	waits := []string{"232", "281", "22"} // epoll_wait and epoll_pwait of amd64, epoll_pwait of arm64
	require.True(t, poll(10*time.Second, func() bool {
		require.NoError(t, syscall.Kill(worker, syscall.SIGSTOP))
		var number string
		stopped := poll(time.Second, func() bool {
			call, err := os.ReadFile(fmt.Sprintf("/proc/%d/syscall", worker))
			require.NoError(t, err)
			number, _, _ = strings.Cut(strings.TrimSpace(string(call)), " ")
			return number != "running"
		})
		if stopped && slices.Contains(waits, number) {
			return true
		}
		require.NoError(t, syscall.Kill(worker, syscall.SIGCONT))
		return false
	}), "the worker never waits for events")
}

func TestKilledNginx(t *testing.T) {
	n := StartNginx(t, NginxOptions{})
	before := len(leaktest.Descriptors())
	cfg := heldByNginx(n.URL)
	cfg.Hold = 3 * time.Second
	var killed time.Time
	r := runAnd(t, cfg, func() {
		stopBetweenRequests(t, n)
		killed = time.Now()
		n.Kill()
	})
	requireConns(t, r, 10_000, 0)
	requireKilled(t, r, killed, "hold")
	require.Contains(t, strings.Join(strings.Fields(r.String()), " "), "did the server stop or restart?")
	require.LessOrEqual(t, len(leaktest.Descriptors()), before, "descriptors")
}

// Five seconds later it is back, and so are all conns.
func TestKilledNginxComesBack(t *testing.T) {
	const perSecond, down = 2500, 5 * time.Second
	n := StartNginx(t, NginxOptions{})
	cfg := heldByNginx(n.URL)
	cfg.Hold = 11 * time.Second
	cfg.Reopen = loadtest.Reopen{Delay: 100 * time.Millisecond, MaxDelay: time.Second, PerSecond: perSecond}
	var killed time.Time
	r := runAnd(t, cfg, func() {
		stopBetweenRequests(t, n)
		killed = time.Now()
		n.Kill()
		<-time.After(time.Until(killed.Add(down)))
		n.Restart()
	})
	requireKilled(t, r, killed, "hold")
	c := r.Conns
	require.EqualValues(t, 10_000, c.Recovered, "served again:\n%s", r)
	require.EqualValues(t, 10_000, c.Reopened)
	require.EqualValues(t, 10_000, c.OpenAtEnd)
	require.Zero(t, c.Held, "what was lost is not held")
	require.Equal(t, c.Attempts, 10_000+c.Reattempts)
	require.Greater(t, c.ConnectFailed, int64(perSecond), "it was tried again and again")
	var most int64
	for _, s := range r.Timeline {
		if r.Started.Add(s.At).After(killed.Add(time.Second)) { // the ramp is over
			require.LessOrEqual(t, s.Attempts, int64(perSecond), "attempts in a second:\n%s", r)
			most = max(most, s.Attempts)
		}
	}
	require.Greater(t, r.Recovery.Min(), down-100*time.Millisecond)
	t.Logf("recovered after %v … %v; at most %d attempts a second", r.Recovery.Min(), r.Recovery.Max(), most)
}
