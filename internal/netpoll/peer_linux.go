package netpoll

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// An Asker asks about peers. Its zero value is ready; it is not for several goroutines at once.
//
// Note: with a netlink socket for each question a server that ended with ten thousand conns held up the loop for 0.3 s
// (2026-11).
type Asker struct{ netlink *int }

// Close releases what it asks with.
func (a *Asker) Close() {
	if a.netlink != nil {
		unix.Close(*a.netlink)
		a.netlink = nil
	}
}

// Of asks about the other end of a socket whose stream has ended.
func (a *Asker) Of(fd int) (p Peer) {
	local, err := unix.Getsockname(fd)
	if err != nil {
		return p
	}
	if _, ok := local.(*unix.SockaddrUnix); ok {
		// Both directions are over when the other socket is closed, one when it was shut down for writing.
		p.HalfClosed = !hungUp(fd)
		return p
	}
	// What follows a FIN is acknowledged by nobody: the FIN's own acknowledgement covers all that had arrived before it.
	p.Unacknowledged, _ = unix.IoctlGetInt(fd, unix.SIOCOUTQ)
	if remote, err := unix.Getpeername(fd); err == nil {
		p.HalfClosed = a.ownedAfterFin(remote, local)
	}
	return p
}

func hungUp(fd int) bool {
	fds := []unix.PollFd{{Fd: int32(fd)}}
	err := error(unix.EINTR)
	for err == unix.EINTR { // by the runtime's own signals
		_, err = unix.Poll(fds, 0)
	}
	return err != nil || fds[0].Revents&(unix.POLLHUP|unix.POLLERR) != 0
}

// Layout of struct inet_diag_req_v2 behind its header, and of struct inet_diag_msg (linux/inet_diag.h).
const (
	diagRequestSize = unix.SizeofNlMsghdr + 56
	diagFamily      = unix.SizeofNlMsghdr
	diagProtocol    = unix.SizeofNlMsghdr + 1
	diagStates      = unix.SizeofNlMsghdr + 4
	diagSockID      = unix.SizeofNlMsghdr + 8
	diagCookie      = diagSockID + 40

	diagState = unix.SizeofNlMsghdr + 1
	diagInode = unix.SizeofNlMsghdr + 68

	finWait1, finWait2 = 4, 5 // enum of net/tcp_states.h
)

// ownedAfterFin reports whether the TCP socket of this machine that has address at and peer to has sent its FIN and still
// belongs to a process: then it was shut down for writing, not closed. The kernel tells by sock_diag(7), one look-up by
// the conn's four numbers; where it does not, the answer is no.
func (a *Asker) ownedAfterFin(at, to unix.Sockaddr) bool {
	var request [diagRequestSize]byte
	order := binary.NativeEndian
	order.PutUint32(request[0:], diagRequestSize)
	order.PutUint16(request[4:], unix.SOCK_DIAG_BY_FAMILY)
	order.PutUint16(request[6:], unix.NLM_F_REQUEST)
	request[diagProtocol] = unix.IPPROTO_TCP
	order.PutUint32(request[diagStates:], ^uint32(0))
	order.PutUint64(request[diagCookie:], ^uint64(0)) // any
	family, ok := putAddress(request[diagSockID:], at, 0)
	if !ok {
		return false
	}
	request[diagFamily] = family
	putAddress(request[diagSockID:], to, 1)

	var answer [512]byte
	n, err := a.ask(request[:], answer[:])
	if err != nil || n < diagInode+4 || order.Uint16(answer[4:]) != unix.SOCK_DIAG_BY_FAMILY {
		return false
	}
	state := answer[diagState]
	return (state == finWait1 || state == finWait2) && order.Uint32(answer[diagInode:]) != 0
}

// ask sends a request to the kernel, which has answered when that returns.
func (a *Asker) ask(request, answer []byte) (n int, err error) {
	if a.netlink == nil {
		fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
		if err != nil {
			return 0, err
		}
		a.netlink = &fd
	}
	if err := unix.Sendto(*a.netlink, request, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return 0, err
	}
	n, _, err = unix.Recvfrom(*a.netlink, answer, unix.MSG_DONTWAIT)
	return n, err
}

// putAddress writes an address into struct inet_diag_sockid: ports in network order, then 16 bytes for each address; the
// source is number 0, the destination 1.
func putAddress(id []byte, a unix.Sockaddr, number int) (family byte, ok bool) {
	port, ip := id[2*number:], id[4+16*number:]
	switch a := a.(type) {
	case *unix.SockaddrInet4:
		binary.BigEndian.PutUint16(port, uint16(a.Port))
		copy(ip, a.Addr[:])
		return unix.AF_INET, true
	case *unix.SockaddrInet6:
		binary.BigEndian.PutUint16(port, uint16(a.Port))
		copy(ip, a.Addr[:])
		return unix.AF_INET6, true
	}
	return 0, false
}
