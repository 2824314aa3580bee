//go:build linux

package peers

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/holdfast/loadtest"
)

// What real servers do to keep-alive conns, and what the report says of it. The servers are those of Debian 12: nginx
// 1.22.1 and lighttpd 1.4.69. The nginx functions named below are in its src/core/ngx_connection.c and src/http.

// onServer is a run of conns against url whose own time limits no busy machine reaches.
func onServer(url string, conns int) loadtest.Config {
	return loadtest.Config{
		URL: url, Connections: conns,
		ConnectTimeout: 30 * time.Second, ResponseTimeout: 30 * time.Second,
		Cadence: loadtest.Silent(),
		Hold:    1500 * time.Millisecond,
	}
}

func run(t *testing.T, cfg loadtest.Config) *loadtest.Report {
	t.Helper()
	r, err := loadtest.Run(t.Context(), cfg)
	require.NoError(t, err)
	return r
}

// runAnd runs cfg and does act when Progress first tells of hold: every conn has answered by then.
func runAnd(t *testing.T, cfg loadtest.Config, act func()) *loadtest.Report {
	t.Helper()
	hold, ended := make(chan struct{}), make(chan struct{})
	once := sync.OnceFunc(func() { close(hold) })
	cfg.Progress = func(s loadtest.Sample) {
		if s.Phase == "hold" {
			once()
		}
	}
	var r *loadtest.Report
	var err error
	go func() {
		defer close(ended)
		r, err = loadtest.Run(t.Context(), cfg)
	}()
	select {
	case <-hold:
		act()
	case <-ended:
		t.Errorf("the run ended before Progress told of hold")
	}
	<-ended
	require.NoError(t, err)
	return r
}

// requireConns requires that every conn was opened once, served of them answered, and held of them kept.
func requireConns(t *testing.T, r *loadtest.Report, served, held int64) {
	t.Helper()
	n := r.Conns.Requested
	want := loadtest.Conns{
		Requested: n, EverEstablished: n, Served: served, Held: held,
		Attempts: n, Connected: n, OpenAtEnd: held, Dropped: n - held,
	}
	require.Equal(t, want, r.Conns, "conns:\n%s", r)
	require.Equal(t, n-held, sum(causes(r)), "drops:\n%s", r)
}

// requireAnswered requires that want requests fell due, and all were sent and answered as they should be.
func requireAnswered(t *testing.T, r *loadtest.Report, want int64) {
	t.Helper()
	q := loadtest.Requests{
		Due: want, Sent: want, Answered: want, Status: [6]int64{2: want},
		HoldDue: r.Requests.HoldDue, HoldSent: r.Requests.HoldDue,
	}
	require.Equal(t, q, r.Requests, "requests:\n%s", r)
}

// requireOnlyConnsLost requires that no request timed out, was malformed or unwanted: those that failed were lost with
// their conns.
func requireOnlyConnsLost(t *testing.T, r *loadtest.Report) {
	t.Helper()
	q := r.Requests
	require.Equal(t, q.Due, q.Answered+q.LostWithConn+q.Unsent, "requests:\n%s", r)
	require.Equal(t, q.Failed(), q.LostWithConn, "failed requests:\n%s", r)
}

// requireWays requires that conns were lost in phase alone, and for none but these causes.
func requireWays(t *testing.T, r *loadtest.Report, phase string, causes ...loadtest.Cause) {
	t.Helper()
	for _, d := range r.Drops {
		require.Equal(t, phase, d.Phase, "drops:\n%s", r)
		require.Contains(t, causes, d.Cause, "drops:\n%s", r)
	}
}

func causes(r *loadtest.Report) map[loadtest.Cause]int64 {
	got := map[loadtest.Cause]int64{}
	for _, d := range r.Drops {
		got[d.Cause] += d.Count
	}
	return got
}

func sum(counts map[loadtest.Cause]int64) (all int64) {
	for _, n := range counts {
		all += n
	}
	return all
}

