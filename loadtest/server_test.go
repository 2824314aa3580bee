package loadtest

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

// The ground truth at every step of three conns' lives. In fake time the server has done all it will do at each step,
// so that the counts are exact.
func TestCountsStepByStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		s := serveMemory(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == "GET" {
				<-gate
			}
		}))
		steps := 0
		want := func(c FixtureCounts) {
			t.Helper()
			steps++
			synctest.Wait()
			require.Empty(t, cmp.Diff(c, s.Counts()), "step %d (-want +got)", steps)
		}
		head := "HEAD / HTTP/1.1\r\nHost: fixture\r\n\r\n"

		want(FixtureCounts{})
		a, b, c := dialFixture(t, s), dialFixture(t, s), dialFixture(t, s)
		want(FixtureCounts{Accepted: 3, Open: 3, Peak: 3})
		a.send(t, getRequest)
		b.send(t, getRequest)
		want(FixtureCounts{Accepted: 3, Open: 3, Peak: 3, Active: 2, Requests: 2})
		gate <- struct{}{}
		gate <- struct{}{}
		a.receive(t)
		b.receive(t)
		want(FixtureCounts{Accepted: 3, Open: 3, Peak: 3, Idle: 2, Requests: 2})
		require.NoError(t, a.Close()) // by the client, idle
		want(FixtureCounts{Accepted: 3, Open: 2, Peak: 3, Closed: 1, Idle: 1, Requests: 2})
		b.send(t, "no request\r\n\r\n") // by the server: answered 400 without the handler
		b.receive(t)
		want(FixtureCounts{Accepted: 3, Open: 1, Peak: 3, Closed: 2, Requests: 2})
		require.NoError(t, c.Close()) // by the client, before its first request
		want(FixtureCounts{Accepted: 3, Peak: 3, Closed: 3, Requests: 2})

		d := dialFixture(t, s)
		d.send(t, head)
		_, err := http.ReadResponse(d.r, &http.Request{Method: "HEAD"})
		require.NoError(t, err)
		want(FixtureCounts{Accepted: 4, Open: 1, Peak: 3, Closed: 3, Idle: 1, Requests: 3})
		s.Close() // by the fixture
		want(FixtureCounts{Accepted: 4, Peak: 3, Closed: 4, Requests: 3})
		require.Equal(t, 9, steps)
	})
}

// Known traffic over sockets: 40 conns with 3 requests each, a quarter closed by the server, a quarter by the client.
func TestCountsOverSockets(t *testing.T) {
	for name, start := range map[string]func(testing.TB, http.Handler) *Server{"tcp": NewServer, "tls": NewTLSServer} {
		t.Run(name, func(t *testing.T) {
			s := start(t, nil)
			clients := make([]*fixtureClient, 40)
			for i := range clients {
				clients[i] = dialFixture(t, s)
				for range 3 {
					status, body := clients[i].exchange(t, getRequest)
					require.Equal(t, 200, status)
					require.Equal(t, "ok\n", body)
				}
			}
			wantCounts(t, s, FixtureCounts{Accepted: 40, Open: 40, Peak: 40, Idle: 40, Requests: 120})
			for _, c := range clients[:10] {
				c.exchange(t, closeRequest)
				c.wantEnd(t)
			}
			for _, c := range clients[10:20] {
				require.NoError(t, c.Close())
			}
			wantCounts(t, s, FixtureCounts{Accepted: 40, Open: 20, Peak: 40, Closed: 20, Idle: 20, Requests: 130})
			s.Close()
			wantCounts(t, s, FixtureCounts{Accepted: 40, Peak: 40, Closed: 40, Requests: 130})
			for _, c := range clients[20:] {
				c.wantEnd(t)
			}
		})
	}
}

// A conn that its handler took over is neither idle nor active, and open until it is closed.
func TestCountsHijackedConns(t *testing.T) {
	hijacked := make(chan net.Conn)
	s := NewServer(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			hijacked <- conn
		}
	}))
	for range 2 {
		dialFixture(t, s).send(t, getRequest)
	}
	first := <-hijacked
	<-hijacked
	wantCounts(t, s, FixtureCounts{Accepted: 2, Open: 2, Peak: 2, Requests: 2})
	require.NoError(t, first.Close())
	require.Error(t, first.Close(), "a second close must reach the conn and must not be counted")
	wantCounts(t, s, FixtureCounts{Accepted: 2, Open: 1, Peak: 2, Closed: 1, Requests: 2})
	s.Close()
	wantCounts(t, s, FixtureCounts{Accepted: 2, Peak: 2, Closed: 2, Requests: 2})
}

// On every network the author's own server is counted; what only an http.Server knows is unknown.
func TestServeCounts(t *testing.T) {
	for _, network := range []string{"tcp", "unix", "memory"} {
		t.Run(network, func(t *testing.T) {
			s := Serve(t, network, serveHTTP(http.NotFoundHandler()))
			var clients []*fixtureClient
			for range 5 {
				c := dialFixture(t, s)
				status, _ := c.exchange(t, getRequest)
				require.Equal(t, 404, status)
				clients = append(clients, c)
			}
			wantCounts(t, s, FixtureCounts{Accepted: 5, Open: 5, Peak: 5, Idle: -1, Active: -1, Requests: -1})
			require.NoError(t, clients[0].Close())
			wantCounts(t, s, FixtureCounts{Accepted: 5, Open: 4, Peak: 5, Closed: 1, Idle: -1, Active: -1, Requests: -1})
			s.Close()
			wantCounts(t, s, FixtureCounts{Accepted: 5, Peak: 5, Closed: 5, Idle: -1, Active: -1, Requests: -1})
			clients[1].wantEnd(t)
		})
	}
}

