package netpoll

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"example.com/holdfast/internal/leaktest"
)

// listen returns a listener and its endpoint.
func listen(t *testing.T, network, address string) (net.Listener, *Endpoint) {
	t.Helper()
	l, err := net.Listen(network, address)
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	if a, ok := l.Addr().(*net.TCPAddr); ok {
		return l, TCPEndpoint(a.AddrPort())
	}
	return l, UnixEndpoint(address)
}

// connect returns both ends of a connection; the caller closes fd.
func connect(t *testing.T, l net.Listener, e, local *Endpoint) (fd int, nc net.Conn) {
	t.Helper()
	fd, pending, err := Connect(e, local, true)
	require.NoError(t, err)
	require.False(t, pending, "over loopback the handshake is over when connect returns")
	require.NoError(t, ConnectError(fd))
	nc, err = l.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { nc.Close() })
	return fd, nc
}

// readAll reads with waits until n bytes came or the stream ended.
func readAll(t *testing.T, r *Receiver, fd, n int) (got []byte, stamp int64) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for len(got) < n && time.Now().Before(deadline) {
		data, at, _, again, err := r.Read(fd)
		require.NoError(t, err)
		if again {
			_, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 1000)
			require.True(t, err == nil || err == unix.EINTR, "poll: %v", err)
			continue
		}
		if len(data) == 0 {
			break
		}
		got, stamp = append(got, data...), at
	}
	return got, stamp
}

func hasIPv6() bool {
	l, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		return false
	}
	l.Close()
	return true
}

func TestConnect(t *testing.T) {
	networks := map[string][2]string{
		"tcp4":     {"tcp", "127.0.0.1:0"},
		"unix":     {"unix", filepath.Join(t.TempDir(), "s")},
		"abstract": {"unix", fmt.Sprintf("@holdfast-test-%d", os.Getpid())},
	}
	if hasIPv6() {
		networks["tcp6"] = [2]string{"tcp", "[::1]:0"}
	}
	for name, at := range networks {
		t.Run(name, func(t *testing.T) {
			l, e := listen(t, at[0], at[1])
			fd, nc := connect(t, l, e, nil)
			defer Close(fd)
			n, err := Write(fd, []byte("to the server"))
			require.NoError(t, err)
			require.Equal(t, 13, n)
			buf := make([]byte, 13)
			_, err = io.ReadFull(nc, buf)
			require.NoError(t, err)
			require.Equal(t, "to the server", string(buf))
			nc.Write([]byte("and back"))
			got, _ := readAll(t, NewReceiver(64), fd, 8)
			require.Equal(t, "and back", string(got))
		})
	}
}

func TestConnectRefused(t *testing.T) {
	for _, at := range [][2]string{{"tcp", "127.0.0.1:0"}, {"unix", filepath.Join(t.TempDir(), "s")}} {
		l, e := listen(t, at[0], at[1])
		l.Close()
		before := len(leaktest.Descriptors())
		fd, pending, err := Connect(e, nil, true)
		if pending { // a non-blocking TCP socket tells it afterwards
			require.NoError(t, err)
			err = ConnectError(fd)
			Close(fd)
		}
		failure, _ := FailureOf(err)
		require.Equal(t, Refused, failure, "%v", err)
		require.Equal(t, before, len(leaktest.Descriptors()), "the socket is closed")
	}
}

func TestConnectToAPathTooLong(t *testing.T) {
	before := len(leaktest.Descriptors())
	_, _, err := Connect(UnixEndpoint("/"+strings.Repeat("x", 107)), nil, false)
	require.Error(t, err)
	_, _, err = Connect(UnixEndpoint("/"+strings.Repeat("x", 200)), nil, false)
	require.Error(t, err)
	require.Equal(t, before, len(leaktest.Descriptors()))
}

func TestLocalEndpoint(t *testing.T) {
	l, e := listen(t, "tcp", "127.0.0.1:0")
	fd, nc := connect(t, l, e, TCPEndpoint(netip.MustParseAddrPort("127.7.8.9:0")))
	defer Abort(fd)
	require.Equal(t, "127.7.8.9", nc.RemoteAddr().(*net.TCPAddr).IP.String())
	before := len(leaktest.Descriptors())
	_, _, err := Connect(e, TCPEndpoint(netip.MustParseAddrPort("192.0.2.1:0")), true) // RFC 5737: no host has it
	require.Equal(t, unix.EADDRNOTAVAIL, err)
	require.Equal(t, before, len(leaktest.Descriptors()))
}

// timeWaits counts the sockets in TIME_WAIT, which is state 06, of a client that connected from one port to another. Others
// may have left some of either port.
func timeWaits(t *testing.T, client, server int) (n int) {
	table, err := os.ReadFile("/proc/net/tcp")
	require.NoError(t, err)
	for line := range strings.Lines(string(table)) {
		f := strings.Fields(line)
		ends := fmt.Sprintf(":%04X :%04X", client, server)
		if len(f) > 3 && f[3] == "06" && strings.HasSuffix(f[1], ends[:5]) && strings.HasSuffix(f[2], ends[6:]) {
			n++
		}
	}
	return n
}