// Both servers say so with the last response they give, Connection: close. nginx gives keepalive_requests of them
// (ngx_http_update_location_config: what reaches the limit is the last), lighttpd one more than
// server.max-keep-alive-requests (what exceeds it is the last).
func TestServersCloseAfterSoManyRequests(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		program program
		each    int64
	}{
		"nginx":    {NginxOptions{KeepaliveRequests: 5}.program(), 5},
		"lighttpd": {LighttpdOptions{MaxKeepAliveRequests: 5}.program(), 6},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := startDaemon(t, c.program)
			cfg := onServer(d.URL, 300)
			// The fifth answer comes after four pauses: well after the ramp, and well before the end of hold.
			cfg.Cadence, cfg.Hold = loadtest.Every(250*time.Millisecond), 2500*time.Millisecond
			r := run(t, cfg)
			requireConns(t, r, 300, 0)
			requireAnswered(t, r, 300*c.each)
			requireWays(t, r, "hold", loadtest.CauseClosedAnnounced)
			require.Equal(t, c.each, r.Drops[0].Sample.Served)
			d.Stop()
			require.Equal(t, r.Requests.Answered, d.AccessLogLines())
		})
	}
}

// Conns that pause for longer than the server's keep-alive timeout are closed after their first answer.
//
// nginx has a timer for each conn, in ms of a clock that it reads once a turn of its loop, so that it may be early by as
// long as a turn takes. lighttpd looks once a second for conns that have been idle for more than so many seconds,
// counted in whole ones: up to two seconds more; and it shuts down its direction first, and reads on for a while.
func TestServersCloseWhatIdles(t *testing.T) {
	t.Parallel()
	const early, late = 500 * time.Millisecond, 1500 * time.Millisecond // for a busy machine: else a few ms
	for name, c := range map[string]struct {
		program program
		over    time.Duration
		cause   loadtest.Cause
		runs    int // of which one must be told from a restart: lighttpd may close all in one look
	}{
		"nginx": {NginxOptions{KeepaliveTimeout: 2 * time.Second}.program(), 0, loadtest.CauseClosedIdle, 1},
		"lighttpd": {LighttpdOptions{MaxKeepAliveIdle: 2 * time.Second}.program(), 2 * time.Second,
			loadtest.CauseHalfClosed, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := startDaemon(t, c.program)
			cfg := onServer(d.URL, 200)
			cfg.Ramp = loadtest.Ramp{Conns: 1, Every: 10 * time.Millisecond} // at all instants of two seconds
			cfg.Hold = 2*time.Second + c.over + time.Second
			var answered int64
			told, n := false, 0
			for ; n < c.runs && !told; n++ {
				r := run(t, cfg)
				requireConns(t, r, 200, 0)
				requireAnswered(t, r, 200)
				require.Equal(t, map[loadtest.Cause]int64{c.cause: 200}, causes(r), "drops:\n%s", r)
				for _, d := range r.Drops {
					require.GreaterOrEqual(t, d.ShortestIdle, 2*time.Second-early, "%+v", d)
					require.LessOrEqual(t, d.LongestIdle, 2*time.Second+c.over+late, "%+v", d)
				}
				told = requireTimeout(t, r, 2*time.Second, c.over)
				answered += r.Requests.Answered
			}
			require.True(t, told, "that it is the keep-alive timeout of the server, in %d runs", n)
			d.Stop()
			require.Equal(t, answered, d.AccessLogLines())
		})
	}
}

// requireTimeout requires that the hazard tells the timeout: no close before it, and all conns that got so old were closed. It
// reports whether the text says what that is.
func requireTimeout(t *testing.T, r *loadtest.Report, timeout, over time.Duration) (told bool) {
	t.Helper()
	var closes int64
	for _, b := range r.Hazard {
		closes += b.Closes
		if b.To < timeout-500*time.Millisecond {
			require.Zero(t, b.Closes, "%+v", b)
		}
		if b.From > timeout+over+1500*time.Millisecond {
			require.Zero(t, b.Reached, "%+v", b)
		}
	}
	require.Equal(t, r.Conns.Dropped, closes)
	text := strings.Join(strings.Fields(r.String()), " ") // lines are folded
	return strings.Contains(text, "the keep-alive timeout of the server")
}

