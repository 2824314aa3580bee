package loadtest

import (
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// accepted returns the server's end of a conn through a counting listener.
func accepted(t *testing.T, network string) net.Conn {
	conns := make(chan net.Conn)
	s := Serve(t, network, func(ln net.Listener) error {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return err
			}
			conns <- conn
		}
	})
	dialFixture(t, s)
	return <-conns
}

// Counting must leave a conn's fast paths open: sendfile and splice go through ReadFrom and WriteTo, net/http's
// half-close through CloseWrite.
func TestAcceptedConnsKeepTheirMethods(t *testing.T) {
	tcp := accepted(t, "tcp")
	require.Implements(t, (*io.ReaderFrom)(nil), tcp)
	require.Implements(t, (*io.WriterTo)(nil), tcp)
	require.Implements(t, (*syscall.Conn)(nil), tcp)
	require.Implements(t, (*interface {
		CloseRead() error
		CloseWrite() error
		SetLinger(int) error
		SetNoDelay(bool) error
		File() (*os.File, error)
	})(nil), tcp)

	unix := accepted(t, "unix")
	require.Implements(t, (*syscall.Conn)(nil), unix)
	require.Implements(t, (*interface{ CloseWrite() error })(nil), unix)
	require.Implements(t, (*interface {
		CloseWrite() error
		SetLinger(int) error
	})(nil), accepted(t, "memory"))
}

// A file goes out through ReadFrom of the conn inside.
func TestAcceptedConnsSendFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, make([]byte, 1<<20), 0o600))
	sent := make(chan int64, 1)
	s := Serve(t, "tcp", func(ln net.Listener) error {
		conn, err := ln.Accept()
		if err != nil {
			return err
		}
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		defer file.Close()
		n, err := conn.(io.ReaderFrom).ReadFrom(file)
		sent <- n
		conn.Close()
		ln.Close()
		return err
	})
	n, err := io.Copy(io.Discard, dialFixture(t, s))
	require.NoError(t, err)
	require.EqualValues(t, 1<<20, n)
	require.Equal(t, n, <-sent)
}

// What the fixture adds to a conn counts as the server's memory in every report, so it is kept small.
func TestConnOverhead(t *testing.T) {
	require.LessOrEqual(t, unsafe.Sizeof(tcpConn{}), uintptr(80))
}

// A conn that is accepted while the listener closes is closed, not leaked.
func TestSealedLedgerRefusesConns(t *testing.T) {
	ln, err := listen("tcp")
	require.NoError(t, err)
	client, err := net.Dial("tcp", ln.addr())
	require.NoError(t, err)
	defer client.Close()
	require.True(t, ln.ledger.seal())
	require.False(t, ln.ledger.seal())
	_, err = ln.Accept()
	require.ErrorIs(t, err, net.ErrClosed)
	_, err = client.Read(make([]byte, 1))
	require.Error(t, err)
	require.Equal(t, FixtureCounts{}, ln.ledger.counts())
	require.NoError(t, ln.Close())
}

// Entries leave the list from its middle, its head and its tail.
func TestLedgerUnlinks(t *testing.T) {
	l := newLedger()
	var entries []*entry
	for range 4 {
		_, conn := net.Pipe()
		e := &entry{conn: conn}
		require.True(t, l.add(e))
		entries = append(entries, e)
	}
	left := func() (numbers []int64) {
		for e := l.oldest; e != nil; e = e.newer {
			numbers = append(numbers, e.number)
		}
		return numbers
	}
	for _, step := range []struct {
		close int
		want  []int64
	}{{1, []int64{1, 3, 4}}, {1, []int64{1, 3, 4}}, {0, []int64{3, 4}}, {3, []int64{3}}, {2, nil}} {
		entries[step.close].close()
		require.Equal(t, step.want, left())
	}
	require.Equal(t, FixtureCounts{Accepted: 4, Peak: 4, Closed: 4}, l.counts())
	l.seal()
	<-l.drained
}

// A span counts only the conns that came after it began, whatever closes meanwhile.
func TestLedgerSpans(t *testing.T) {
	l := newLedger()
	open := func() *entry {
		_, conn := net.Pipe()
		e := &entry{conn: conn}
		require.True(t, l.add(e))
		return e
	}
	older, olderStill := open(), open()
	outer := l.begin()
	first := open()
	older.close()
	inner := l.begin()
	second := open()
	second.state.Store(uint32(http.StateIdle))
	first.close()
	olderStill.close()
	require.Equal(t, FixtureCounts{Accepted: 1, Open: 1, Peak: 1, Idle: 1}, l.end(inner))
	second.close()
	second.close()
	require.Equal(t, FixtureCounts{Accepted: 2, Peak: 2, Closed: 2}, l.end(outer))
	require.Equal(t, FixtureCounts{Accepted: 4, Peak: 3, Closed: 4}, l.counts())
}
