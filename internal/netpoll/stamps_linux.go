package netpoll

import (
	"net"
	"sync"
	"time"
)

// Stamps reports whether this kernel stamps the segments that arrive over loopback TCP. It tries once per process: some
// sandboxes take the option and do nothing.
var Stamps = sync.OnceValue(func() bool {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return false
	}
	defer l.Close()
	fd, _, err := Connect(TCPEndpoint(l.Addr().(*net.TCPAddr).AddrPort()), nil, true)
	if err != nil {
		return false
	}
	defer Close(fd)
	nc, err := l.Accept()
	if err != nil {
		return false
	}
	defer nc.Close()
	// The kernel begins to stamp a moment after the first socket asks for it.
	r := NewReceiver(16)
	for range 20 {
		if _, err := nc.Write([]byte{1}); err != nil {
			return false
		}
		for range 1000 {
			if _, stamp, _, again, err := r.Read(fd); stamp != 0 {
				return true
			} else if err != nil {
				return false
			} else if !again {
				break
			}
			time.Sleep(10 * time.Microsecond)
		}
		time.Sleep(time.Millisecond)
	}
	return false
})
