package engine

import (
	"time"

	"example.com/holdfast/internal/netpoll"
)

// Of several addresses of a host the first that accepts is used for all conns.

func (r *epollRun) addressInUse() uint8 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.address
}

// giveUp returns until when a pending attempt waits for its address: while none has accepted, each that is left gets an
// equal share of the time.
func (r *epollRun) giveUp(c *conn, now time.Duration) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	end := c.sent + r.plan.ConnectTimeout
	if r.accepted {
		return end
	}
	return now + (end-now)/time.Duration(len(r.endpoints)-int(c.addr))
}

// accept notes that an address has accepted a connection: it is used for all from now on.
func (r *epollRun) accept(address uint8) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.accepted {
		r.address, r.accepted = address, true
	}
}

// nextAddress reports whether an attempt that failed at an address is worth another at the one now in use.
func (r *epollRun) nextAddress(failed uint8) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if failed < r.address || r.accepted && failed != r.address {
		return true
	}
	if r.accepted || int(failed)+1 >= len(r.endpoints) {
		return false
	}
	r.address = failed + 1
	return true
}

// connectFailed tries the host's next address, if none has accepted yet, and else gives the attempt up.
func (w *epollWorker) connectFailed(j uint32, err error) {
	c := &w.machine.conns[j]
	if c.fd >= 0 {
		netpoll.Close(int(c.fd))
		c.fd = -1
	}
	if w.run.nextAddress(c.addr) {
		w.connect(j)
		return
	}
	w.connecting--
	w.act(j, w.failed(j, w.run.clock.now(), causeOfConnect(err), err))
}