// TestAbortLeavesNoTimeWait, and Close of the same connection does: the test sees what it looks for.
func TestAbortLeavesNoTimeWait(t *testing.T) {
	for name, end := range map[string]func(int){"abort": Abort, "close": Close} {
		l, e := listen(t, "tcp", "127.0.0.1:0")
		fd, nc := connect(t, l, e, nil)
		client, server := nc.RemoteAddr().(*net.TCPAddr).Port, l.Addr().(*net.TCPAddr).Port
		end(fd)
		_, err := nc.Read(make([]byte, 1))
		if name == "abort" {
			require.ErrorIs(t, err, syscall.ECONNRESET)
		} else {
			require.ErrorIs(t, err, io.EOF)
		}
		nc.Close()
		want := map[string]int{"abort": 0, "close": 1}[name]
		require.Eventually(t, func() bool { return timeWaits(t, client, server) == want },
			5*time.Second, time.Millisecond, name)
	}
}

func TestReceiver(t *testing.T) {
	l, e := listen(t, "tcp", "127.0.0.1:0")
	fd, nc := connect(t, l, e, nil)
	defer Close(fd)
	r := NewReceiver(4)
	_, _, _, again, err := r.Read(fd)
	require.NoError(t, err)
	require.True(t, again, "nothing to read")
	nc.Write([]byte("abcdef"))
	unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 20_000)
	data, _, more, again, err := r.Read(fd)
	require.NoError(t, err)
	require.False(t, again)
	require.Equal(t, "abcd", string(data))
	require.True(t, more, "the buffer is full")
	data, _, more, _, _ = r.Read(fd)
	require.Equal(t, "ef", string(data))
	require.False(t, more)

	nc.Close()
	unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 20_000)
	data, _, more, again, err = r.Read(fd)
	require.NoError(t, err)
	require.Empty(t, data, "the end of the stream")
	require.False(t, more || again)
}

func TestReceiverOfAReset(t *testing.T) {
	l, e := listen(t, "tcp", "127.0.0.1:0")
	fd, nc := connect(t, l, e, nil)
	defer Close(fd)
	require.NoError(t, nc.(*net.TCPConn).SetLinger(0))
	nc.Close()
	unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 20_000)
	_, _, _, again, err := NewReceiver(4).Read(fd)
	require.False(t, again)
	require.Equal(t, unix.ECONNRESET, err)
	_, err = Write(fd, []byte("x"))
	require.Equal(t, unix.EPIPE, err, "and no SIGPIPE")
}

// TestWriteOfMoreThanFits takes what fits and then nothing, without an error.
func TestWriteOfMoreThanFits(t *testing.T) {
	a, _ := pair(t)
	p := make([]byte, 8<<20)
	n, err := Write(a, p)
	require.NoError(t, err)
	require.Greater(t, n, 0)
	require.Less(t, n, len(p))
	for n > 0 {
		n, err = Write(a, p)
		require.NoError(t, err)
	}
}

// TestStampsLieBetweenSendAndRead in the clock of this process.
func TestStampsLieBetweenSendAndRead(t *testing.T) {
	stop, ok := StartStamps()
	defer stop()
	if !ok {
		t.Skip("this kernel takes SO_TIMESTAMPING and stamps nothing")
	}
	l, e := listen(t, "tcp", "127.0.0.1:0")
	fd, nc := connect(t, l, e, nil)
	defer Close(fd)
	r := NewReceiver(64)
	stamped := 0
	// The kernel begins to stamp some time after the first socket asks for it, which on a busy machine may be long.
	for start := time.Now(); stamped < 100 && time.Since(start) < 20*time.Second; {
		before := time.Now().UnixNano()
		nc.Write([]byte("x"))
		_, stamp := readAll(t, r, fd, 1)
		read := time.Now().UnixNano()
		if stamp == 0 {
			require.Zero(t, stamped, "once begun, it stamps every segment")
			continue
		}
		stamped++
		require.GreaterOrEqual(t, stamp, before)
		require.LessOrEqual(t, stamp, read)
	}
	require.Equal(t, 100, stamped)
	// Segments that are read together have the stamp of the last.
	nc.Write([]byte("a"))
	between := time.Now().UnixNano()
	nc.Write([]byte("b"))
	for queued := 0; queued < 2; {
		n, err := unix.IoctlGetInt(fd, unix.TIOCINQ)
		require.NoError(t, err)
		queued = n
	}
	queuedAt := time.Now().UnixNano()
	data, stamp, _, _, err := r.Read(fd)
	require.NoError(t, err)
	require.Equal(t, "ab", string(data))
	require.GreaterOrEqual(t, stamp, between)
	require.LessOrEqual(t, stamp, queuedAt, "the arrival's, not the read's")
}

func TestUnixSocketsHaveNoStamps(t *testing.T) {
	l, e := listen(t, "unix", filepath.Join(t.TempDir(), "s"))
	fd, nc := connect(t, l, e, nil)
	defer Close(fd)
	nc.Write([]byte("x"))
	got, stamp := readAll(t, NewReceiver(4), fd, 1)
	require.Equal(t, "x", string(got))
	require.Zero(t, stamp)
}

func TestReadAllocatesNothing(t *testing.T) {
	a, b := pair(t)
	r, x := NewReceiver(64), []byte("x")
	require.Zero(t, testing.AllocsPerRun(100, func() {
		Write(b, x)
		r.Read(a)
	}))
}
