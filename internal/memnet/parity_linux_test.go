package memnet

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

// conn is what *Conn and *net.TCPConn have in common.
type conn interface {
	net.Conn
	CloseWrite() error
	SetLinger(sec int) error
}

// script is played over memnet and over TCP on loopback, and its log must be the same. A step may depend only on what
// the other end surely received: TCP needs time to bring things over, and only a blocking Read gives it that.
type script struct {
	name string
	play func(c, s conn, log *transcript)
}

var scripts = []script{
	{"orderly close", func(c, s conn, log *transcript) {
		log.write(s, "last words")
		log.done(s.Close())
		log.read(c, 4)
		log.read(c, 100)
		log.read(c, 100)
		log.read(c, 100)
	}},
	{"close with unread bytes", func(c, s conn, log *transcript) {
		log.write(c, "unread")
		log.read(s, 1)
		log.write(s, "413")
		log.done(s.Close())
		log.read(c, 100)
		log.read(c, 100)
	}},
	{"abort", func(c, s conn, log *transcript) {
		log.done(s.SetLinger(0))
		log.done(s.Close())
		log.read(c, 100)
	}},
	{"half close", func(c, s conn, log *transcript) {
		log.write(c, "question")
		log.done(c.CloseWrite())
		log.done(c.CloseWrite())
		log.write(c, "more")
		log.read(s, 100)
		log.read(s, 100)
		log.write(s, "answer")
		log.read(c, 100)
		log.done(s.Close())
		log.read(c, 100)
		log.done(c.Close())
	}},
	{"use after close", func(c, s conn, log *transcript) {
		log.done(c.Close())
		log.done(c.Close())
		log.done(c.CloseWrite())
		log.done(c.SetLinger(0))
		log.done(c.SetDeadline(time.Time{}))
		log.done(c.SetReadDeadline(time.Unix(1, 0)))
		log.done(c.SetWriteDeadline(time.Unix(1, 0)))
		log.read(c, 100)
		log.read(c, 0)
		log.write(c, "x")
		log.write(c, "")
	}},
	{"past deadline", func(c, s conn, log *transcript) {
		log.write(c, "question")
		log.read(s, 1) // so that there is something left to read
		log.done(s.SetDeadline(time.Unix(1, 0)))
		log.read(s, 100)
		log.read(s, 0)
		log.write(s, "x")
		log.write(s, "")
		log.done(s.SetReadDeadline(time.Time{}))
		log.read(s, 100)
		log.write(s, "x")
		log.done(s.SetWriteDeadline(time.Now().Add(time.Hour)))
		log.write(s, "x")
	}},
}

func TestBehavesAsTCPOverLoopback(t *testing.T) {
	for _, sc := range scripts {
		t.Run(sc.name, func(t *testing.T) {
			var memory, tcp transcript
			c, s := newPipe(t)
			sc.play(c, s, &memory)
			tc, ts := tcpPipe(t)
			sc.play(tc, ts, &tcp)
			require.Empty(t, cmp.Diff([]string(tcp), []string(memory)), "- TCP, + memory")
		})
	}
}

func TestQueuedConnEndsAsOverTCP(t *testing.T) {
	var memory, tcp transcript
	l := Listen()
	c, err := l.Dial(t.Context())
	require.NoError(t, err)
	queuedConn(l, c, &memory)

	tl, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	tc, err := net.Dial("tcp", tl.Addr().String())
	require.NoError(t, err)
	queuedConn(tl, tc, &tcp)
	require.Empty(t, cmp.Diff([]string(tcp), []string(memory)), "- TCP, + memory")
}

func queuedConn(l net.Listener, c net.Conn, log *transcript) {
	log.done(l.Close())
	log.read(c, 1)
	log.done(c.Close())
	log.done(l.Close())
	_, err := l.Accept()
	log.done(err)
}

func tcpPipe(t *testing.T) (c, s *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	client, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	server, err := l.Accept()
	require.NoError(t, err)
	t.Cleanup(func() {
		_ = client.Close()
		_ = server.Close()
	})
	return client.(*net.TCPConn), server.(*net.TCPConn)
}

// transcript is what a script saw, in words that do not depend on the network.
type transcript []string

func (tr *transcript) read(c net.Conn, n int) {
	buf := make([]byte, n)
	n, err := c.Read(buf)
	*tr = append(*tr, fmt.Sprintf("read %q: %s", buf[:n], describe(err)))
}

func (tr *transcript) write(c net.Conn, s string) {
	n, err := c.Write([]byte(s))
	*tr = append(*tr, fmt.Sprintf("write %q: %d: %s", s, n, describe(err)))
}

func (tr *transcript) done(err error) { *tr = append(*tr, describe(err)) }

// describe names the operation, which addresses the error carries, and the cause.
func describe(err error) string {
	if err == nil || err == io.EOF {
		return fmt.Sprint(err)
	}
	var op *net.OpError
	if !errors.As(err, &op) {
		return fmt.Sprintf("not a *net.OpError: %v", err)
	}
	for _, cause := range []error{net.ErrClosed, os.ErrDeadlineExceeded, syscall.ECONNRESET, syscall.EPIPE} {
		if errors.Is(err, cause) {
			return fmt.Sprintf("%s, source %t, addr %t, timeout %t: %v",
				op.Op, op.Source != nil, op.Addr != nil, op.Timeout(), cause)
		}
	}
	return fmt.Sprintf("unknown cause: %v", err)
}
