// Package dialer opens conns for the blocking driver of the engine: by TCP, unix sockets, and TLS on top of either, in the
// process of the tests and in generator children alike.
package dialer

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"example.com/holdfast/internal/engine"
	"example.com/holdfast/internal/netpoll"
)

// A Func opens the conn of a slot. Its context ends with the connect timeout.
type Func func(ctx context.Context, slot int) (net.Conn, error)

// To returns how to reach target, with TLS if config is not nil.
func To(target engine.Target, config *tls.Config) Func {
	open := TCP(target.Addrs, target.Local)
	if target.Unix != "" {
		open = Unix(target.Unix)
	}
	if config != nil {
		open = TLS(open, config)
	}
	return open
}

// Handshake opens one conn to target and returns what its handshake agreed on.
func Handshake(ctx context.Context, target engine.Target, config *tls.Config) (net.Conn, tls.ConnectionState, error) {
	nc, err := To(target, config)(ctx, 0)
	if err != nil {
		return nil, tls.ConnectionState{}, err
	}
	return nc, nc.(*tls.Conn).ConnectionState(), nil
}

// TLS does the handshake on top of what open returns.
func TLS(open Func, config *tls.Config) Func {
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

// Unix opens conns to the unix socket at path.
func Unix(path string) Func {
	var d net.Dialer
	return func(ctx context.Context, _ int) (net.Conn, error) { return d.DialContext(ctx, "unix", path) }
}

// TCP opens conns to addrs, from the addresses of local in turn if there are any. It tries addrs in order until one has
// accepted; all later slots use that.
func TCP(addrs []netip.AddrPort, local []netip.Addr) Func {
	return (&tcp{addrs: addrs, local: local}).dial
}

type tcp struct {
	addrs  []netip.AddrPort
	local  []netip.Addr
	chosen atomic.Pointer[netip.AddrPort]
}

func (d *tcp) dial(ctx context.Context, slot int) (net.Conn, error) {
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
func (d *tcp) dialShare(ctx context.Context, slot int, addr netip.AddrPort, left int) (net.Conn, error) {
	deadline, ok := ctx.Deadline()
	if !ok || left == 1 {
		return d.dialOne(ctx, slot, addr)
	}
	ctx, cancel := context.WithTimeout(ctx, time.Until(deadline)/time.Duration(left))
	defer cancel()
	return d.dialOne(ctx, slot, addr)
}

func (d *tcp) dialOne(ctx context.Context, slot int, addr netip.AddrPort) (net.Conn, error) {
	// TCP keep-alives would send packets on conns whose idleness is the subject.
	dialer := net.Dialer{KeepAlive: -1}
	if len(d.local) > 0 {
		from := netip.AddrPortFrom(d.local[slot%len(d.local)], 0)
		dialer.LocalAddr = net.TCPAddrFromAddrPort(from)
		dialer.Control = netpoll.DelayPort
	}
	return dialer.DialContext(ctx, "tcp", addr.String())
}
