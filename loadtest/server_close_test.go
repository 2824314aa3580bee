package loadtest

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

// closing closes s in fake time and returns how long that took.
func closing(s *Server) time.Duration {
	start := time.Now()
	s.Close()
	return time.Since(start)
}

// What is not in use is closed at once, without a word.
func TestCloseQuietConns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tb := &fixtureTB{TB: t}
		s := serveMemory(tb, nil)
		idle, fresh := dialFixture(t, s), dialFixture(t, s)
		idle.exchange(t, getRequest)
		synctest.Wait()
		require.Zero(t, closing(s))
		idle.wantEnd(t)
		fresh.wantEnd(t)
		require.Empty(t, append(tb.logs, tb.errors...))
	})
}

// A request in its handler may end; its conn is closed after the response, though it asked for keep-alive.
func TestCloseWaitsForRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tb := &fixtureTB{TB: t}
		s := serveMemory(tb, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(3 * time.Second)
			io.WriteString(w, "late")
		}))
		c := dialFixture(t, s)
		c.send(t, getRequest)
		synctest.Wait()
		var body string
		var reading sync.WaitGroup
		reading.Go(func() { _, body = c.receive(t) })
		require.Equal(t, 3*time.Second, closing(s))
		reading.Wait()
		require.Equal(t, "late", body)
		c.wantEnd(t)
		require.Empty(t, append(tb.logs, tb.errors...))
	})
}

// A handler that waits for its request's Context ends when the conns are closed by force: a word in the log, no failure.
func TestCloseEndsHandlersByContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tb := &fixtureTB{TB: t}
		s := serveMemory(tb, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
		c := dialFixture(t, s)
		c.send(t, getRequest)
		synctest.Wait()
		require.Equal(t, 5*time.Second, closing(s))
		require.Empty(t, tb.errors)
		want := []string{fmt.Sprintf("loadtest: closing the server on memory: its conns had not ended after 5s: "+
			"1 active (oldest: conn 1 from %s, active, 5s old); they ended when the conns were closed by force", remoteOf(c))}
		require.Empty(t, cmp.Diff(want, tb.logs), "log (-want +got)")
	})
}

// Handlers that never return: Close gives up after 5 s and 1 s, and names states, conns and ages.
func TestCloseGivesUpOnHandlers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tb := &fixtureTB{TB: t}
		release := make(chan struct{})
		defer close(release)
		s := serveMemory(tb, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
		dialFixture(t, s) // idle: closed before the waiting begins
		var named []string
		for i := range 7 {
			time.Sleep(time.Second)
			c := dialFixture(t, s)
			c.send(t, getRequest)
			if i < 5 {
				named = append(named, fmt.Sprintf("conn %d from %s, active, %ds old", 2+i, remoteOf(c), 11-i))
			}
		}
		synctest.Wait()
		require.Equal(t, FixtureCounts{Accepted: 8, Open: 8, Peak: 8, Active: 7, Requests: 7}, s.Counts())
		require.Equal(t, 6*time.Second, closing(s))
		require.Zero(t, closing(s), "closed before")
		want := []string{"loadtest: closing the server on memory: its conns had not ended after 5s: " +
			"7 active (oldest: " + strings.Join(named, "; ") + "); " +
			"nor 1s after the conns were closed by force: look for a handler that never returns; " +
			"one that waits must also wait for its request's Context"}
		require.Empty(t, cmp.Diff(want, tb.errors), "errors (-want +got)")
		require.Equal(t, FixtureCounts{Accepted: 8, Peak: 8, Closed: 8, Requests: 7}, s.Counts())
	})
}

// The same over a socket, where nothing but the bound can end it.
func TestCloseGivesUpOverSockets(t *testing.T) {
	for name, start := range map[string]func(testing.TB, http.Handler) *Server{"tcp": NewServer, "tls": NewTLSServer} {
		t.Run(name, func(t *testing.T) {
			tb := &fixtureTB{TB: t}
			parked, release := make(chan struct{}), make(chan struct{})
			s := start(tb, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
				parked <- struct{}{}
				<-release
			}))
			defer close(release)
			s.patience, s.forcedPatience = 20*time.Millisecond, 10*time.Millisecond
			c := dialFixture(t, s)
			c.send(t, getRequest)
			<-parked
			s.Close()
			require.Len(t, tb.errors, 1)
			require.Contains(t, tb.errors[0], "1 active (oldest: conn 1 from "+c.LocalAddr().String()+", active, ")
			c.wantEnd(t)
		})
	}
}

// serve that does not return though its listener is closed, with and without conns that hold it up.
func TestCloseGivesUpOnServe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tb := &fixtureTB{TB: t}
		release := make(chan struct{})
		defer close(release)
		s := Serve(tb, "memory", func(net.Listener) error {
			<-release
			return errors.New("too late to say")
		})
		require.Equal(t, 6*time.Second, closing(s))
		want := []string{"loadtest: closing the server on memory: its serve function had not ended after 5s: no conn open; " +
			"nor 1s after the conns were closed by force: serve must return once Accept fails with net.ErrClosed, " +
			"and must not wait for a handler that never returns"}
		require.Empty(t, cmp.Diff(want, tb.errors), "errors (-want +got)")
	})
}

