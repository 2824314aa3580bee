package loadtest

import (
	"crypto/tls"
	"net"
	"net/http"

	"example.com/holdfast/internal/memnet"
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
		*memnet.Conn
		e entry
	}
)

// wrap takes what the listeners of the three networks accept.
func wrap(conn net.Conn) countedConn {
	switch conn := conn.(type) {
	case *net.TCPConn:
		return &tcpConn{conn, entry{conn: conn}}
	case *net.UnixConn:
		return &unixConn{conn, entry{conn: conn}}
	default:
		m := conn.(*memnet.Conn)
		return &memoryConn{m, entry{conn: m}}
	}
}

func (c *tcpConn) ledgerEntry() *entry    { return &c.e }
func (c *unixConn) ledgerEntry() *entry   { return &c.e }
func (c *memoryConn) ledgerEntry() *entry { return &c.e }

func (c *tcpConn) Close() error    { return c.e.close() }
func (c *unixConn) Close() error   { return c.e.close() }
func (c *memoryConn) Close() error { return c.e.close() }

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
