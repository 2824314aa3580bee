package loadtest

import (
	"crypto/tls"
	"net"
	"net/http"
)

// A countedConn is an accepted conn with its entry in the ledger. The wrappers embed the concrete conn, so that ReadFrom
// and WriteTo (sendfile, splice), SyscallConn, CloseWrite and the rest stay what they are; only Close is counted.
type countedConn interface {
	net.Conn
	ledgerEntry() *entry
}

type (
	tcpConn struct {
		*net.TCPConn
		e entry
	}
	unixConn struct {
		*net.UnixConn
		e entry
	}
	memoryConn struct {
		memoryMethods
		e entry
	}
	anyConn struct {
		net.Conn
		e entry
	}
)

// memoryMethods are the methods of a memnet conn.
type memoryMethods interface {
	net.Conn
	CloseWrite() error
	SetLinger(seconds int) error
}

func wrap(conn net.Conn) countedConn {
	switch conn := conn.(type) {
	case *net.TCPConn:
		return &tcpConn{conn, entry{conn: conn}}
	case *net.UnixConn:
		return &unixConn{conn, entry{conn: conn}}
	case memoryMethods:
		return &memoryConn{conn, entry{conn: conn}}
	default:
		return &anyConn{conn, entry{conn: conn}}
	}
}

func (c *tcpConn) ledgerEntry() *entry    { return &c.e }
func (c *unixConn) ledgerEntry() *entry   { return &c.e }
func (c *memoryConn) ledgerEntry() *entry { return &c.e }
func (c *anyConn) ledgerEntry() *entry    { return &c.e }

func (c *tcpConn) Close() error    { return c.e.close() }
func (c *unixConn) Close() error   { return c.e.close() }
func (c *memoryConn) Close() error { return c.e.close() }
func (c *anyConn) Close() error    { return c.e.close() }

// setState is the ConnState hook of the fixture's own http.Server. It runs twice per request, so it stores one word of
// the conn's own; who wants sums walks the ledger.
func setState(conn net.Conn, state http.ConnState) {
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn()
	}
	e := conn.(countedConn).ledgerEntry()
	e.state.Store(uint32(state))
	if state == http.StateClosed || state == http.StateHijacked {
		e.ledger.release(e)
	}
}
