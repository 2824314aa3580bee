package memnet

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/nettest"
)

func TestConformsToNettest(t *testing.T) {
	for _, clientFirst := range []bool{true, false} {
		nettest.TestConn(t, func() (net.Conn, net.Conn, func(), error) {
			c, s := newPipe(t)
			stop := func() {
				_ = c.Close()
				_ = s.Close()
			}
			if clientFirst {
				return c, s, stop, nil
			}
			return s, c, stop, nil
		})
	}
}

func TestAddrsTellConnsApart(t *testing.T) {
	l := Listen()
	defer l.Close()
	c1, s1 := dial(t, l)
	c2, _ := dial(t, l)
	require.Equal(t, "memory:client-1", c1.LocalAddr().String())
	require.Equal(t, "memory:client-2", c2.LocalAddr().String())
	require.Equal(t, "memory:server", c1.RemoteAddr().String())
	require.Equal(t, "memory:server", s1.LocalAddr().String())
	require.Equal(t, "memory:client-1", s1.RemoteAddr().String())
	require.Equal(t, "memory", c1.LocalAddr().Network())
	require.Equal(t, l.Addr(), s1.LocalAddr())
}

func TestReadReturnsWhatIsThereAtMostWhatFits(t *testing.T) {
	c, s := newPipe(t)
	wantWrite(t, c, "hel")
	wantWrite(t, c, "lo")
	buf := make([]byte, 4)
	n, err := s.Read(buf)
	require.NoError(t, err)
	require.Equal(t, "hell", string(buf[:n]))
	wantRead(t, s, "o")
}

func TestEmptyReadAndWriteNeverWait(t *testing.T) {
	c, s := newPipe(t)
	_, err := c.Write(make([]byte, window))
	require.NoError(t, err)
	n, err := c.Write(nil)
	require.NoError(t, err)
	require.Zero(t, n)
	n, err = c.Read(nil)
	require.NoError(t, err)
	require.Zero(t, n)

	require.NoError(t, s.Close())
	_, err = s.Read(nil)
	wantOpError(t, err, "read", s, net.ErrClosed)
	_, err = s.Write(nil)
	wantOpError(t, err, "write", s, net.ErrClosed)
}

func TestOrderlyCloseDeliversThenEOF(t *testing.T) {
	c, s := newPipe(t)
	wantWrite(t, s, "last words")
	require.NoError(t, s.Close())
	wantRead(t, c, "last words")
	for range 2 {
		n, err := c.Read(make([]byte, 1))
		require.Equal(t, io.EOF, err, "bare, as io.Reader demands")
		require.Zero(t, n)
	}
}

func TestWriteToClosedPeerIsBrokenPipe(t *testing.T) {
	c, s := newPipe(t)
	wantWrite(t, s, "last words")
	require.NoError(t, s.Close())
	n, err := c.Write([]byte("x"))
	require.Zero(t, n)
	wantOpError(t, err, "write", c, syscall.EPIPE)
	wantRead(t, c, "last words")
}

func TestUseAfterCloseIsErrClosed(t *testing.T) {
	c, _ := newPipe(t)
	require.NoError(t, c.Close())
	_, err := c.Read(make([]byte, 1))
	wantOpError(t, err, "read", c, net.ErrClosed)
	_, err = c.Write([]byte("x"))
	wantOpError(t, err, "write", c, net.ErrClosed)
	wantOpError(t, c.Close(), "close", c, net.ErrClosed)
	wantOpError(t, c.CloseWrite(), "close", c, net.ErrClosed)
	wantOpError(t, c.SetLinger(0), "set", c, net.ErrClosed)

	err = c.SetDeadline(time.Time{})
	require.ErrorIs(t, err, net.ErrClosed)
	require.EqualError(t, err, "set memory memory:client-1: use of closed network connection")
}

func TestCloseWriteEndsOneDirection(t *testing.T) {
	c, s := newPipe(t)
	wantWrite(t, c, "question")
	require.NoError(t, c.CloseWrite())
	require.NoError(t, c.CloseWrite(), "TCP's shutdown may be repeated")
	_, err := c.Write([]byte("x"))
	wantOpError(t, err, "write", c, syscall.EPIPE)

	wantRead(t, s, "question")
	_, err = s.Read(make([]byte, 1))
	require.Equal(t, io.EOF, err)
	wantWrite(t, s, "answer")
	wantRead(t, c, "answer")
}

