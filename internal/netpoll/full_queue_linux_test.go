package netpoll

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// pending returns a socket whose connect waits, because the listener's accept queue is full: it answers no SYN.
func pending(t *testing.T) (fd int) {
	listener, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	t.Cleanup(func() { Close(listener) })
	require.NoError(t, unix.Bind(listener, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	require.NoError(t, unix.Listen(listener, 0))
	name, err := unix.Getsockname(listener)
	require.NoError(t, err)
	e := TCPEndpoint(netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(name.(*unix.SockaddrInet4).Port)))
	for range 10 {
		fd, waits, err := Connect(e, nil, false)
		require.NoError(t, err)
		t.Cleanup(func() { Abort(fd) })
		if waits {
			return fd
		}
	}
	t.Fatal("ten connections fit into a queue of one")
	return -1
}

func TestPendingConnect(t *testing.T) {
	fd := pending(t)
	require.False(t, Connected(fd))
	require.NoError(t, ConnectError(fd), "no error yet")
}

// TestRetransmissions: a SYN that is not answered is sent again after a second.
func TestRetransmissions(t *testing.T) {
	fd := pending(t)
	require.Zero(t, Retransmissions(fd))
	require.Eventually(t, func() bool { return Retransmissions(fd) > 0 }, 30*time.Second, 20*time.Millisecond)

	l, e := listen(t, "tcp", "127.0.0.1:0")
	up, _ := connect(t, l, e, nil)
	defer Abort(up)
	require.Zero(t, Retransmissions(up))

	_, e = listen(t, "unix", t.TempDir()+"/s")
	other, _, err := Connect(e, nil, false)
	require.NoError(t, err)
	defer Close(other)
	require.EqualValues(t, -1, Retransmissions(other), "a unix socket sends nothing again")
	require.EqualValues(t, -1, Retransmissions(-1))
}
