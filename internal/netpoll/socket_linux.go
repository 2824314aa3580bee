package netpoll

import (
	"net/netip"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// An Endpoint is a socket address in the kernel's form, made once.
type Endpoint struct {
	family int
	raw    [unix.SizeofSockaddrAny]byte
	size   uintptr
}

// TCPEndpoint returns the endpoint of an address and port.
func TCPEndpoint(a netip.AddrPort) *Endpoint {
	e := &Endpoint{}
	if ip := a.Addr().Unmap(); ip.Is4() {
		sa := (*unix.RawSockaddrInet4)(unsafe.Pointer(&e.raw))
		sa.Family, sa.Port, sa.Addr = unix.AF_INET, networkOrder(a.Port()), ip.As4()
		e.family, e.size = unix.AF_INET, unix.SizeofSockaddrInet4
	} else {
		sa := (*unix.RawSockaddrInet6)(unsafe.Pointer(&e.raw))
		sa.Family, sa.Port, sa.Addr = unix.AF_INET6, networkOrder(a.Port()), ip.As16()
		sa.Scope_id = scopeID(ip.Zone())
		e.family, e.size = unix.AF_INET6, unix.SizeofSockaddrInet6
	}
	return e
}

// UnixEndpoint returns the endpoint of a path; one that begins with @ is in the abstract namespace.
func UnixEndpoint(path string) *Endpoint {
	e := &Endpoint{family: unix.AF_UNIX}
	sa := (*unix.RawSockaddrUnix)(unsafe.Pointer(&e.raw))
	sa.Family = unix.AF_UNIX
	for i := range min(len(path), len(sa.Path)) {
		sa.Path[i] = int8(path[i])
	}
	e.size = 2 + uintptr(len(path)) + 1
	if path != "" && path[0] == '@' {
		sa.Path[0] = 0
		e.size-- // the name is not terminated
	}
	return e
}

func networkOrder(port uint16) uint16 {
	var b [2]byte
	b[0], b[1] = byte(port>>8), byte(port)
	return *(*uint16)(unsafe.Pointer(&b))
}

// Connect opens a non-blocking socket and connects it to e, from local if that is not nil. err nil means connected, or
// (pending) on the way. On a loopback address the handshake is over when connect returns, though it says "in progress";
// that is asked here, and spares a wake-up per connect.
//
// With stamps the kernel notes when each segment arrives. A unix socket has none.
func Connect(e, local *Endpoint, stamps bool) (fd int, pending bool, err error) {
	r, _, errno := syscall.RawSyscall(unix.SYS_SOCKET, uintptr(e.family),
		unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if errno != 0 {
		return -1, false, errno
	}
	fd = int(r)
	if stamps && e.family != unix.AF_UNIX {
		// Without it the arrival is timed by our own clock, and counted as such.
		_ = setOption(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPING,
			unix.SOF_TIMESTAMPING_RX_SOFTWARE|unix.SOF_TIMESTAMPING_SOFTWARE)
	}
	if local != nil {
		if err := bind(fd, local); err != nil {
			Close(fd)
			return -1, false, err
		}
	}
	_, _, errno = syscall.RawSyscall(unix.SYS_CONNECT, r, uintptr(unsafe.Pointer(&e.raw)), e.size)
	if errno == unix.EINPROGRESS {
		return fd, !Connected(fd), nil
	}
	if errno != 0 {
		Close(fd)
		return -1, false, errno
	}
	return fd, false, nil
}

// bind chooses the source address and leaves the port to connect, which then may share it between destinations.
func bind(fd int, local *Endpoint) error {
	if err := setOption(fd, unix.SOL_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1); err != nil {
		return err
	}
	_, _, errno := syscall.RawSyscall(unix.SYS_BIND, uintptr(fd), uintptr(unsafe.Pointer(&local.raw)), local.size)
	return errOf(errno)
}

// Connected reports whether a pending connect has succeeded. It asks for the peer's name, the cheapest question that only a
// connected socket answers.
func Connected(fd int) bool {
	var raw [unix.SizeofSockaddrAny]byte
	size := uint32(len(raw))
	_, _, errno := syscall.RawSyscall(unix.SYS_GETPEERNAME, uintptr(fd), uintptr(unsafe.Pointer(&raw)),
		uintptr(unsafe.Pointer(&size)))
	return errno == 0
}

// ConnectError returns how a pending connect ended; nil: it is connected.
func ConnectError(fd int) error {
	v, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil {
		return err
	}
	return errOf(syscall.Errno(v))
}

func setOption(fd, level, option int, value int32) error {
	_, _, errno := syscall.RawSyscall6(unix.SYS_SETSOCKOPT, uintptr(fd), uintptr(level), uintptr(option),
		uintptr(unsafe.Pointer(&value)), unsafe.Sizeof(value), 0)
	return errOf(errno)
}

// Write writes what the kernel takes of p without blocking; n is 0 with err nil if it takes nothing now.
func Write(fd int, p []byte) (n int, err error) {
	r, _, errno := syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))),
		uintptr(len(p)), unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT, 0, 0)
	switch errno {
	case 0:
		return int(r), nil
	case unix.EAGAIN, unix.EINTR:
		return 0, nil
	}
	return 0, errno
}

