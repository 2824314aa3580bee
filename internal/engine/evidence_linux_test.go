package engine

import (
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// TestConnectIntoAFullQueue: a SYN that finds an accept queue full is sent again after a second, and that is told.
func TestConnectIntoAFullQueue(t *testing.T) {
	t.Parallel()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	require.NoError(t, err)
	require.NoError(t, unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	require.NoError(t, unix.Listen(fd, 0))
	f := os.NewFile(uintptr(fd), "listener")
	l, err := net.FileListener(f)
	f.Close()
	require.NoError(t, err)
	address := l.Addr().String()
	full, err := net.Dial("tcp", address) // a queue of 0 takes one
	require.NoError(t, err)
	defer full.Close()

	p := plan(1)
	p.Target = Target{Addrs: []netip.AddrPort{netip.MustParseAddrPort(address)}}
	served := make(chan struct{})
	go func() {
		defer close(served)
		<-time.After(300 * ms) // the first SYN is lost by then
		for range 2 {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			defer nc.Close()
			if nc.RemoteAddr().String() != full.LocalAddr().String() {
				echo(0, nc, nil)
			}
		}
	}()
	r := run(t, p)
	l.Close()
	<-served
	require.Equal(t, []int64{1, 1}, []int64{r.Slow.Connects, r.Slow.ConnectsRetransmitted})
	require.Greater(t, r.Connect.Min, SlowConnect)
}
