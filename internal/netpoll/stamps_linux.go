package netpoll

import (
	"net"
	"sync/atomic"
	"time"
)

// noStamps is set once the kernel was found to give none: some sandboxes take the option and do nothing.
var noStamps atomic.Bool

// stampPatience is how long the kernel may take to begin: it does so from a work queue, which waits on a busy machine.
const stampPatience = 250 * time.Millisecond

// StartStamps makes the kernel stamp the TCP segments that arrive at sockets connected with stamps, and reports whether
// it does. It stamps as long as one socket asks for it: ours does until stop is called, so that the first responses of a
// run are stamped like all others.
func StartStamps() (stop func(), ok bool) {
	if noStamps.Load() {
		return func() {}, false
	}
	fd, peer, err := loopbackPair()
	if err != nil {
		return func() {}, false
	}
	stop = func() {
		Abort(fd)
		peer.Close()
	}
	if stamped(fd, peer) {
		return stop, true
	}
	noStamps.Store(true)
	stop()
	return func() {}, false
}

// loopbackPair returns the two ends of a connection; fd's asks for stamps.
func loopbackPair() (fd int, peer net.Conn, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return -1, nil, err
	}
	defer l.Close()
	if fd, _, err = Connect(TCPEndpoint(l.Addr().(*net.TCPAddr).AddrPort()), nil, true); err != nil {
		return -1, nil, err
	}
	if peer, err = l.Accept(); err != nil {
		Close(fd)
		return -1, nil, err
	}
	return fd, peer, nil
}

// stamped sends bytes until one arrives with a stamp.
func stamped(fd int, peer net.Conn) bool {
	r := NewReceiver(16)
	for end := time.Now().Add(stampPatience); time.Now().Before(end); time.Sleep(100 * time.Microsecond) {
		if _, err := peer.Write([]byte{1}); err != nil {
			return false
		}
		if _, stamp, _, again, err := r.Read(fd); stamp != 0 {
			return true
		} else if err != nil && !again {
			return false
		}
	}
	return false
}
