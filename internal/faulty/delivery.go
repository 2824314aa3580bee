package faulty

import "time"

// A delivery is how far bytes have come.
type delivery uint8

const (
	arrived delivery = iota // at the client, who can read them: a reset does not take them back
	wasRead                 // by the client
)

const (
	// blindPause stands for what cannot be known.
	blindPause = 50 * time.Millisecond

	shortestLook = 50 * time.Microsecond
	longestLook  = 2 * time.Millisecond
)

// delivered waits until all that was written has come as far as wanted, the client is gone or the server closed.
func (c *conn) delivered(wanted delivery) {
	if c.raw.written == 0 {
		return
	}
	for wait := shortestLook; ; wait = min(2*wait, longestLook) {
		done, known := c.have(wanted)
		if !known {
			c.pause(blindPause)
			return
		}
		if done || !c.pause(wait) {
			return
		}
	}
}

// have reports whether what was written has come as far as wanted.
func (c *conn) have(wanted delivery) (done, known bool) {
	if m, ok := c.raw.Conn.(interface{ Unread() int }); ok {
		return m.Unread() == 0, true // in memory a reset does take back what was not read
	}
	return c.arrivals.have(c, wanted)
}
