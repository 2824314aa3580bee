package engine

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"example.com/holdfast/internal/leaktest"
)

// aimAt aims a plan at an address that is not a listener's, on the driver and the network of w.
func (w world) aimAt(p *Plan, addr netip.AddrPort, from netip.Addr) {
	if w.driver == "epoll" {
		if p.Target = (Target{Addrs: []netip.AddrPort{addr}}); from.IsValid() {
			p.Target.Local = []netip.Addr{from}
		}
		return
	}
	p.Dial = func(ctx context.Context, _ int) (net.Conn, error) {
		d := net.Dialer{}
		if from.IsValid() {
			d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0))
		}
		return d.DialContext(ctx, "tcp", addr.String())
	}
}

// TestConnectsThatCannotSucceed over TCP: nobody there, no route, no answer, no source address.
func TestConnectsThatCannotSucceed(t *testing.T) {
	loopback := netip.MustParseAddr("127.0.0.1")
	var free netip.AddrPort
	if l := listenTCP(t); l != nil {
		free = l.Addr().(*net.TCPAddr).AddrPort()
		l.Close()
	}
	tests := []struct {
		want  Cause
		errno string
		to    netip.AddrPort
		from  netip.Addr
	}{
		{ConnectRefused, "ECONNREFUSED", free, netip.Addr{}},
		// A broadcast address has no route for TCP; no packet leaves.
		{ConnectUnreachable, "ENETUNREACH", netip.MustParseAddrPort("127.255.255.255:80"), netip.Addr{}},
		{ConnectTimedOut, "", swallow(t), netip.Addr{}},
		// TEST-NET-1 (RFC 5737) is nobody's: the kernel says the same as when all ports of an address are taken.
		{LocalExhaustion, "EADDRNOTAVAIL", netip.AddrPortFrom(loopback, free.Port()), netip.MustParseAddr("192.0.2.1")},
	}
	for _, w := range worlds() {
		if w.network() != "tcp" || w.overTLS() {
			continue
		}
		for _, test := range tests {
			t.Run(w.name+"/"+test.want.String(), func(t *testing.T) {
				t.Parallel()
				const n = 7
				p := plan(n)
				p.ConnectTimeout = 500 * ms
				w.aimAt(&p, test.to, test.from)
				r := run(t, p)
				require.Equal(t, Conns{Requested: n, NeverEstablished: n, Attempts: n, ConnectFailed: n}, r.Conns)
				require.Len(t, r.Drops, 1)
				require.Equal(t, test.want, r.Drops[0].Cause, "%+v", r.Drops[0])
				require.Equal(t, test.errno, r.Drops[0].Errno)
				require.EqualValues(t, n, r.Drops[0].Count)
			})
		}
	}
}

// TestDescriptorsRunOut: the conns that get one are established, those that do not are the generator's loss. The
// server's ends wait in the accept queue, where they need none, and are the witness.
func TestDescriptorsRunOut(t *testing.T) { // not beside others: the limit is everybody's
	for _, w := range worlds() {
		if w.network() == "memory" || w.overTLS() {
			continue
		}
		t.Run(w.name, func(t *testing.T) {
			const n = 20
			p := plan(n)
			p.Cadence, p.Ramp, p.ResponseTimeout = Cadence{}, Ramp{Conns: n}, 200*ms
			l := w.listen(t)
			defer l.Close()
			w.aim(&p, l)
			var was unix.Rlimit
			require.NoError(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &was))
			least := was
			least.Cur = uint64(len(leaktest.Descriptors()) + n/2)
			require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &least))
			r, err := Run(t.Context(), p)
			require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &was))
			require.NoError(t, err)
			requireLawful(t, r)
			up := queued(t, l)
			require.Positive(t, up)
			require.Less(t, up, int64(n))
			require.Equal(t, Conns{Requested: n, NeverEstablished: n - up, EverEstablished: up, Attempts: n, Connected: up,
				ConnectFailed: n - up, Dropped: up}, r.Conns, "%+v", r.Drops)
			require.Len(t, r.Drops, 2)
			for _, d := range r.Drops {
				if d.Cause != ResponseTimedOut {
					require.Equal(t, LocalExhaustion, d.Cause)
					require.Equal(t, "EMFILE", d.Errno)
					require.Equal(t, n-up, d.Count)
					require.True(t, d.Cause.ByGenerator())
				}
			}
		})
	}
}

