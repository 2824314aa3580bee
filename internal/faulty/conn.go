package faulty

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"
)

// A conn is one accepted conn. One goroutine has it.
type conn struct {
	*serving
	number int
	raw    wire
	nc     net.Conn // raw, or TLS over it
	r      *bufio.Reader
	room   int  // how many bytes r may take from nc at once; 0: as many as it likes
	owed   bool // a byte of the last request was left unread
}

// A wire is the conn below TLS. It counts what was written to it.
type wire struct {
	net.Conn
	written uint64
}

func (w *wire) Write(p []byte) (int, error) {
	n, err := w.Conn.Write(p)
	w.written += uint64(n)
	return n, err
}

func newConn(v *serving, nc net.Conn, number int) *conn {
	c := &conn{serving: v, number: number, raw: wire{Conn: nc}}
	c.nc = &c.raw
	c.r = bufio.NewReaderSize(c, 1<<10)
	return c
}

// Read is where r reads.
func (c *conn) Read(p []byte) (int, error) {
	if c.room > 0 && len(p) > c.room {
		p = p[:c.room]
	}
	return c.nc.Read(p)
}

// serve is the life of the conn. It is closed thereafter.
func (c *conn) serve() {
	f := c.ask(-1)
	if acts[f].when == accepting {
		c.commit(f)
		return
	}
	if c.TLS != nil && !c.shake(f) {
		return
	}
	for request := 0; ; request++ {
		if acts[f].when == idling && !c.whileIdle(f) {
			return
		}
		if c.await() != nil {
			return
		}
		f = c.ask(request)
		head, err := c.read(c.leavesByte(f))
		if err != nil {
			return
		}
		c.requests.Add(1)
		if !c.answer(f, head) {
			return
		}
	}
}

// ask asks for the fault at a request.
func (c *conn) ask(request int) Fault {
	if c.Fault == nil {
		return None
	}
	f := c.Fault(c.number, request)
	if err := f.Possible(c.network, c.TLS != nil, request); err != nil {
		panic(fmt.Sprintf("faulty: conn %d, request %d: %v", c.number, request, err))
	}
	return f
}

// shake does the TLS handshake, or f in its place; false: there is no conn any more.
func (c *conn) shake(f Fault) bool {
	if acts[f].when == shaking {
		if c.hello(c.leavesByte(f)) == nil {
			c.commit(f)
		}
		return false
	}
	t := tls.Server(&c.raw, c.TLS)
	c.nc = t
	return t.Handshake() == nil
}

// hello reads the record that holds the client's hello, RFC 8446 §5.1; all but a byte of it is left unread if there is
// to be something unread.
func (c *conn) hello(leaveBytes bool) error {
	var header [5]byte
	if leaveBytes {
		_, err := io.ReadFull(&c.raw, header[:1])
		return err
	}
	if _, err := io.ReadFull(&c.raw, header[:]); err != nil {
		return err
	}
	_, err := io.CopyN(io.Discard, &c.raw, int64(header[3])<<8|int64(header[4]))
	return err
}

// answer answers a request, properly unless f says otherwise; false: there is no conn any more.
func (c *conn) answer(f Fault, head bool) bool {
	if acts[f].when == answering {
		if method := acts[f].method; method != "" && head != (method == "HEAD") {
			panic(fmt.Sprintf("faulty: conn %d: %q is for requests %s, got HEAD: %t", c.number, f, method, head))
		}
		return c.commit(f)
	}
	response := c.whole
	if head {
		response = c.head
	}
	_, err := c.nc.Write(response)
	return err == nil
}

// whileIdle does f once the conn was idle for long enough; false: there is no conn any more.
func (c *conn) whileIdle(f Fault) bool {
	if c.Idle > 0 {
		switch idle, err := c.restsFor(c.Idle); {
		case err != nil:
			return false
		case !idle:
			return true
		}
	}
	return c.commit(f)
}

// restsFor waits for d and reports whether the client sent nothing in it; err: it is gone, or the server closed.
func (c *conn) restsFor(d time.Duration) (idle bool, err error) {
	if c.owed {
		return c.restsOwing(d)
	}
	if err := c.nc.SetReadDeadline(time.Now().Add(d)); err != nil {
		return false, err
	}
	if err = c.await(); errors.Is(err, os.ErrDeadlineExceeded) {
		return true, c.nc.SetReadDeadline(time.Time{})
	}
	return false, errors.Join(err, c.nc.SetReadDeadline(time.Time{}))
}

// restsOwing is restsFor where no more may be read: it looks at the socket from time to time.
func (c *conn) restsOwing(d time.Duration) (idle bool, err error) {
	for end := time.Now().Add(d); ; {
		left := time.Until(end)
		if left > 0 && !c.pause(min(left, longestLook)) {
			return false, net.ErrClosed
		}
		if lone, err := loneByte(c.raw.Conn); !lone || err != nil || left <= 0 {
			return lone, err
		}
	}
}

// commit carries f out; false: there is no conn any more. It is counted first, so that who sees it finds it counted.
func (c *conn) commit(f Fault) bool {
	a := &acts[f]
	c.injected[f].Add(1)
	if n, err := io.WriteString(c.nc, a.answer); n == 0 && err != nil {
		c.injected[f].Add(-1)
		return false
	}
	if a.apart != "" {
		c.delivered(wasRead)
		if _, err := io.WriteString(c.nc, a.apart); err != nil {
			c.injected[f].Add(-1)
			return false
		}
	}
	switch a.then {
	case serveOn:
		return true
	case end:
		c.nc.Close()
	case reset:
		c.reset()
	case halfClose:
		c.halfClose()
		c.silence()
	case silence:
		c.silence()
	case drip:
		for c.pause(dripPause) {
			if _, err := c.nc.Write([]byte("x")); err != nil {
				break
			}
		}
	}
	return false
}

const dripPause = 5 * time.Millisecond

// reset tears the conn down below TLS. A unix socket does not linger: it has a byte unread. See leavesByte.
func (c *conn) reset() {
	c.delivered(arrived)
	if l, ok := c.raw.Conn.(interface{ SetLinger(sec int) error }); ok {
		l.SetLinger(0)
	}
	c.raw.Close()
}

// halfClose shuts our direction down, that of the socket too where there is TLS above.
func (c *conn) halfClose() {
	type closer interface{ CloseWrite() error }
	if t, ok := c.nc.(*tls.Conn); ok {
		t.CloseWrite()
	}
	c.raw.Conn.(closer).CloseWrite()
}

// silence reads, and does nothing else, until the client goes or the server is closed.
func (c *conn) silence() {
	for {
		if _, err := c.r.Peek(1); err != nil {
			return
		}
		c.r.Discard(c.r.Buffered())
	}
}
