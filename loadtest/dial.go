package loadtest

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"runtime"
	"sync/atomic"
	"time"

	"example.com/holdfast/internal/engine"
	"example.com/holdfast/internal/netpoll"
)

// A dialFunc opens the conn of a slot. Its context ends with the connect timeout.
type dialFunc func(ctx context.Context, slot int) (net.Conn, error)

// dialOf returns how the blocking driver opens conns; nil means that the epoll driver can reach the target by itself.
func dialOf(c Config, loc location, target engine.Target) dialFunc {
	open := openerOf(c, loc, target)
	if c.TLS != nil {
		return overTLS(open, c.TLS)
	}
	network := c.network()
	if runtime.GOOS == "linux" && (network == networkTCP || network == networkUnix) {
		return nil
	}
	return open
}

// openerOf returns how to open the transport, without TLS.
func openerOf(c Config, loc location, target engine.Target) dialFunc {
	switch c.network() {
	case networkDialer:
		return customDialer(c.DialContext, loc.address())
	case networkMemory:
		dial := c.Server.target().dial
		return func(ctx context.Context, _ int) (net.Conn, error) { return dial(ctx) }
	case networkUnix:
		var d net.Dialer
		return func(ctx context.Context, _ int) (net.Conn, error) { return d.DialContext(ctx, "unix", target.Unix) }
	}
	return (&tcpDialer{addrs: target.Addrs, local: target.Local}).dial
}

var errNoConn = errors.New("Config.DialContext returned neither a conn nor an error")

func customDialer(dial func(context.Context, string, string) (net.Conn, error), addr string) dialFunc {
	return func(ctx context.Context, _ int) (net.Conn, error) {
		c, err := dial(ctx, "tcp", addr)
		if c == nil && err == nil {
			err = errNoConn
		}
		return c, err
	}
}

// overTLS does the handshake on top of what open returns.
func overTLS(open dialFunc, config *tls.Config) dialFunc {
	return func(ctx context.Context, slot int) (net.Conn, error) {
		raw, err := open(ctx, slot)
		if err != nil {
			return nil, err
		}
		c := tls.Client(raw, config)
		if err := c.HandshakeContext(ctx); err != nil {
			raw.Close()
			return nil, &engine.HandshakeError{Err: err}
		}
		return c, nil
	}
}

// A tcpDialer opens TCP conns. It tries the addresses in order until one has accepted; all later slots use that.
type tcpDialer struct {
	addrs  []netip.AddrPort
	local  []netip.Addr
	chosen atomic.Pointer[netip.AddrPort]
}

func (d *tcpDialer) dial(ctx context.Context, slot int) (net.Conn, error) {
	if addr := d.chosen.Load(); addr != nil {
		return d.dialOne(ctx, slot, *addr)
	}
	var errs []error
	for i, addr := range d.addrs {
		c, err := d.dialShare(ctx, slot, addr, len(d.addrs)-i)
		if err == nil {
			d.chosen.CompareAndSwap(nil, &addr)
			return c, nil
		}
		errs = append(errs, err)
		if ctx.Err() != nil {
			break
		}
	}
	return nil, errors.Join(errs...)
}

// dialShare gives one of the left addresses its share of the time that is left, so that one which swallows packets
// leaves some for the next.
func (d *tcpDialer) dialShare(ctx context.Context, slot int, addr netip.AddrPort, left int) (net.Conn, error) {
	deadline, ok := ctx.Deadline()
	if !ok || left == 1 {
		return d.dialOne(ctx, slot, addr)
	}
	ctx, cancel := context.WithTimeout(ctx, time.Until(deadline)/time.Duration(left))
	defer cancel()
	return d.dialOne(ctx, slot, addr)
}

func (d *tcpDialer) dialOne(ctx context.Context, slot int, addr netip.AddrPort) (net.Conn, error) {
	// TCP keep-alives would send packets on conns whose idleness is the subject.
	dialer := net.Dialer{KeepAlive: -1}
	if len(d.local) > 0 {
		from := netip.AddrPortFrom(d.local[slot%len(d.local)], 0)
		dialer.LocalAddr = net.TCPAddrFromAddrPort(from)
		dialer.Control = netpoll.DelayPort
	}
	return dialer.DialContext(ctx, "tcp", addr.String())
}
