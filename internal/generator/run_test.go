package generator

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/holdfast/internal/engine"
	"example.com/holdfast/internal/faulty"
)

// plan returns a plan for n conns to a server that behaves.
func plan(t *testing.T, n int, network, address string) (engine.Plan, *faulty.Server) {
	t.Helper()
	return planFor(t, &faulty.Server{}, n, network, address)
}

func planFor(t *testing.T, s *faulty.Server, n int, network, address string) (engine.Plan, *faulty.Server) {
	t.Helper()
	ln, err := net.Listen(network, address)
	require.NoError(t, err)
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = s.Serve(ln)
	}()
	t.Cleanup(func() { ln.Close(); <-served })
	p := engine.Plan{
		Slots: n, Ramp: engine.Ramp{Conns: 10, Every: time.Millisecond},
		Cadence: engine.Cadence{Kind: engine.Uniform, Min: 20 * time.Millisecond, Max: 100 * time.Millisecond},
		Hold:    500 * time.Millisecond, IdleTimeout: time.Second,
		ConnectTimeout: 30 * time.Second, ResponseTimeout: 30 * time.Second,
		Request: []byte("GET / HTTP/1.1\r\nHost: test\r\n\r\n"), WantLowest: 200, WantMost: 399,
		Seed: 1, Tick: time.Millisecond, Workers: 1, MaxConnecting: 64,
	}
	if network == "unix" {
		p.Target.Unix = address
	} else {
		p.Target.Addrs = []netip.AddrPort{netip.MustParseAddrPort(ln.Addr().String())}
	}
	return p, s
}

// children starts n, which end with the test: orderly if it passed.
func children(t *testing.T, n int) *Children {
	t.Helper()
	if !Supported {
		_, err := StartChildren(t.Context(), 1)
		require.Error(t, err)
		t.Skip("this system has no generator children")
	}
	c, err := StartChildren(t.Context(), n)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// carryOut carries p out in c and demands that all went well.
func carryOut(t *testing.T, c *Children, p engine.Plan, config *TLS) (*engine.Result, []Process) {
	t.Helper()
	p.Origin = Origin()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r, processes, err := c.Run(ctx, p, config)
	require.NoError(t, err)
	require.Equal(t, engine.PhaseDrain, r.Ended)
	n := int64(p.Slots)
	require.Equal(t, engine.Conns{
		Requested: n, EverEstablished: n, Served: n, Held: n, Attempts: n, Connected: n, OpenAtEnd: n,
	}, r.Conns, "drops: %+v", r.Drops)
	require.Equal(t, r.Requests.Due, r.Requests.Answered)
	require.Equal(t, r.Requests.Answered, r.Latency.Count())
	require.Equal(t, p.Hold, r.HoldEnd-r.RampEnd)
	var conns int64
	for i, process := range processes {
		require.Empty(t, process.Died)
		require.Equal(t, c.PIDs()[i], process.PID)
		require.Positive(t, process.Usage.Allocs)
		conns += process.Conns
	}
	require.Equal(t, n, conns)
	c.Close()
	for _, p := range c.all {
		require.Zero(t, p.ExitCode(), p.fate())
	}
	return r, processes
}

func TestChildrenHoldConns(t *testing.T) {
	t.Parallel()
	c := children(t, 3)
	p, s := plan(t, 100, "tcp", "127.0.0.1:0")
	var seconds []engine.Sample
	p.Progress = func(s engine.Sample) { seconds = append(seconds, s) }
	r, _ := carryOut(t, c, p, nil)
	require.Equal(t, "epoll", r.Driver)
	require.Equal(t, 100, s.Accepted())
	require.EqualValues(t, r.Requests.Answered, s.Requests())
	require.NotEmpty(t, seconds)
	require.EqualValues(t, r.Requests.Answered, r.Stamps.Kernel+r.Stamps.User)
}

func TestChildrenOverUnix(t *testing.T) {
	t.Parallel()
	c := children(t, 2)
	p, s := plan(t, 50, "unix", filepath.Join(t.TempDir(), "s"))
	carryOut(t, c, p, nil)
	require.Equal(t, 50, s.Accepted())
}

// planTLS returns a plan for n conns to a server that speaks TLS and asks for a certificate, and what a child is given of
// the client's side.
func planTLS(t *testing.T, n int) (engine.Plan, *TLS) {
	t.Helper()
	certificate := faulty.Certificate()
	s := &faulty.Server{TLS: &tls.Config{Certificates: []tls.Certificate{certificate}, ClientAuth: tls.RequireAnyClientCert}}
	p, _ := planFor(t, s, n, "tcp", "127.0.0.1:0")
	p.Tick = 0
	// Post-quantum keys would take most of the time of a test.
	portable, err := Portable(&tls.Config{
		ServerName: "127.0.0.1", CurvePreferences: []tls.CurveID{tls.X25519}, Certificates: []tls.Certificate{certificate},
	})
	require.NoError(t, err)
	return p, portable
}

func TestChildrenOverTLS(t *testing.T) {
	t.Parallel()
	c := children(t, 2)
	p, portable := planTLS(t, 20)
	leaf, err := x509.ParseCertificate(faulty.Certificate().Certificate[0])
	require.NoError(t, err)
	portable.PinTo(tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf}})
	r, _ := carryOut(t, c, p, portable)
	require.Equal(t, "blocking", r.Driver)
}

// A server with another certificate than the parent verified is not trusted.
func TestChildrenPinTheCertificate(t *testing.T) {
	t.Parallel()
	c := children(t, 2)
	p, portable := planTLS(t, 20)
	portable.PinTo(tls.ConnectionState{PeerCertificates: []*x509.Certificate{{Raw: []byte("another")}}})
	p.Origin = Origin()
	r, _, err := c.Run(t.Context(), p, portable)
	require.NoError(t, err)
	require.Len(t, r.Drops, 1)
	require.Equal(t, engine.TLSCertificate, r.Drops[0].Cause)
	require.EqualValues(t, 20, r.Drops[0].Count)
	require.Contains(t, r.Drops[0].Sample.Detail, errOtherCertificate.Error())
}

