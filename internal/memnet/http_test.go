package memnet

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

const idleTimeout = 60 * time.Second

// serve runs a real net/http server on a new listener, until the test calls stop. It belongs to the caller's bubble.
func serve(tb testing.TB, h http.HandlerFunc) (l *Listener, stop func()) {
	tb.Helper()
	l = Listen()
	srv := &http.Server{Handler: h, IdleTimeout: idleTimeout}
	var wg sync.WaitGroup
	wg.Go(func() { require.ErrorIs(tb, srv.Serve(l), http.ErrServerClosed) })
	return l, func() {
		require.NoError(tb, srv.Close())
		wg.Wait()
	}
}

// client is the least that talks HTTP/1.1 on one conn, so that nothing but the conn decides when things happen.
type client struct {
	net.Conn
	in *bufio.Reader
}

func dialHTTP(ctx context.Context, l *Listener) (*client, error) {
	c, err := l.Dial(ctx)
	if err != nil {
		return nil, err
	}
	return &client{c, bufio.NewReader(c)}, nil
}

// head sends a HEAD and returns the status line.
func (c *client) head() (string, error) {
	if err := c.SetReadDeadline(time.Now().Add(3 * time.Second)); err != nil {
		return "", err
	}
	if _, err := io.WriteString(c, "HEAD / HTTP/1.1\r\nHost: memory\r\n\r\n"); err != nil {
		return "", err
	}
	status, err := c.in.ReadString('\n')
	for line := status; err == nil && line != "\r\n"; {
		line, err = c.in.ReadString('\n')
	}
	return strings.TrimSpace(status), err
}

func TestServerClosesAtExactlyItsIdleTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, stop := serve(t, func(w http.ResponseWriter, r *http.Request) {})
		defer stop()
		c, err := dialHTTP(t.Context(), l)
		require.NoError(t, err)
		defer c.Close()
		status, err := c.head()
		require.NoError(t, err)
		require.Equal(t, "HTTP/1.1 200 OK", status)

		idle := time.Now()
		require.NoError(t, c.SetReadDeadline(time.Time{}))
		_, err = c.in.ReadByte()
		require.Equal(t, io.EOF, err)
		require.Equal(t, idleTimeout, time.Since(idle))
	})
}

func TestAPauseJustBelowIdleTimeoutKeepsTheConn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, stop := serve(t, func(w http.ResponseWriter, r *http.Request) {})
		defer stop()
		c, err := dialHTTP(t.Context(), l)
		require.NoError(t, err)
		defer c.Close()
		for range 5 {
			_, err = c.head()
			require.NoError(t, err)
			time.Sleep(idleTimeout - 1)
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		_, err = c.head()
		require.ErrorIs(t, err, syscall.EPIPE)
	})
}

func TestSlowHandlerMeetsTheClientsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, stop := serve(t, func(w http.ResponseWriter, r *http.Request) {
			<-r.Context().Done() // the server reads in the background, and sees the client leave
		})
		defer stop()
		c, err := dialHTTP(t.Context(), l)
		require.NoError(t, err)
		start := time.Now()
		_, err = c.head()
		require.Equal(t, 3*time.Second, time.Since(start))
		require.True(t, err.(net.Error).Timeout())
		require.NoError(t, c.Close())
	})
}

// The origin's job in small: many conns, each a HEAD after a pause, for ten virtual minutes.
func TestManyConnsInVirtualTime(t *testing.T) {
	const conns, exchanges = 1000, 10
	synctest.Test(t, func(t *testing.T) {
		l, stop := serve(t, func(w http.ResponseWriter, r *http.Request) {})
		failed := make([]error, conns)
		start := time.Now()
		var wg sync.WaitGroup
		for i := range conns {
			wg.Go(func() { failed[i] = pacedHeads(t.Context(), l, exchanges, time.Duration(i)*10*time.Millisecond) })
		}
		wg.Wait()
		for i, err := range failed {
			require.NoError(t, err, "conn %d", i)
		}
		// The last conn starts after 9.99 s and pauses 59.99 s after each exchange; nothing else takes virtual time.
		require.Equal(t, 9990*time.Millisecond+exchanges*59990*time.Millisecond, time.Since(start))
		stop()
	})
}

// pacedHeads starts late by offset, and pauses 50 s + offset between requests.
func pacedHeads(ctx context.Context, l *Listener, exchanges int, offset time.Duration) error {
	time.Sleep(offset)
	c, err := dialHTTP(ctx, l)
	if err != nil {
		return err
	}
	defer c.Close()
	for range exchanges {
		if status, err := c.head(); err != nil || status != "HTTP/1.1 200 OK" {
			return fmt.Errorf("HEAD on %v: status %q, %w", c.LocalAddr(), status, err)
		}
		time.Sleep(50*time.Second + offset)
	}
	return nil
}

// net/http's own client and server, with TLS and a body larger than the window, echoed while it is still being sent.
func TestCarriesTLSAndLargeBodies(t *testing.T) {
	l := Listen()
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(w, r.Body)
	}))
	require.NoError(t, srv.Listener.Close())
	srv.Listener = l
	srv.StartTLS()
	defer srv.Close()
	srv.Client().Transport.(*http.Transport).DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
		return l.Dial(ctx)
	}

	body := strings.Repeat("0123456789", window)
	resp, err := srv.Client().Post("https://example.com/", "text/plain", strings.NewReader(body))
	require.NoError(t, err)
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.True(t, body == string(got), "got %d bytes, want %d", len(got), len(body))
}
