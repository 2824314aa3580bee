//go:build linux

package peers

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/holdfast/loadtest"
)

// With the master's number the report has what the master and the worker used, and the generator is by itself. What
// they used is told by their parent's account too, and from before the run to after it.
func TestServerPIDIsNginxWithItsWorkers(t *testing.T) {
	n := StartNginx(t, NginxOptions{})
	before, began := n.Usage(), time.Now()
	cfg := onServer(n.URL+"/ok", 200)
	cfg.Cadence, cfg.Hold, cfg.ServerPID = loadtest.BackToBack(), 2*time.Second, n.MasterPID()
	r := run(t, cfg)
	after, span := n.Usage(), time.Since(began)
	requireConns(t, r, 200, 200)

	u := r.ServerUse
	require.Equal(t, fmt.Sprintf("process tree %d", n.MasterPID()), u.Of)
	require.False(t, u.Shared)
	used := after.CPU - before.CPU
	require.Greater(t, used, 100*time.Millisecond, "the load was light:\n%s", r)
	require.InEpsilon(t, used, u.CPU, 0.2, "nginx used %v by its own account, %v by the report:\n%s", used, u.CPU, r)
	require.LessOrEqual(t, u.CPU, used)
	require.EqualValues(t, -1, u.CPUUser)
	require.LessOrEqual(t, u.Wall, span)

	// The master's memory is in it, and the workers' pages are shared with it.
	master, err := ProcessUsage(n.MasterPID())
	require.NoError(t, err)
	require.InDelta(t, before.RSS+master.RSS, u.RSSBefore, 1<<20)
	require.InDelta(t, after.RSS+master.RSS, u.RSS, 1<<20)
	require.GreaterOrEqual(t, u.PeakRSS, max(u.RSSBefore, u.RSSHold, u.RSS))
	require.GreaterOrEqual(t, u.RSSHold, u.RSSBefore)

	require.False(t, r.Generator.Shared, "nginx is no part of it")
	require.Contains(t, r.String(), "server: process tree ")
}
