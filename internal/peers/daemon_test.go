//go:build linux

package peers

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// programs are all that a daemon can be.
var programs = []program{NginxOptions{}.program(), LighttpdOptions{}.program()}

func eachProgram(t *testing.T, test func(*testing.T, program)) {
	for _, p := range programs {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			RequireBinary(t, p.name, p.packaged)
			test(t, p)
		})
	}
}

func TestDaemonServesAndLogsEachRequest(t *testing.T) {
	eachProgram(t, func(t *testing.T, p program) {
		d := startDaemon(t, p)
		client := newClient(t)
		status, body := get(t, client, http.MethodGet, d.URL+"/")
		require.Equal(t, http.StatusOK, status)
		require.Equal(t, indexHTML, body)
		require.Len(t, body, 612)
		status, body = get(t, client, http.MethodGet, d.URL+"/ok")
		require.Equal(t, http.StatusOK, status)
		require.Equal(t, "ok", body)
		status, _ = get(t, client, http.MethodHead, d.URL+"/none")
		require.Equal(t, http.StatusNotFound, status)

		d.Stop()
		require.EqualValues(t, 3, d.AccessLogLines(), "what asked whether it is ready is not logged")
		require.False(t, listens(d.Addr))
		d.Stop()
		d.Kill()
	})
}

func TestDaemonIsKilledAndRestarted(t *testing.T) {
	eachProgram(t, func(t *testing.T, p program) {
		d := startDaemon(t, p)
		url, client := d.URL, newClient(t)
		pids := append(childrenOf(d.process.pid()), d.process.pid())
		get(t, client, http.MethodGet, url+"/ok")

		d.Kill()
		_, err := net.Dial("tcp", d.Addr)
		require.ErrorIs(t, err, syscall.ECONNREFUSED)
		for _, pid := range pids {
			require.True(t, poll(10*time.Second, func() bool { return !alive(pid) }), "process %d", pid)
		}
		d.Stop()
		require.False(t, t.Failed(), "a daemon that was killed need not be stopped")

		before := d.ErrorLog()
		logged := d.AccessLogLines()
		d.Restart()
		require.Equal(t, url, d.URL)
		status, body := get(t, client, http.MethodGet, url+"/ok")
		require.Equal(t, http.StatusOK, status)
		require.Equal(t, "ok", body)
		d.Stop()
		require.Equal(t, logged+1, d.AccessLogLines(), "the log goes on")
		require.True(t, strings.HasPrefix(d.ErrorLog(), before), "the error log goes on")
	})
}

func TestDaemonThatRunsIsRestarted(t *testing.T) {
	eachProgram(t, func(t *testing.T, p program) {
		d := startDaemon(t, p)
		client, pid := newClient(t), d.process.pid()
		get(t, client, http.MethodGet, d.URL+"/ok")
		d.Restart()
		require.NotEqual(t, pid, d.process.pid())
		get(t, client, http.MethodGet, d.URL+"/ok")
		d.Stop()
		require.EqualValues(t, 2, d.AccessLogLines(), "it was stopped first, and logged all")
	})
}

func TestDaemonFindsItsPortTaken(t *testing.T) {
	eachProgram(t, func(t *testing.T, p program) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer ln.Close()
		require.ErrorIs(t, newDaemon(t, p).launch(ln.Addr().String()), errAddrTaken)

		d := startDaemon(t, p)
		d.Kill()
		stranger, err := net.Listen("tcp", d.Addr)
		require.NoError(t, err)
		defer stranger.Close()
		require.ErrorIs(t, d.restart(50*time.Millisecond), errAddrTaken)
		stranger.Close()
		require.NoError(t, d.restart(startBound), "what it wrote in the lives before is not held against it")
		get(t, newClient(t), http.MethodGet, d.URL+"/ok")
	})
}

func TestDaemonKeepAliveRequests(t *testing.T) {
	for name, c := range map[string]struct {
		program program
		want    int
	}{
		"nginx":    {NginxOptions{KeepaliveRequests: 2}.program(), 3},
		"lighttpd": {LighttpdOptions{MaxKeepAliveRequests: 2}.program(), 2}, // it closes after one more
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, got := startDaemon(t, c.program), 0
			dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
				got++
				return new(net.Dialer).DialContext(ctx, network, addr)
			}
			client := &http.Client{Transport: &http.Transport{DialContext: dial}}
			defer client.CloseIdleConnections()
			for range 6 {
				get(t, client, http.MethodGet, d.URL+"/ok")
			}
			require.Equal(t, c.want, got, "conns for six requests")
		})
	}
}

func TestDaemonKeepAliveTimeout(t *testing.T) {
	for name, p := range map[string]program{
		"nginx":    NginxOptions{KeepaliveTimeout: time.Second}.program(),
		"lighttpd": LighttpdOptions{MaxKeepAliveIdle: time.Second}.program(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn, err := net.Dial("tcp", startDaemon(t, p).Addr)
			require.NoError(t, err)
			defer conn.Close()
			_, err = io.WriteString(conn, "HEAD /ok HTTP/1.1\r\nHost: x\r\n\r\n")
			require.NoError(t, err)
			require.NoError(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
			answer, err := io.ReadAll(conn)
			require.NoError(t, err, "an idle conn is closed long before the 20 s of the read")
			require.True(t, strings.HasPrefix(string(answer), "HTTP/1.1 200 OK\r\n"), "%q", answer)
		})
	}
}

func TestCountLines(t *testing.T) {
	for text, want := range map[string]int64{"": 0, "a\n": 1, "a\nb\n": 2, "a\nb": 1, strings.Repeat("abc\n", 50000): 50000} {
		got, err := countLines(strings.NewReader(text))
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	_, err := countLines(io.MultiReader(strings.NewReader("a\n"), failingReader{}))
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
}

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
