package memnet

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestMain fails the package if a test leaves a goroutine behind. They end soon after the last test, not with it.
func TestMain(m *testing.M) {
	before := runtime.NumGoroutine()
	code := m.Run()
	deadline := time.Now().Add(5 * time.Second)
	for runtime.NumGoroutine() > before && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond)
	}
	if got := runtime.NumGoroutine(); got > before && code == 0 {
		stacks := make([]byte, 1<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		fmt.Fprintf(os.Stderr, "goroutines after the tests: got %d, want %d\n%s\n", got, before, stacks)
		code = 1
	}
	os.Exit(code)
}

// dial returns both ends of a conn of l, which the test closes if nobody has done so.
func dial(tb testing.TB, l *Listener) (client, server *Conn) {
	tb.Helper()
	c, err := l.Dial(tb.Context())
	require.NoError(tb, err)
	s, err := l.Accept()
	require.NoError(tb, err)
	tb.Cleanup(func() {
		_ = c.Close()
		_ = s.Close()
	})
	return c.(*Conn), s.(*Conn)
}

func newPipe(tb testing.TB) (client, server *Conn) {
	tb.Helper()
	l := Listen()
	client, server = dial(tb, l)
	require.NoError(tb, l.Close())
	return client, server
}

// wantOpError asserts the shape that package net gives to all errors of its conns.
func wantOpError(tb testing.TB, err error, op string, c *Conn, cause error) {
	tb.Helper()
	var got *net.OpError
	require.ErrorAs(tb, err, &got)
	require.Equal(tb, op, got.Op)
	require.Equal(tb, "memory", got.Net)
	require.Equal(tb, c.LocalAddr(), got.Source)
	require.Equal(tb, c.RemoteAddr(), got.Addr)
	require.ErrorIs(tb, err, cause)
}

func wantWrite(tb testing.TB, c *Conn, s string) {
	tb.Helper()
	n, err := c.Write([]byte(s))
	require.NoError(tb, err)
	require.Equal(tb, len(s), n)
}

func wantRead(tb testing.TB, c *Conn, want string) {
	tb.Helper()
	buf := make([]byte, len(want)+1)
	n, err := c.Read(buf)
	require.NoError(tb, err)
	require.Equal(tb, want, string(buf[:n]))
}