func TestCloseWithUnreadBytesIsReset(t *testing.T) {
	c, s := newPipe(t)
	wantWrite(t, c, "unread")
	wantWrite(t, s, "413")
	require.NoError(t, s.Close())
	wantRead(t, c, "413") // as on Linux: what was received before the RST can be read
	for range 2 {
		_, err := c.Read(make([]byte, 1))
		wantOpError(t, err, "read", c, syscall.ECONNRESET)
		_, err = c.Write([]byte("x"))
		wantOpError(t, err, "write", c, syscall.ECONNRESET)
	}
	require.NoError(t, c.Close())
}

func TestUnreadIsWhatTheOtherEndHasNotRead(t *testing.T) {
	c, s := newPipe(t)
	require.Zero(t, s.Unread())
	wantWrite(t, s, "response")
	require.Equal(t, 8, s.Unread())
	require.Zero(t, c.Unread())
	buf := make([]byte, 5)
	_, err := c.Read(buf)
	require.NoError(t, err)
	require.Equal(t, 3, s.Unread())
	require.NoError(t, c.Close())
	require.Zero(t, s.Unread(), "nobody will read it")
}

func TestLingerZeroAborts(t *testing.T) {
	c, s := newPipe(t)
	wantWrite(t, s, "lost")
	require.NoError(t, s.SetLinger(0))
	require.NoError(t, s.Close())
	for range 2 {
		n, err := c.Read(make([]byte, 1))
		require.Zero(t, n)
		wantOpError(t, err, "read", c, syscall.ECONNRESET)
		_, err = c.Write([]byte("x"))
		wantOpError(t, err, "write", c, syscall.ECONNRESET)
	}
}

func TestOtherLingersAreOrderly(t *testing.T) {
	for _, sec := range []int{-1, 5} {
		c, s := newPipe(t)
		wantWrite(t, s, "kept")
		require.NoError(t, s.SetLinger(0))
		require.NoError(t, s.SetLinger(sec), "the last call holds")
		require.NoError(t, s.Close())
		wantRead(t, c, "kept")
		_, err := c.Read(make([]byte, 1))
		require.Equal(t, io.EOF, err)
	}
}

func TestPastDeadlineWinsOverReadiness(t *testing.T) {
	c, s := newPipe(t)
	wantWrite(t, s, "ready")
	require.NoError(t, c.SetDeadline(time.Unix(1, 0)))
	n, err := c.Read(make([]byte, 8))
	require.Zero(t, n)
	wantTimeout(t, err, "read", c)
	n, err = c.Write([]byte("x"))
	require.Zero(t, n)
	wantTimeout(t, err, "write", c)

	require.NoError(t, c.SetReadDeadline(time.Time{}))
	wantRead(t, c, "ready")
	_, err = c.Write([]byte("x"))
	wantTimeout(t, err, "write", c)
}

func wantTimeout(tb testing.TB, err error, op string, c *Conn) {
	tb.Helper()
	wantOpError(tb, err, op, c, os.ErrDeadlineExceeded)
	require.True(tb, err.(net.Error).Timeout())
}

// Chunks of every size pass through all rings, wrap around in them and make them grow while they are wrapped.
func TestBytesArriveInOrderWhateverTheChunks(t *testing.T) {
	c, s := newPipe(t)
	rnd := rand.New(rand.NewPCG(1, 2))
	sent := make([]byte, 3<<20)
	for i := range sent {
		sent[i] = byte(rnd.Uint32())
	}
	received := make(chan []byte)
	go func() {
		rnd := rand.New(rand.NewPCG(3, 4))
		var all []byte
		for {
			buf := make([]byte, 1+rnd.IntN(8<<10))
			n, err := s.Read(buf)
			all = append(all, buf[:n]...)
			if err != nil {
				received <- all
				return
			}
		}
	}()
	for rest := sent; len(rest) > 0; {
		n := min(len(rest), 1+rnd.IntN(1<<rnd.IntN(18)))
		wantWrite(t, c, string(rest[:n]))
		rest = rest[n:]
	}
	require.NoError(t, c.Close())
	require.True(t, bytes.Equal(sent, <-received))
}

func TestRingKeepsOrderWhileItGrows(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	var r *ring
	var model []byte // what the ring should hold
	for range 2000 {
		chunk := make([]byte, 1+rnd.IntN(3000))
		for i := range chunk {
			chunk[i] = byte(rnd.Uint32())
		}
		var n int
		r, n = push(r, chunk)
		require.Equal(t, min(len(chunk), window-len(model)), n)
		model = append(model, chunk[:n]...)

		got := make([]byte, rnd.IntN(2900))
		n = r.pop(got)
		require.Equal(t, min(len(got), len(model)), n)
		require.True(t, bytes.Equal(model[:n], got[:n]))
		model = model[n:]
	}
	require.Greater(t, len(model), sizes[1], "the ring had to grow to the window")
}