// Close closes fd in order.
func Close(fd int) { syscall.RawSyscall(unix.SYS_CLOSE, uintptr(fd), 0, 0) }

// Abort closes fd by RST: no TIME_WAIT is left behind and no port held (RFC 3511 §5.3 asks it of testers between
// iterations). A unix socket just closes.
func Abort(fd int) {
	linger := unix.Linger{Onoff: 1}
	syscall.RawSyscall6(unix.SYS_SETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_LINGER,
		uintptr(unsafe.Pointer(&linger)), unsafe.Sizeof(linger), 0)
	Close(fd)
}

// A Receiver reads sockets into one buffer, with the kernel's receive stamps.
type Receiver struct {
	buf     []byte
	iov     unix.Iovec
	msg     unix.Msghdr
	control [256]byte
}

// NewReceiver returns a receiver with a buffer of size bytes.
func NewReceiver(size int) *Receiver {
	r := &Receiver{buf: make([]byte, size)}
	r.iov.Base = &r.buf[0]
	r.iov.SetLen(size)
	r.msg.Iov = &r.iov
	r.msg.SetIovlen(1)
	r.msg.Control = &r.control[0]
	return r
}

// Read reads once, without blocking. data is valid until the next Read; it is empty with err nil at the end of the
// stream. stamp is when the last of the bytes reached the kernel, in ns of the real-time clock; 0 if it is unknown. more
// says that the buffer was filled: there may be more. again: there was nothing to read.
func (r *Receiver) Read(fd int) (data []byte, stamp int64, more, again bool, err error) {
	r.msg.SetControllen(len(r.control))
	n, _, errno := syscall.RawSyscall(unix.SYS_RECVMSG, uintptr(fd), uintptr(unsafe.Pointer(&r.msg)), unix.MSG_DONTWAIT)
	switch errno {
	case 0:
		return r.buf[:n], r.stamp(), int(n) == len(r.buf), false, nil
	case unix.EAGAIN, unix.EINTR:
		return nil, 0, false, true, nil
	}
	return nil, 0, false, false, errno
}

// stamp finds the SCM_TIMESTAMPING message: three timespecs, of which the first is the kernel's own.
func (r *Receiver) stamp() int64 {
	const space = unix.SizeofCmsghdr
	rest := r.control[:r.msg.Controllen]
	for len(rest) >= space {
		h := (*unix.Cmsghdr)(unsafe.Pointer(&rest[0]))
		if h.Level == unix.SOL_SOCKET && h.Type == unix.SCM_TIMESTAMPING {
			return (*unix.Timespec)(unsafe.Pointer(&rest[space])).Nano()
		}
		step := (int(h.Len) + 7) &^ 7
		if step < space || step > len(rest) {
			return 0
		}
		rest = rest[step:]
	}
	return 0
}
