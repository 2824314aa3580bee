package netpoll

import (
	"net"
	"syscall"
)

// A Peer says what the kernel knows of the other end of a conn whose stream has ended.
type Peer struct {
	// HalfClosed: it ended its direction of the stream, and its socket is still open. Known of a peer on this machine.
	HalfClosed bool

	// Unacknowledged is how many bytes of what was written last it did not take: none of them was there when it closed.
	Unacknowledged int
}

// OfConn is Of for a conn of package net, also below TLS. Of any other conn nothing is known.
func (a *Asker) OfConn(nc net.Conn) (p Peer) {
	if t, ok := nc.(interface{ NetConn() net.Conn }); ok {
		nc = t.NetConn()
	}
	s, ok := nc.(syscall.Conn)
	if !ok {
		return p
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return p
	}
	_ = raw.Control(func(fd uintptr) { p = a.Of(int(fd)) }) // it fails if the conn is closed: nothing is known then
	return p
}