func TestWhatNoChildCanBeGiven(t *testing.T) {
	for name, c := range map[string]*tls.Config{
		"VerifyConnection":     {VerifyConnection: func(tls.ConnectionState) error { return nil }},
		"GetClientCertificate": {GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return nil, nil }},
		"ClientSessionCache":   {ClientSessionCache: tls.NewLRUClientSessionCache(1)},
		"Certificates[0]":      {Certificates: []tls.Certificate{{PrivateKey: "in a token"}}},
	} {
		_, err := Portable(c)
		require.ErrorContains(t, err, name)
	}
}

// killed kills a child of a run of n conns when the second sample is there, and returns what became of it.
func killed(t *testing.T, n, of, victims int) (*engine.Result, []Process) {
	c := children(t, of)
	p, _ := plan(t, n, "tcp", "127.0.0.1:0")
	p.Hold, p.IdleTimeout, p.Origin = 3*time.Second, 4*time.Second, Origin()
	p.Progress = func(s engine.Sample) {
		if s.At == 2*time.Second {
			for _, pid := range c.PIDs()[:victims] {
				if p, err := os.FindProcess(pid); err == nil {
					_ = p.Kill()
				}
			}
		}
	}
	r, processes, err := c.Run(t.Context(), p, nil)
	require.NoError(t, err)
	return r, processes
}

func TestChildThatIsKilled(t *testing.T) {
	t.Parallel()
	r, processes := killed(t, 101, 2, 1)
	require.Contains(t, processes[0].Died, "killed")
	require.Empty(t, processes[1].Died)
	require.EqualValues(t, 51, processes[0].Lost)
	require.Greater(t, processes[0].At, 2*time.Second)
	require.EqualValues(t, 50, r.Conns.Held)
	require.EqualValues(t, 51, r.Conns.Dropped)
	require.Len(t, r.Drops, 1)
	require.Equal(t, engine.GeneratorDied, r.Drops[0].Cause)
	require.Equal(t, engine.PhaseDrain, r.Ended)
	require.Greater(t, r.DrainEnd, 3*time.Second, "the other goes on")
}

func TestAllChildrenKilled(t *testing.T) {
	t.Parallel()
	r, _ := killed(t, 20, 2, 2)
	require.EqualValues(t, 20, r.Conns.Dropped)
	require.Zero(t, r.Conns.Held)
	require.Equal(t, engine.PhaseHold, r.Ended)
	require.Equal(t, "epoll", r.Driver)
	require.Positive(t, r.RampEnd)
}

func TestChildrenAreCancelled(t *testing.T) {
	t.Parallel()
	c := children(t, 2)
	p, _ := plan(t, 20, "tcp", "127.0.0.1:0")
	p.Hold, p.Origin = time.Hour, Origin()
	ctx, cancel := context.WithCancelCause(t.Context())
	p.Progress = func(engine.Sample) { cancel(os.ErrProcessDone) }
	r, processes, err := c.Run(ctx, p, nil)
	require.ErrorIs(t, err, os.ErrProcessDone)
	require.Equal(t, engine.PhaseHold, r.Ended)
	require.EqualValues(t, 20, r.Conns.OpenAtEnd)
	require.Empty(t, processes[0].Died)
}

// While all conns are open the parent may read what the server holds: no child drains before it has.
func TestHeldIsCalledBeforeChildrenDrain(t *testing.T) {
	t.Parallel()
	c := children(t, 3)
	p, s := plan(t, 30, "tcp", "127.0.0.1:0")
	calls, seen := 0, 0
	p.Held = func() {
		calls++
		// The cadence goes on: of each conn a request every 60 ms.
		for seen = s.Requests(); t.Context().Err() == nil && s.Requests() < seen+60; {
			time.Sleep(time.Millisecond)
		}
	}
	r, _ := carryOut(t, c, p, nil)
	require.Equal(t, 1, calls)
	require.GreaterOrEqual(t, r.Requests.Answered, int64(seen+60))
	require.Greater(t, r.SweepEnd-r.HoldEnd, 20*time.Millisecond)
}

// A child that dies meanwhile keeps nobody waiting, nor does a cancelled run: it ends when held has returned.
func TestChildrenEndWhileHeldIsCalled(t *testing.T) {
	t.Parallel()
	for name, victims := range map[string]int{"cancelled": 0, "one is killed": 1, "all are killed": 2} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := children(t, 2)
			p, _ := plan(t, 20, "tcp", "127.0.0.1:0")
			p.Hold, p.IdleTimeout, p.Origin = 1200*time.Millisecond, 3*time.Second, Origin() // long enough to tell a second
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			returned := false
			p.Held = func() {
				if victims == 0 {
					cancel()
				}
				for _, victim := range c.all[:victims] {
					victim.Kill()
				}
				for _, victim := range c.all[:victims] {
					<-victim.Exited()
				}
				returned = true
			}
			r, processes, err := c.Run(ctx, p, nil)
			require.True(t, returned)
			switch victims {
			case 0:
				require.ErrorIs(t, err, context.Canceled)
				require.EqualValues(t, 20, r.Conns.OpenAtEnd)
			case 1:
				require.NoError(t, err)
				require.EqualValues(t, 10, r.Conns.Held)
				require.EqualValues(t, 10, processes[0].Lost)
			case 2:
				require.NoError(t, err)
				require.EqualValues(t, 20, r.Conns.Dropped)
			}
		})
	}
}