// serve that waits for its conns is helped by closing them; a ConnState hook that blocks holds up serve, not Close.
func TestCloseFreesServe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tb := &fixtureTB{TB: t}
		s := Serve(tb, "memory", func(ln net.Listener) error {
			var conns sync.WaitGroup
			defer conns.Wait()
			for {
				conn, err := ln.Accept()
				if err != nil {
					return err
				}
				conns.Go(func() { io.Copy(io.Discard, conn) })
			}
		})
		c := dialFixture(t, s)
		synctest.Wait()
		require.Equal(t, 5*time.Second, closing(s))
		require.Empty(t, tb.errors)
		want := []string{fmt.Sprintf("loadtest: closing the server on memory: its serve function had not ended after 5s: 1 open "+
			"(oldest: conn 1 from %s, open, 5s old); they ended when the conns were closed by force", remoteOf(c))}
		require.Empty(t, cmp.Diff(want, tb.logs), "log (-want +got)")
		require.Equal(t, FixtureCounts{Accepted: 1, Peak: 1, Closed: 1, Idle: -1, Active: -1, Requests: -1}, s.Counts())

		tb, release := &fixtureTB{TB: t}, make(chan struct{})
		defer close(release)
		hooked := &http.Server{ConnState: func(net.Conn, http.ConnState) { <-release }}
		s = Serve(tb, "memory", hooked.Serve)
		dialFixture(t, s)
		synctest.Wait()
		require.Equal(t, 6*time.Second, closing(s))
		require.Len(t, tb.errors, 1)
	})
}

// What serve returns, and when, decides whether the test fails.
func TestServeErrors(t *testing.T) {
	for name, c := range map[string]struct {
		early bool // returns before the listener is closed
		err   error
		want  string
	}{
		"closed":             {false, fmt.Errorf("accept: %w", net.ErrClosed), ""},
		"server closed":      {false, http.ErrServerClosed, ""},
		"nil":                {false, nil, ""},
		"other":              {false, errors.New("boom"), "serve returned: boom"},
		"early, other":       {true, errors.New("boom"), "serve returned: boom"},
		"early, closed":      {true, http.ErrServerClosed, ""},
		"early, nil":         {true, nil, "serve returned nil while its listener was open"},
		"early, listen only": {true, io.EOF, "serve returned: EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			tb := &fixtureTB{TB: t}
			s := Serve(tb, "tcp", func(ln net.Listener) error {
				if !c.early {
					_, err := ln.Accept()
					require.ErrorIs(t, err, net.ErrClosed)
				}
				return c.err
			})
			if c.early {
				<-s.returned
				_, err := net.Dial("tcp", s.Addr)
				require.Error(t, err, "a server that is gone must refuse")
			}
			s.Close()
			got := strings.Join(tb.errors, "\n")
			if c.want == "" {
				require.Empty(t, got)
			} else {
				require.Contains(t, got, "loadtest: serving on "+s.Addr+": "+c.want)
			}
		})
	}
}

// An author's http.Server may be closed in the author's own Cleanup, before or after ours.
func TestServeWithItsOwnClose(t *testing.T) {
	for _, ourselvesFirst := range []bool{false, true} {
		tb := &fixtureTB{TB: t}
		server := &http.Server{Handler: http.NotFoundHandler()}
		s := Serve(tb, "tcp", server.Serve)
		c := dialFixture(t, s)
		c.exchange(t, getRequest)
		if ourselvesFirst {
			s.Close()
			require.NoError(t, server.Close())
		} else {
			require.NoError(t, server.Close())
			s.Close()
		}
		c.wantEnd(t)
		require.Empty(t, append(tb.logs, tb.errors...))
	}
}

// Close may be called from several goroutines, each of which returns when all is closed, and is registered with Cleanup.
func TestCloseAgain(t *testing.T) {
	tb := &fixtureTB{TB: t}
	s := NewServer(tb, nil)
	c := dialFixture(t, s)
	c.exchange(t, getRequest)
	var closers sync.WaitGroup
	for range 4 {
		closers.Go(func() {
			s.Close()
			if got := s.Counts().Closed; got != 1 {
				t.Errorf("closed conns when Close returned: got %d, want 1", got)
			}
		})
	}
	closers.Wait()
	require.Len(t, tb.cleanups, 1)
	tb.cleanups[0]()
	_, err := net.Dial("tcp", s.Addr)
	require.Error(t, err)
	require.Empty(t, append(tb.logs, tb.errors...))
}

// remoteOf is the client's address as the fixture names it.
func remoteOf(c *fixtureClient) string { return remote(swapped{c}) }

// swapped is a conn seen from its other end.
type swapped struct{ net.Conn }

func (s swapped) RemoteAddr() net.Addr { return s.LocalAddr() }