// An accept loop of the author's own, raw conns and all.
func TestServeAcceptLoop(t *testing.T) {
	s := Serve(t, "unix", func(ln net.Listener) error {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return err
			}
			go func() {
				defer conn.Close()
				io.Copy(conn, conn)
			}()
		}
	})
	c := dialFixture(t, s)
	c.send(t, "echo\n")
	line, err := c.r.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "echo\n", line)
	require.NoError(t, c.Close())
	wantCounts(t, s, FixtureCounts{Accepted: 1, Peak: 1, Closed: 1, Idle: -1, Active: -1, Requests: -1})
}

func TestServerURL(t *testing.T) {
	plain, secure := NewServer(t, nil), NewTLSServer(t, nil)
	unix, memory := Serve(t, "unix", serveHTTP(nil)), Serve(t, "memory", serveHTTP(nil))
	require.Equal(t, "http://"+plain.Addr, plain.URL)
	require.Equal(t, "https://"+secure.Addr, secure.URL)
	require.Regexp(t, `^127\.0\.0\.1:\d+$`, plain.Addr)
	require.Equal(t, "http://unix", unix.URL)
	require.Equal(t, "http://memory", memory.URL)
	require.Equal(t, "memory", memory.Addr)
	require.FileExists(t, unix.Addr)
	unix.Close()
	require.NoDirExists(t, filepath.Dir(unix.Addr))
}

// A client with the fixture's roots gets an answer over http/1.1 though it offers h2; one without them does not, and
// the server's word on it is in the test's log.
func TestTLSTrust(t *testing.T) {
	tb := &fixtureTB{TB: t}
	s := NewTLSServer(tb, nil)
	defer s.Close()
	get := func(roots *x509.CertPool) (*http.Response, error) {
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}
		defer transport.CloseIdleConnections()
		response, err := (&http.Client{Transport: transport}).Get(s.URL)
		if err == nil {
			response.Body.Close()
		}
		return response, err
	}
	response, err := get(s.target().roots)
	require.NoError(t, err)
	require.Equal(t, "HTTP/1.1", response.Proto)

	_, err = get(x509.NewCertPool())
	var unknown x509.UnknownAuthorityError
	require.ErrorAs(t, err, &unknown)
	wantCounts(t, s, FixtureCounts{Accepted: 2, Peak: s.Counts().Peak, Closed: 2, Requests: 1})
	s.Close()
	require.Len(t, tb.logs, 1)
	require.Contains(t, tb.logs[0], "TLS handshake error from 127.0.0.1")
	require.Empty(t, tb.errors)
}

// A server that listens on a socket stands still in a bubble; one in memory works there, an author's own included.
func TestSynctestBubble(t *testing.T) {
	require.False(t, inBubble())
	synctest.Test(t, func(t *testing.T) {
		require.True(t, inBubble())
		for name, start := range map[string]func(testing.TB){
			"tcp":  func(tb testing.TB) { NewServer(tb, nil) },
			"TLS":  func(tb testing.TB) { NewTLSServer(tb, nil) },
			"unix": func(tb testing.TB) { Serve(tb, "unix", serveHTTP(nil)) },
		} {
			tb := &fixtureTB{TB: t}
			got := tb.fatal(func() { start(tb) })
			require.Contains(t, got, "inside a synctest bubble", name)
			require.Contains(t, got, `use Serve(t, "memory", …)`, name)
			require.Empty(t, tb.cleanups, name)
		}
		server := &http.Server{Handler: http.NotFoundHandler(), IdleTimeout: time.Minute}
		s := Serve(t, "memory", server.Serve)
		status, _ := dialFixture(t, s).exchange(t, getRequest)
		require.Equal(t, 404, status)
		time.Sleep(time.Minute - 1)
		synctest.Wait()
		require.EqualValues(t, 1, s.Counts().Open)
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		require.EqualValues(t, 0, s.Counts().Open, "the author's IdleTimeout, to the nanosecond")
	})
}

func TestServeRefusesBadArguments(t *testing.T) {
	tb := &fixtureTB{TB: t}
	got := tb.fatal(func() { Serve(tb, "udp", serveHTTP(nil)) })
	require.Equal(t, `loadtest: cannot serve on network "udp": it must be tcp, unix or memory`, got)
	tb = &fixtureTB{TB: t}
	got = tb.fatal(func() { Serve(tb, "tcp", nil) })
	require.Equal(t, "loadtest: Serve was given no function to serve with", got)
}

// A socket's path must stay below sun_path however long the test's name or TMPDIR is.
func TestUnixSocketPathStaysShort(t *testing.T) {
	long := filepath.Join(t.TempDir(), strings.Repeat("long", 30))
	require.NoError(t, os.Mkdir(long, 0o700))
	t.Setenv("TMPDIR", long)
	s := Serve(t, "unix", serveHTTP(http.NotFoundHandler()))
	status, _ := dialFixture(t, s).exchange(t, getRequest)
	require.Equal(t, 404, status)
	left, err := os.ReadDir(long)
	require.NoError(t, err)
	require.Empty(t, left)
}

// Several fixtures at once count apart.
func TestSeveralServers(t *testing.T) {
	a, b := NewServer(t, nil), NewServer(t, nil)
	dialFixture(t, a).exchange(t, getRequest)
	wantCounts(t, a, FixtureCounts{Accepted: 1, Open: 1, Peak: 1, Idle: 1, Requests: 1})
	wantCounts(t, b, FixtureCounts{})
}