// fewConns is a worker_connections that is too small. Two of them nginx uses itself: to listen, and for what its master
// tells it.
const fewConns = 64

// When a conn is accepted while no more than a sixteenth of worker_connections are free, nginx closes an eighth of the
// idle conns, at least 1 and at most 32, those first that have been idle for longest (ngx_drain_connections). It warns of
// it once a second. So of 64 conns 58 stay, the next takes their number to 58 − 58/8 + 1 = 52, six more to 58, and so
// on: after 200 there are 53.
//
// An accepted conn without a request is idle, too: one that pauses before its first request is closed before it, and so
// are, on a busy machine, some of those here whose first request is late.
func TestNginxReusesIdleConns(t *testing.T) {
	t.Parallel()
	const most, least = fewConns - 2 - fewConns/16, 52
	const held = least + (200-most-1)%(most-least+1)
	n := StartNginx(t, NginxOptions{WorkerConnections: fewConns})
	r := run(t, onServer(n.URL, 200))
	requireConns(t, r, r.Conns.Served, held)
	requireOnlyConnsLost(t, r)
	require.Equal(t, r.Conns.Served+held, r.Requests.Answered, "the sweep asks who is left:\n%s", r)
	require.Equal(t, r.Conns.Served-held, causes(r)[loadtest.CauseClosedIdle], "of those served:\n%s", r)
	requireWays(t, r, "ramp", loadtest.CauseClosedIdle, loadtest.CauseClosedUnused, loadtest.CauseClosedBeforeFirst, loadtest.CauseResetBeforeFirst, loadtest.CauseResetWaiting, loadtest.CauseResetWriting)
	n.Stop()
	require.Equal(t, r.Requests.Answered, n.AccessLogLines())
	require.Contains(t, n.ErrorLog(), "[warn]")
	require.Contains(t, n.ErrorLog(), "64 worker_connections are not enough, reusing connections")
}

// When all conns are busy there is none to reuse: nginx accepts further ones and closes them at once
// (ngx_get_connection), with an alert for each. Who had already sent a request gets a reset, because nobody read it.
// As long as nginx has read no request of a new conn that is idle, and may be closed for the next: so 62 are left, or on
// a busy machine, where nginx reads late, as few as 58.
func TestNginxTurnsConnsAway(t *testing.T) {
	t.Parallel()
	n := StartNginx(t, NginxOptions{WorkerConnections: fewConns})
	cfg := onServer(n.URL+"/slow", 200) // a second each: all that were let in are busy until the ramp's last connect
	cfg.Request.Method = http.MethodGet
	r := run(t, cfg)
	held := r.Conns.Held
	require.GreaterOrEqual(t, held, int64(fewConns-2-fewConns/16), "held:\n%s", r)
	require.LessOrEqual(t, held, int64(fewConns-2), "held:\n%s", r)
	requireConns(t, r, held, held)
	requireOnlyConnsLost(t, r)
	require.Equal(t, 2*held, r.Requests.Answered, "once in the ramp and once in the sweep:\n%s", r)
	requireWays(t, r, "ramp", loadtest.CauseClosedUnused, loadtest.CauseClosedBeforeFirst, loadtest.CauseResetBeforeFirst, loadtest.CauseResetWaiting, loadtest.CauseResetWriting)
	n.Stop()
	require.Equal(t, r.Requests.Answered, n.AccessLogLines(), "who is turned away is not logged")
	require.Contains(t, n.ErrorLog(), "64 worker_connections are not enough")
	require.True(t, held < fewConns-2 || strings.Contains(n.ErrorLog(), "[alert]"), "error log:\n%s", n.ErrorLog())
}
