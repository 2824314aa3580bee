package faulty

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/holdfast/internal/leaktest"
	"example.com/holdfast/internal/memnet"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// A world is a way for a client to reach a server.
type world struct {
	network string
	overTLS bool
}

func (w world) String() string {
	if w.overTLS {
		return w.network + "+tls"
	}
	return w.network
}

var worlds = []world{
	{"tcp", false}, {"tcp", true}, {"unix", false}, {"unix", true}, {"memory", false}, {"memory", true},
}

// each runs a test in every world.
func each(t *testing.T, test func(t *testing.T, w world)) {
	for _, w := range worlds {
		t.Run(w.String(), func(t *testing.T) {
			t.Parallel()
			test(t, w)
		})
	}
}

// A watched conn, as a counting listener's, embeds the conn that it is and tells when it is closed.
type (
	watch      struct{ closed chan<- struct{} }
	watchedTCP struct {
		*net.TCPConn
		watch
	}
	watchedUnix struct {
		*net.UnixConn
		watch
	}
	watchedMemory struct {
		*memnet.Conn
		watch
	}
	watchingListener struct {
		net.Listener
		watch
	}
)

func (w watch) saw(err error) error {
	if err == nil {
		w.closed <- struct{}{}
	}
	return err
}

func (c *watchedTCP) Close() error    { return c.saw(c.TCPConn.Close()) }
func (c *watchedUnix) Close() error   { return c.saw(c.UnixConn.Close()) }
func (c *watchedMemory) Close() error { return c.saw(c.Conn.Close()) }

func (l *watchingListener) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	switch nc := nc.(type) {
	case *net.TCPConn:
		return &watchedTCP{nc, l.watch}, nil
	case *net.UnixConn:
		return &watchedUnix{nc, l.watch}, nil
	default:
		return &watchedMemory{nc.(*memnet.Conn), l.watch}, nil
	}
}

// A service is a server that serves.
type service struct {
	*Server
	world
	listener net.Listener
	closed   chan struct{} // gets one for each conn that was closed
	returned chan error
}

// start serves until the test ends, and then demands that nothing is left.
func (w world) start(t *testing.T, s *Server) *service {
	var l net.Listener
	var err error
	switch w.network {
	case "tcp":
		l, err = net.Listen("tcp", "127.0.0.1:0")
	case "unix":
		l, err = net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	default:
		l = memnet.Listen()
	}
	require.NoError(t, err)
	if w.overTLS {
		s.TLS = &tls.Config{Certificates: []tls.Certificate{certificate()}}
	}
	v := &service{Server: s, world: w, listener: l, closed: make(chan struct{}, 10_000), returned: make(chan error, 1)}
	go func() { v.returned <- s.Serve(&watchingListener{l, watch{v.closed}}) }()
	t.Cleanup(func() {
		l.Close()
		require.ErrorIs(t, <-v.returned, net.ErrClosed)
	})
	return v
}

// dial returns the client's end of a conn, or why there is none.
func (v *service) dial(ctx context.Context) (net.Conn, error) {
	nc, err := v.connect(ctx)
	if err != nil {
		return nil, err
	}
	return v.secure(ctx, nc)
}

// connect opens a conn; the server accepts those of one goroutine in order.
func (v *service) connect(ctx context.Context) (net.Conn, error) {
	if l, ok := v.listener.(*memnet.Listener); ok {
		return l.Dial(ctx)
	}
	return (&net.Dialer{}).DialContext(ctx, v.network, v.listener.Addr().String())
}

// secure does the TLS handshake, where there is TLS.
func (v *service) secure(ctx context.Context, nc net.Conn) (net.Conn, error) {
	if !v.overTLS {
		return nc, nil
	}
	c := tls.Client(nc, &tls.Config{InsecureSkipVerify: true})
	if err := c.HandshakeContext(ctx); err != nil {
		nc.Close()
		return nil, err
	}
	return c, nil
}

var certificate = sync.OnceValue(func() tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
})
