package engine

import (
	"bufio"
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/holdfast/internal/faulty"
	"example.com/holdfast/internal/memnet"
)

// A world is one way for a driver to reach a server.
type world struct {
	name   string
	driver string
	listen func(t *testing.T) net.Listener
	aim    func(p *Plan, l net.Listener)
}

// worlds returns each pair of driver and network that this platform has.
func worlds() []world {
	dial := func(network string) func(*Plan, net.Listener) {
		return func(p *Plan, l net.Listener) {
			p.Dial = func(ctx context.Context, _ int) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, network, l.Addr().String())
			}
		}
	}
	all := []world{
		{"blocking/tcp", "blocking", listenTCP, dial("tcp")},
		{"blocking/unix", "blocking", listenUnix, dial("unix")},
		{"blocking/tls", "blocking", listenTLS, dialTLS},
		{"blocking/memory", "blocking", listenMemory, dialMemory},
		{"blocking on one stack/memory", "blocking", listenMemory, func(p *Plan, l net.Listener) {
			p.OneStack = true
			dialMemory(p, l)
		}},
	}
	if runtime.GOOS == "linux" {
		all = append(all,
			world{"epoll/tcp", "epoll", listenTCP, func(p *Plan, l net.Listener) {
				p.Target = Target{Addrs: []netip.AddrPort{l.Addr().(*net.TCPAddr).AddrPort()}}
			}},
			world{"epoll/unix", "epoll", listenUnix, func(p *Plan, l net.Listener) {
				p.Target = Target{Unix: l.Addr().String()}
			}})
	}
	return all
}

func listenTCP(t *testing.T) net.Listener {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	return l
}

func listenUnix(t *testing.T) net.Listener {
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	require.NoError(t, err)
	return l
}

func listenMemory(*testing.T) net.Listener { return memnet.Listen() }

func listenTLS(t *testing.T) net.Listener {
	return tls.NewListener(listenTCP(t), &tls.Config{Certificates: []tls.Certificate{faulty.Certificate()}})
}

func dialTLS(p *Plan, l net.Listener) {
	p.Dial = func(ctx context.Context, _ int) (net.Conn, error) {
		nc, err := (&net.Dialer{}).DialContext(ctx, "tcp", l.Addr().String())
		if err != nil {
			return nil, err
		}
		// Post-quantum keys would take most of the time of a test.
		c := tls.Client(nc, &tls.Config{InsecureSkipVerify: true, CurvePreferences: []tls.CurveID{tls.X25519}})
		if err := c.HandshakeContext(ctx); err != nil {
			nc.Close()
			return nil, &HandshakeError{err}
		}
		return c, nil
	}
}

func dialMemory(p *Plan, l net.Listener) {
	p.Dial = func(ctx context.Context, _ int) (net.Conn, error) { return l.(*memnet.Listener).Dial(ctx) }
}

// A script is the life of a conn on the server's side: index counts accepted conns from 0. The conn is closed when it
// returns.
type script func(index int, nc net.Conn, r *bufio.Reader)

// serve plays script to each conn accepted, until the test ends.
func (w world) serve(t *testing.T, s script) net.Listener {
	l := w.listen(t)
	var wg sync.WaitGroup
	wg.Go(func() {
		for index := 0; ; index++ {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer nc.Close()
				s(index, nc, bufio.NewReader(nc))
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		wg.Wait()
	})
	return l
}

const (
	get  = "GET / HTTP/1.1\r\nHost: test\r\n\r\n"
	head = "HEAD / HTTP/1.1\r\nHost: test\r\n\r\n"
	ok   = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
)

// plan returns a plan for n conns that takes a fraction of a second.
func plan(n int) Plan {
	return Plan{
		Slots: n, Ramp: Ramp{Conns: 10, Every: time.Millisecond},
		Cadence: Cadence{Kind: Uniform, Min: 10 * time.Millisecond, Max: 60 * time.Millisecond},
		Hold:    200 * time.Millisecond, IdleTimeout: 400 * time.Millisecond,
		ConnectTimeout: 30 * time.Second, ResponseTimeout: 30 * time.Second,
		Request: []byte(get), WantLowest: 200, WantMost: 399,
		Seed: 1, Tick: time.Millisecond, Workers: 1, MaxConnecting: 64,
	}
}

// readRequest reads one request without body; false at the end of the stream.
func readRequest(r *bufio.Reader) bool {
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return false
		}
		if line == "\r\n" {
			return true
		}
	}
}

// answer answers every request with the same response.
func answer(response string) script {
	return func(_ int, nc net.Conn, r *bufio.Reader) {
		for readRequest(r) {
			if _, err := nc.Write([]byte(response)); err != nil {
				return
			}
		}
	}
}

// run carries out p and checks the laws. It takes no longer than any run here should.
func run(t *testing.T, p Plan) *Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r, err := Run(ctx, p)
	require.NoError(t, err)
	require.Equal(t, PhaseDrain, r.Ended)
	requireLawful(t, r)
	return r
}

func requireLawful(t *testing.T, r *Result) {
	t.Helper()
	c, q := r.Conns, r.Requests
	require.Equal(t, c.Requested, c.NotAttempted+c.NeverEstablished+c.EverEstablished, "slots: %+v", c)
	require.GreaterOrEqual(t, c.EverEstablished, c.Served, "%+v", c)
	require.GreaterOrEqual(t, c.Served, c.Held, "%+v", c)
	require.Equal(t, c.Attempts, c.Connected+c.ConnectFailed+c.ConnectAbandoned, "attempts: %+v", c)
	require.Equal(t, c.Connected, c.OpenAtEnd+c.Dropped, "conns: %+v", c)
	require.Equal(t, c.Attempts, c.Requested-c.NotAttempted+c.Reattempts, "attempts: %+v", c)
	require.GreaterOrEqual(t, c.Reattempts, c.Reopened, "%+v", c)
	require.GreaterOrEqual(t, c.Reopened, c.Recovered, "%+v", c)
	require.GreaterOrEqual(t, c.OpenAtEnd, c.Held, "%+v", c)
	require.Equal(t, q.Due, q.Sent+q.Unsent, "requests: %+v", q)
	require.GreaterOrEqual(t, q.Due, q.HoldDue, "requests: %+v", q)
	require.GreaterOrEqual(t, q.HoldDue, q.HoldSent, "requests: %+v", q)
	require.GreaterOrEqual(t, q.Unsent, q.HoldDue-q.HoldSent, "requests: %+v", q)
	require.Equal(t, q.Sent, q.Answered+q.TimedOut+q.Malformed+q.LostWithConn+q.InFlightAtEnd, "requests: %+v", q)
	require.Equal(t, r.Latency.Count(), q.Answered+q.TimedOut)
	require.Equal(t, r.Lag.Count(), q.Sent)
	require.Equal(t, r.Connect.Count(), c.Connected)
	var lost int64
	for _, d := range r.Drops {
		lost += d.Count
	}
	require.Equal(t, c.ConnectFailed+c.ConnectAbandoned+c.Dropped, lost, "drops: %+v", r.Drops)
}
