package dialer

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/holdfast/internal/engine"
	"example.com/holdfast/internal/faulty"
)

// accepting returns the address of a listener, and one of the same machine where nobody listens.
func accepting(t *testing.T) (listening, refused netip.AddrPort) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { ln.Close() })
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, closed.Close())
	return netip.MustParseAddrPort(ln.Addr().String()), netip.MustParseAddrPort(closed.Addr().String())
}

func TestTCPKeepsTheFirstAddressThatAccepts(t *testing.T) {
	listening, refused := accepting(t)
	d := tcp{addrs: []netip.AddrPort{refused, listening, refused}}
	for slot := range 3 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		c, err := d.dial(ctx, slot)
		require.NoError(t, err)
		require.NoError(t, c.Close())
		require.Equal(t, listening.String(), c.RemoteAddr().String())
		require.Equal(t, listening, *d.chosen.Load())
	}
}

func TestTCPNamesEveryAddressThatRefused(t *testing.T) {
	_, one := accepting(t)
	_, two := accepting(t)
	d := tcp{addrs: []netip.AddrPort{one, two}}
	_, err := d.dial(t.Context(), 0)
	require.ErrorContains(t, err, one.String())
	require.ErrorContains(t, err, two.String())
	require.Nil(t, d.chosen.Load())
}

// A closeCounter counts Close.
type closeCounter struct {
	net.Conn
	closed int
}

func (c *closeCounter) Close() error { c.closed++; return c.Conn.Close() }

func TestHandshakeFailureIsToldFromTheConnect(t *testing.T) {
	ln, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{faulty.Certificate()}})
	require.NoError(t, err)
	defer ln.Close()
	go func() {
		if nc, err := ln.Accept(); err == nil {
			_ = nc.(*tls.Conn).Handshake()
			nc.Close()
		}
	}()
	raw := &closeCounter{}
	open := func(ctx context.Context, _ int) (_ net.Conn, err error) {
		raw.Conn, err = new(net.Dialer).DialContext(ctx, "tcp", ln.Addr().String())
		return raw, err
	}
	_, err = TLS(open, &tls.Config{ServerName: "127.0.0.1", RootCAs: x509.NewCertPool()})(t.Context(), 0)
	var failed *engine.HandshakeError
	require.ErrorAs(t, err, &failed)
	require.ErrorAs(t, failed.Err, new(*tls.CertificateVerificationError))
	require.Equal(t, 1, raw.closed)

	_, refused := accepting(t)
	d := tcp{addrs: []netip.AddrPort{refused}}
	_, err = TLS(d.dial, &tls.Config{})(t.Context(), 0)
	require.Error(t, err)
	require.NotErrorAs(t, err, new(*engine.HandshakeError))
}
