//go:build linux

package peers

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/holdfast/loadtest"
)

// An ending is how a server's life, or that of its worker, ends while it holds conns.
type ending struct {
	program program
	end     func(*daemon)
}

var endings = map[string]ending{
	"nginx reloaded":   {NginxOptions{}.program(), func(d *daemon) { (&Nginx{daemon: d}).Reload() }},
	"nginx stopped":    {NginxOptions{}.program(), (*daemon).Stop},
	"nginx killed":     {NginxOptions{}.program(), (*daemon).Kill},
	"lighttpd stopped": {LighttpdOptions{}.program(), (*daemon).Stop},
	"lighttpd killed":  {LighttpdOptions{}.program(), (*daemon).Kill},
}

// inHold has the server end during the hold of what plan says, and requires that all conns are lost within two seconds of
// that, as idle ones or as those whose requests cross with the end.
func (e ending) inHold(t *testing.T, plan func(url string) loadtest.Config) (*daemon, *loadtest.Report) {
	t.Helper()
	d := startDaemon(t, e.program)
	var began time.Time
	r := runAnd(t, plan(d.URL), func() {
		began = time.Now()
		e.end(d)
	})
	requireConns(t, r, r.Conns.Requested, 0)
	requireWays(t, r, "hold", loadtest.CauseClosedIdle, loadtest.CauseHalfClosed, loadtest.CauseClosedWaiting,
		loadtest.CauseResetWaiting, loadtest.CauseResetWriting, loadtest.CauseResetWritingLate)
	for _, lost := range r.Drops {
		require.Less(t, r.Started.Add(lost.Last).Sub(began), 2*time.Second, "after the end began:\n%s", r)
	}
	return d, r
}

// Whatever ends the server, idle conns are closed at once, and in order: by the old worker of nginx, or by one told to
// quit (ngx_close_idle_connections), by lighttpd, or by the kernel, which resets only those on which the server had left
// something unread.
func TestIdleConnsOfAServerThatEnds(t *testing.T) {
	t.Parallel()
	for name, e := range endings {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, r := e.inHold(t, func(url string) loadtest.Config { return onServer(url, 300) })
			requireAnswered(t, r, 300)
			got := causes(r)
			if name == "lighttpd stopped" { // it ends its half first, unless it is gone when we look
				got[loadtest.CauseClosedIdle] += got[loadtest.CauseHalfClosed]
				delete(got, loadtest.CauseHalfClosed)
			}
			require.Equal(t, map[loadtest.Cause]int64{loadtest.CauseClosedIdle: 300}, got, "drops:\n%s", r)
		})
	}
}

// A request that crosses with the end is lost with its conn, and how depends on who closes. The kernel resets the conns
// of a process that was killed if it had not read the request, and nginx those that it closes so. lighttpd ends its half
// of each conn and reads what still comes, without an answer, so that even of a graceful stop requests are "closed while
// waiting". How many cross is a matter of how long the server takes: most conns are idle, unless the machine is busy.
func TestBusyConnsOfAServerThatEnds(t *testing.T) {
	t.Parallel()
	for name, e := range endings {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, r := e.inHold(t, func(url string) loadtest.Config {
				cfg := onServer(url, 300)
				cfg.Cadence, cfg.Hold = loadtest.Uniform(50*time.Millisecond, 150*time.Millisecond), 2*time.Second
				return cfg
			})
			requireOnlyConnsLost(t, r)
		})
	}
}

// An nginx that ends gracefully answers what it was asked, and then closes. Whose head had left by then has loadtest.CauseClosedAnnounced
// that the conn is kept: to us it is an idle conn that is closed, just after its answer. Only requests that are on their
// way as their conns are closed are lost.
func TestNginxAnswersBeforeItEnds(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"nginx reloaded", "nginx stopped"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, r := endings[name].inHold(t, func(url string) loadtest.Config {
				cfg := onServer(url+"/slow", 200) // a second each, so that two conns of three wait for an answer
				cfg.Request.Method = http.MethodGet
				cfg.Cadence, cfg.Hold = loadtest.Every(500*time.Millisecond), 2500*time.Millisecond
				return cfg
			})
			requireOnlyConnsLost(t, r)
			require.Greater(t, causes(r)[loadtest.CauseClosedIdle], int64(100), "drops:\n%s", r)
			d.Stop()
			require.Equal(t, r.Requests.Answered, d.AccessLogLines())
		})
	}
}

// New conns reach the new worker while the old one's are lost.
func TestNginxServesOnWhenReloaded(t *testing.T) {
	t.Parallel()
	n := StartNginx(t, NginxOptions{})
	client := newClient(t)
	r := runAnd(t, onServer(n.URL, 200), func() {
		n.Reload()
		status, _ := get(t, client, http.MethodGet, n.URL+"/ok")
		require.Equal(t, http.StatusOK, status)
	})
	requireConns(t, r, 200, 0)
	require.True(t, poll(10*time.Second, func() bool { return len(n.WorkerPIDs()) == 1 }), "the old worker ends")
	n.Stop()
	require.Equal(t, r.Requests.Answered+1, n.AccessLogLines())
}
