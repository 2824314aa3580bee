package faulty

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

const unixResets = true

// control calls f with the descriptor of a conn.
func control(nc net.Conn, f func(fd int) error) error {
	s, ok := nc.(syscall.Conn)
	if !ok {
		return errors.ErrUnsupported
	}
	rc, err := s.SyscallConn()
	if err != nil {
		return err
	}
	failure := rc.Control(func(fd uintptr) { err = f(int(fd)) })
	return errors.Join(err, failure)
}

// loneByte reports whether one byte, left there on purpose, is all that is unread; err: the client is gone.
func loneByte(nc net.Conn) (lone bool, err error) {
	err = control(nc, func(fd int) error {
		events := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
		if _, err := unix.Poll(events, 0); err != nil && err != unix.EINTR { // then the next look tells
			return err
		}
		if events[0].Revents&(unix.POLLRDHUP|unix.POLLHUP) != 0 {
			return net.ErrClosed
		}
		n, err := unix.IoctlGetInt(fd, unix.SIOCINQ)
		lone = n == 1
		return err
	})
	return lone, err
}

// arrivals asks the kernel what became of bytes: on a unix socket how many of ours wait to be read, over TCP the
// client's socket, if it is on this machine.
//
// Note: SIOCOUTQ says of TCP how many bytes are not acknowledged. They are up to 45 ms after they arrived, unless the
// client sends (measured in November 2026 on Linux 6.18), and that says nothing of what was read.
type arrivals struct {
	mu   sync.Mutex
	diag int // a socket of sock_diag(7); 0: not opened yet
}

func (a *arrivals) close() {
	if a.diag > 0 {
		unix.Close(a.diag)
	}
}

func (a *arrivals) have(c *conn, wanted delivery) (done, known bool) {
	if c.network == "unix" {
		waiting := 0
		err := control(c.raw.Conn, func(fd int) (err error) {
			waiting, err = unix.IoctlGetInt(fd, unix.SIOCOUTQ)
			return err
		})
		return waiting == 0 || wanted == arrived, err == nil // what is sent has arrived, and no reset takes it back
	}
	received, waiting, known := a.ask(addrPort(c.raw.RemoteAddr()), addrPort(c.raw.LocalAddr()))
	return received >= c.raw.written && (wanted == arrived || waiting == 0), known
}

func addrPort(a net.Addr) netip.AddrPort {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	ap := tcp.AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// ask returns how many bytes the TCP socket of an address has received from its peer, and how many of them are unread.
// It is not known of a socket that is closed or on another machine.
func (a *arrivals) ask(socket, peer netip.AddrPort) (received uint64, unread uint32, known bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.diag == 0 {
		fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
		if err != nil {
			return 0, 0, false
		}
		a.diag = fd
	}
	var reply [4 << 10]byte
	err := unix.Sendto(a.diag, question(socket, peer), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
	n := 0
	if err == nil { // the answer is there already
		n, _, err = unix.Recvfrom(a.diag, reply[:], unix.MSG_DONTWAIT)
	}
	if err != nil {
		a.close()
		a.diag = 0
		return 0, 0, false
	}
	return answered(reply[:n])
}

// The messages of sock_diag(7), in the kernel's form: a struct inet_diag_req_v2, a struct inet_diag_msg and attributes.
const (
	questionLen   = unix.SizeofNlMsghdr + 56
	unreadAt      = unix.SizeofNlMsghdr + 56
	attributesAt  = unix.SizeofNlMsghdr + 72
	infoAttribute = 2 // INET_DIAG_INFO, a struct tcp_info
)

func question(socket, peer netip.AddrPort) []byte {
	family, b := byte(unix.AF_INET6), make([]byte, 0, questionLen)
	if socket.Addr().Is4() {
		family = unix.AF_INET
	}
	b = binary.NativeEndian.AppendUint32(b, questionLen)
	b = binary.NativeEndian.AppendUint16(b, unix.SOCK_DIAG_BY_FAMILY)
	b = binary.NativeEndian.AppendUint16(b, unix.NLM_F_REQUEST)
	b = append(b, make([]byte, 8)...) // sequence number and port
	b = append(b, family, unix.IPPROTO_TCP, 1<<(infoAttribute-1), 0)
	b = binary.NativeEndian.AppendUint32(b, ^uint32(0)) // in any state
	b = binary.BigEndian.AppendUint16(b, socket.Port())
	b = binary.BigEndian.AppendUint16(b, peer.Port())
	for _, ip := range [...]netip.Addr{socket.Addr(), peer.Addr()} {
		b = append(b, ip.AsSlice()...)
		b = append(b, make([]byte, 16-ip.BitLen()/8)...)
	}
	b = append(b, make([]byte, 4)...)                  // on any interface
	return append(b, bytes.Repeat([]byte{0xff}, 8)...) // with any cookie
}

func answered(reply []byte) (received uint64, unread uint32, known bool) {
	const receivedAt = int(unsafe.Offsetof(unix.TCPInfo{}.Bytes_received))
	if len(reply) < attributesAt || binary.NativeEndian.Uint16(reply[4:]) != unix.SOCK_DIAG_BY_FAMILY {
		return 0, 0, false
	}
	unread = binary.NativeEndian.Uint32(reply[unreadAt:])
	for rest := reply[attributesAt:]; len(rest) >= unix.SizeofNlAttr; {
		size := int(binary.NativeEndian.Uint16(rest))
		if size < unix.SizeofNlAttr || size > len(rest) {
			break
		}
		value := rest[unix.SizeofNlAttr:size]
		if binary.NativeEndian.Uint16(rest[2:]) == infoAttribute && len(value) >= receivedAt+8 {
			return binary.NativeEndian.Uint64(value[receivedAt:]), unread, true
		}
		rest = rest[min((size+3)&^3, len(rest)):]
	}
	return 0, 0, false
}
