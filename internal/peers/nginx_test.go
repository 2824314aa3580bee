//go:build linux

package peers

import (
	"io"
	"net"
	"net/http"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func get(t *testing.T, client *http.Client, method, url string) (status int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	require.NoError(t, err)
	resp, err := client.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(text)
}

func newClient(t *testing.T) *http.Client {
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 10 * time.Second}
}

func TestNginxProcesses(t *testing.T) {
	n := StartNginx(t, NginxOptions{})
	get(t, newClient(t), http.MethodGet, n.URL+"/ok")
	workers := n.WorkerPIDs()
	require.Len(t, workers, 1)
	u := n.Usage()
	require.Positive(t, u.CPU)
	require.Greater(t, u.RSS, int64(1<<20))
	require.GreaterOrEqual(t, u.PeakRSS, u.RSS)

	n.Stop()
	require.EqualValues(t, 1, n.AccessLogLines())
	for _, pid := range append(workers, n.MasterPID()) {
		require.ErrorIs(t, syscall.Kill(pid, 0), syscall.ESRCH, "process %d must be gone", pid)
	}
}

// As many conns as were asked for stay open, though idle: nginx closes none to reuse it.
func TestNginxHoldsConns(t *testing.T) {
	const conns = 1000
	n := StartNginx(t, NginxOptions{Conns: conns})
	answer := make([]byte, 4096)
	for range conns {
		conn, err := net.Dial("tcp", n.Addr)
		require.NoError(t, err)
		defer conn.Close()
		require.NoError(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
		_, err = io.WriteString(conn, "HEAD /ok HTTP/1.1\r\nHost: x\r\n\r\n")
		require.NoError(t, err)
		_, err = conn.Read(answer)
		require.NoError(t, err)
	}
	require.GreaterOrEqual(t, descriptors(t, n), conns)
	require.Empty(t, n.ErrorLog())
}

func TestNginxReload(t *testing.T) {
	n := StartNginx(t, NginxOptions{})
	client := newClient(t)
	get(t, client, http.MethodGet, n.URL+"/ok")
	before, cpu := n.WorkerPIDs(), n.Usage().CPU

	n.Reload()
	require.True(t, poll(10*time.Second, func() bool { return len(n.WorkerPIDs()) == 1 }), "the old worker ends")
	require.NotEqual(t, before, n.WorkerPIDs())
	// The old worker's CPU is now counted in ticks, by truncation of user and system time.
	require.Greater(t, n.Usage().CPU, cpu-20*time.Millisecond)
	get(t, client, http.MethodGet, n.URL+"/ok")

	n.Stop()
	require.EqualValues(t, 2, n.AccessLogLines())
}

func TestNginxThatCannotStart(t *testing.T) {
	RequireBinary(t, "nginx", "nginx-light")
	err := newDaemon(t, NginxOptions{KeepaliveRequests: -1}.program()).launch("127.0.0.1:1")
	require.ErrorContains(t, err, `"keepalive_requests" directive invalid number`, "the error carries what nginx wrote")
}

// A master that does not answer is ended by force, and its worker with it.
func TestNginxThatDoesNotStop(t *testing.T) {
	n := StartNginx(t, NginxOptions{})
	pids := append(n.WorkerPIDs(), n.MasterPID())
	require.NoError(t, syscall.Kill(n.MasterPID(), syscall.SIGSTOP))
	require.False(t, n.process.stop(syscall.SIGQUIT, 50*time.Millisecond))
	for _, pid := range pids {
		// The worker is reaped by init, or by what does its work, soon after.
		require.True(t, poll(10*time.Second, func() bool { return !alive(pid) }), "process %d", pid)
	}
}

// alive says whether pid runs: it exists and is no zombie.
func alive(pid int) bool {
	_, err := ProcessUsage(pid)
	return err == nil
}

// fakeTB records how RequireBinary ends a test instead of ending it.
type fakeTB struct {
	testing.TB
	skipped, failed string
}

func (f *fakeTB) Helper()                        {}
func (f *fakeTB) Skipf(format string, a ...any)  { f.skipped = format }
func (f *fakeTB) Fatalf(format string, a ...any) { f.failed = format }

func TestRequireBinary(t *testing.T) {
	t.Setenv("CI", "")
	var f fakeTB
	require.NotEmpty(t, RequireBinary(&f, "sh", "dash"))
	require.Zero(t, f)

	require.Empty(t, RequireBinary(&f, "no-such-program", "none"))
	require.Contains(t, f.skipped, "not installed")
	require.Empty(t, f.failed)

	t.Setenv("CI", "true")
	f = fakeTB{}
	require.Empty(t, RequireBinary(&f, "no-such-program", "none"))
	require.Contains(t, f.failed, "CI=true")

	path, ok := NginxPath()
	require.Equal(t, ok, path != "")
	require.True(t, !ok || filepath.Base(path) == "nginx")
}