// queued returns how many conns wait to be accepted.
func queued(t *testing.T, l net.Listener) (conns int64) {
	for ; ; conns++ {
		require.NoError(t, l.(interface{ SetDeadline(time.Time) error }).SetDeadline(time.Now().Add(100*ms)))
		nc, err := l.Accept()
		if err != nil {
			require.True(t, isTimeout(err), "%v", err)
			return conns
		}
		nc.Close()
	}
}

// TestTLSThatCannotSucceed, for the client's reasons and for the server's.
func TestTLSThatCannotSucceed(t *testing.T) {
	t.Parallel()
	const n = 6
	serverWants := func(change func(*tls.Config)) *tls.Config {
		c := &tls.Config{Certificates: []tls.Certificate{certificate()}}
		change(c)
		return c
	}
	tests := []struct {
		want   Cause
		server *tls.Config
		client *tls.Config
	}{
		{TLSCertificate, serverWants(func(*tls.Config) {}), &tls.Config{ServerName: "localhost"}},
		{TLSFailed, serverWants(func(*tls.Config) {}), &tls.Config{}}, // neither a name to verify nor the will not to
		{TLSAlert, serverWants(func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }),
			&tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS13}},
		{TLSAlert, serverWants(func(c *tls.Config) { c.NextProtos = []string{"acme-tls/1"} }),
			&tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}}},
		// In TLS 1.3 the client is done before the server has seen that there is no certificate.
		{TLSBroken, serverWants(func(c *tls.Config) { c.ClientAuth = tls.RequireAnyClientCert }),
			&tls.Config{InsecureSkipVerify: true}},
	}
	for _, test := range tests {
		t.Run(test.want.String(), func(t *testing.T) {
			t.Parallel()
			w := world{driver: "blocking", listen: func(t *testing.T) net.Listener {
				return tls.NewListener(listenTCP(t), test.server)
			}}
			p := plan(n)
			p.Cadence = Cadence{Kind: Every, Min: 24 * time.Hour} // nothing is sent into a conn that is about to break
			l := w.serve(t, answer(ok))
			p.Dial = func(ctx context.Context, _ int) (net.Conn, error) { return clientOf(ctx, l, test.client) }
			r := run(t, p)
			require.Zero(t, r.Conns.Served)
			require.Len(t, r.Drops, 1)
			require.Equal(t, test.want, r.Drops[0].Cause, "%+v", r.Drops[0])
			require.EqualValues(t, n, r.Drops[0].Count)
		})
	}
}

func clientOf(ctx context.Context, l net.Listener, config *tls.Config) (net.Conn, error) {
	nc, err := (&net.Dialer{}).DialContext(ctx, "tcp", l.Addr().String())
	if err != nil {
		return nil, err
	}
	c := tls.Client(nc, config)
	if err := c.HandshakeContext(ctx); err != nil {
		nc.Close()
		return nil, &HandshakeError{err}
	}
	return c, nil
}

// A brokenConn fails to write, as it is told.
type brokenConn struct {
	net.Conn
	err error
}

func (c brokenConn) Write([]byte) (int, error) { return 0, &net.OpError{Op: "write", Err: c.err} }

// TestWritesThatFail of this host's own weakness, or for a reason that nobody knows.
func TestWritesThatFail(t *testing.T) {
	t.Parallel()
	for want, err := range map[Cause]error{
		OpenExhaustion: syscall.ENOBUFS, TransportError: errors.New("the cable was cut"), ResetBeforeFirst: syscall.ECONNRESET,
	} {
		t.Run(want.String(), func(t *testing.T) {
			t.Parallel()
			p := plan(4)
			wrapped(t, &p, answer(ok), func(nc net.Conn) net.Conn { return brokenConn{nc, err} })
			r := run(t, p)
			require.Len(t, r.Drops, 1)
			require.Equal(t, want, r.Drops[0].Cause)
			require.EqualValues(t, 4, r.Drops[0].Count)
			require.Equal(t, Requests{Due: 4, Unsent: 4}, r.Requests)
		})
	}
}

// TestCausesHaveNames: each its own, in lower case but for the names of protocols, and what it says is parsed back.
func TestCausesHaveNames(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range Causes() {
		require.NotEmpty(t, c.String())
		require.False(t, seen[c.String()], c)
		seen[c.String()] = true
		require.Equal(t, c, ParseCause(c.String()))
		require.NotEqual(t, NoFate, c.Fate(), c)
		require.False(t, strings.HasSuffix(c.String(), "."))
	}
	require.Equal(t, CauseNone, ParseCause("bad luck"))
}
