package loadtest

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

// A fixtureTB records what a fixture says to its test.
type fixtureTB struct {
	testing.TB
	mu                   sync.Mutex
	logs, errors, fatals []string
	skips                []string
	cleanups             []func()
}

func (tb *fixtureTB) say(to *[]string, text string) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	*to = append(*to, text)
}

func (tb *fixtureTB) Helper()                         {}
func (tb *fixtureTB) Log(args ...any)                 { tb.say(&tb.logs, fmt.Sprint(args...)) }
func (tb *fixtureTB) Logf(format string, args ...any) { tb.say(&tb.logs, fmt.Sprintf(format, args...)) }
func (tb *fixtureTB) Errorf(format string, args ...any) {
	tb.say(&tb.errors, fmt.Sprintf(format, args...))
}
func (tb *fixtureTB) Error(args ...any) { tb.say(&tb.errors, fmt.Sprint(args...)) }
func (tb *fixtureTB) Skip(args ...any) {
	tb.say(&tb.skips, fmt.Sprint(args...))
	runtime.Goexit()
}
func (tb *fixtureTB) Cleanup(f func()) { tb.cleanups = append(tb.cleanups, f) }
func (tb *fixtureTB) Fatalf(format string, args ...any) {
	tb.say(&tb.fatals, fmt.Sprintf(format, args...))
	runtime.Goexit()
}

// fatal returns what f says to Fatalf, "" if it returns.
func (tb *fixtureTB) fatal(f func()) string {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	<-done
	if len(tb.fatals) == 0 {
		return ""
	}
	return tb.fatals[0]
}

// A fixtureClient is one conn to a fixture.
type fixtureClient struct {
	net.Conn
	r *bufio.Reader
}

func dialFixture(tb testing.TB, s *Server) *fixtureClient {
	tb.Helper()
	target := s.target()
	dial := target.dial
	if dial == nil {
		dial = func(ctx context.Context) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, target.network, target.addr)
		}
	}
	conn, err := dial(tb.Context())
	require.NoError(tb, err)
	if target.https {
		conn = tls.Client(conn, &tls.Config{RootCAs: target.roots, ServerName: "127.0.0.1"})
	}
	tb.Cleanup(func() { conn.Close() })
	return &fixtureClient{conn, bufio.NewReader(conn)}
}

const (
	getRequest   = "GET / HTTP/1.1\r\nHost: fixture\r\n\r\n"
	closeRequest = "GET / HTTP/1.1\r\nHost: fixture\r\nConnection: close\r\n\r\n"
)

// send writes a request and leaves its response unread.
func (c *fixtureClient) send(tb testing.TB, request string) {
	tb.Helper()
	_, err := io.WriteString(c, request)
	require.NoError(tb, err)
}

// exchange writes a request and reads its response: status and body.
func (c *fixtureClient) exchange(tb testing.TB, request string) (int, string) {
	tb.Helper()
	c.send(tb, request)
	return c.receive(tb)
}

func (c *fixtureClient) receive(tb testing.TB) (int, string) {
	tb.Helper()
	response, err := http.ReadResponse(c.r, nil)
	require.NoError(tb, err)
	body, err := io.ReadAll(response.Body)
	require.NoError(tb, err)
	return response.StatusCode, string(body)
}

// wantEnd reads until the server has closed the conn.
func (c *fixtureClient) wantEnd(tb testing.TB) {
	tb.Helper()
	_, err := c.r.ReadByte()
	require.Error(tb, err, "the server's end is still open")
}

// wantCounts waits until the fixture's counts are as wanted: the server learns of some things later than its client.
func wantCounts(tb testing.TB, s *Server, want FixtureCounts) {
	tb.Helper()
	var diff string
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if diff = cmp.Diff(want, s.Counts()); diff == "" {
			return
		}
	}
	require.Empty(tb, diff, "counts (-want +got)")
}

// serveHTTP is what an author hands to Serve; their server is closed by the fixture alone.
func serveHTTP(h http.Handler) func(net.Listener) error {
	return func(ln net.Listener) error { return (&http.Server{Handler: h}).Serve(ln) }
}

// serveMemory is NewServer without sockets, for tests in fake time.
func serveMemory(tb testing.TB, h http.Handler) *Server {
	return newServer(tb, "memory").serveOwn(h, nil)
}
