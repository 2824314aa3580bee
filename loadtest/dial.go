package loadtest

import (
	"context"
	"errors"
	"net"
	"runtime"

	"example.com/holdfast/internal/dialer"
	"example.com/holdfast/internal/engine"
)

// dialOf returns how the blocking driver opens conns; nil means that the epoll driver can reach the target by itself.
func dialOf(c Config, loc location, target engine.Target) dialer.Func {
	open := openerOf(c, loc, target)
	if c.TLS != nil {
		return dialer.TLS(open, c.TLS)
	}
	network := c.network()
	if runtime.GOOS == "linux" && (network == networkTCP || network == networkUnix) {
		return nil
	}
	return open
}

// openerOf returns how to open the transport, without TLS.
func openerOf(c Config, loc location, target engine.Target) dialer.Func {
	switch c.network() {
	case networkDialer:
		return customDialer(c.DialContext, loc.address())
	case networkMemory:
		dial := c.Server.target().dial
		return func(ctx context.Context, _ int) (net.Conn, error) { return dial(ctx) }
	}
	return dialer.To(target, nil)
}

var errNoConn = errors.New("Config.DialContext returned neither a conn nor an error")

func customDialer(dial func(context.Context, string, string) (net.Conn, error), addr string) dialer.Func {
	return func(ctx context.Context, _ int) (net.Conn, error) {
		c, err := dial(ctx, "tcp", addr)
		if c == nil && err == nil {
			err = errNoConn
		}
		return c, err
	}
}
