package memnet

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/holdfast/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

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
