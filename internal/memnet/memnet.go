// Package memnet is the network "memory": a listener and its conns inside one process, buffered and with deadlines,
// that behave as TCP over loopback does, without descriptors, ports or system calls.
//
// A [Listener] stands for one address. [Listener.Dial] makes a pair of conns and queues the server's end for Accept;
// the pair is established from then on, accepted or not. Each end has a receive window of 64 KB: Write returns when
// the bytes are in the other end's window, and blocks while it is full. Windows are borrowed when there are bytes to
// hold and given back when those are read, so that an idle conn holds none; no conn has a goroutine.
//
// # Fake time
//
// Everything here works inside a testing/synctest bubble, where deadlines are exact to the virtual nanosecond: every
// wait is on a sync.Cond or a channel, every deadline is a time.Timer, and no mutex is held across a wait. Make the
// listener inside the bubble that uses it, and use it and its conns there only.
//
// # Where it departs from Linux TCP
//
//   - Write to a conn whose peer has closed fails at once with EPIPE. TCP takes the first such write, and learns of its
//     mistake from the RST that comes back.
//   - ECONNRESET stays: every Read and Write after a reset reports it. TCP reports it once, then EOF and EPIPE.
//   - SetLinger(0) and Close take back also what the peer has received and not read. Linux lets the peer read it first.
//   - Close never blocks: SetLinger with a positive time is the same as the default.
package memnet

import (
	"fmt"
	"net"
)

// network is what Addr.Network returns, and the word in every error.
const network = "memory"

// addr is a net.Addr. Methods are on the pointer, which points into a Listener or a pair: an Addr allocates nothing.
type addr struct {
	dial uint64 // the number of the Dial that made the client's end, from 1; 0: the listener
}

var _ net.Addr = (*addr)(nil)

func (a *addr) Network() string { return network }

// String is "memory:server" for a listener and for all its accepted conns, as they share one address in TCP too, and
// "memory:client-17" for the client's end of the listener's 17th Dial.
func (a *addr) String() string {
	if a.dial == 0 {
		return network + ":server"
	}
	return fmt.Sprintf("%s:client-%d", network, a.dial)
}
