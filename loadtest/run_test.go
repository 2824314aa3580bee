package loadtest

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/holdfast/internal/engine"
	"example.com/holdfast/internal/netpoll"
)

// brief is a run of about half a second.
func brief(s *Server, url string, conns int) Config {
	return Config{
		Server: s, URL: url, Connections: conns,
		IdleTimeout: 400 * time.Millisecond, ResponseTimeout: 30 * time.Second, ConnectTimeout: 30 * time.Second,
	}
}

// requireHeld requires that all conns were held and that the fixture saw the same ones and the same requests.
func requireHeld(t *testing.T, r *Report, conns int64) {
	t.Helper()
	require.NotNil(t, r)
	require.Equal(t, conns, r.Conns.Held, "held:\n%s", r)
	require.Zero(t, r.Conns.Dropped)
	require.Equal(t, conns, r.Fixture.Accepted)
	if r.Fixture.Requests >= 0 {
		require.Equal(t, r.Requests.Answered, r.Fixture.Requests)
	}
}

func TestRunHoldsAllConns(t *testing.T) {
	cases := map[string]struct {
		start  func(testing.TB) *Server
		change func(*Config)
		driver string
	}{
		"TLS":    {func(tb testing.TB) *Server { return NewTLSServer(tb, nil) }, nil, "blocking"},
		"memory": {func(tb testing.TB) *Server { return Serve(tb, "memory", serveHTTP(http.HandlerFunc(ok))) }, nil, "blocking"},
		"DialContext": {
			func(tb testing.TB) *Server { return NewServer(tb, nil) },
			func(c *Config) { c.DialContext = new(net.Dialer).DialContext }, "blocking",
		},
		"path": {
			func(tb testing.TB) *Server { return NewTLSServer(tb, http.HandlerFunc(onlyHealth)) },
			func(c *Config) { c.URL = "/health?x" }, "blocking",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			cfg := brief(tc.start(t), "", 20)
			if tc.change != nil {
				tc.change(&cfg)
			}
			r, err := Run(t.Context(), cfg)
			require.NoError(t, err)
			requireHeld(t, r, 20)
			require.Zero(t, r.Requests.Unwanted)
			require.Equal(t, tc.driver, r.Config.Driver)
		})
	}
}

func ok(http.ResponseWriter, *http.Request) {}

func onlyHealth(w http.ResponseWriter, r *http.Request) {
	if r.RequestURI != "/health?x" {
		w.WriteHeader(http.StatusNotFound)
	}
}

// The origin's cadence against a server with a keep-alive timeout of a minute, an hour of it, in fake time.
func TestRunInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &http.Server{Handler: http.HandlerFunc(ok), IdleTimeout: time.Minute}
		start := time.Now()
		r, err := Run(t.Context(), Config{Server: Serve(t, "memory", server.Serve), Connections: 10, Hold: time.Hour})
		require.NoError(t, err)
		requireHeld(t, r, 10)
		require.GreaterOrEqual(t, time.Since(start), time.Hour)
		require.InEpsilon(t, 10*3600/15.5, float64(r.Requests.Answered), 0.2) // a mean pause of 15.5 s
	})
}

func TestRunRefusesSocketsInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, err := Run(t.Context(), Config{URL: "http://127.0.0.1:1/"})
		require.Nil(t, r)
		require.EqualError(t, err, "loadtest: invalid Config: the target is reached by tcp sockets and Run is called in a "+
			`synctest bubble, whose time waits for no socket: use Serve(t, "memory", …) or DialContext`)
	})
}

// What a fixture saw before a run is not that run's: a run after another, beside a conn that stays open.
func TestRunCountsItsOwnConnsOfAFixture(t *testing.T) {
	s := NewTLSServer(t, nil)
	dialFixture(t, s).exchange(t, getRequest)
	for run := range int64(3) {
		r, err := Run(t.Context(), brief(s, "", 10))
		require.NoError(t, err)
		requireHeld(t, r, 10)
		require.EqualValues(t, 10, r.Fixture.Peak)
		require.Equal(t, r.Fixture.Accepted, r.Fixture.Open+r.Fixture.Closed)
		require.Contains(t, r.String(), "agrees: 10 served <= 10 accepted <= 10 connected")
		require.Equal(t, 1+10*(run+1), s.Counts().Accepted)
	}
	require.Len(t, s.ln.ledger.spans, 1, "spans of ended runs are forgotten")
}

// Two runs at once count each other's conns, which nobody can tell apart, and disturb each other in nothing else.
func TestRunsShareAFixture(t *testing.T) {
	s := Serve(t, "memory", serveHTTP(http.HandlerFunc(ok)))
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			r, err := Run(t.Context(), brief(s, "", 10))
			if err != nil || r.Conns.Held != 10 || r.Fixture.Accepted < 10 || r.Fixture.Accepted > 20 {
				t.Errorf("got %v, want 10 conns held and 10 to 20 accepted:\n%s", err, r)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 20, s.Counts().Accepted)
}

// The same seed makes the same run: in fake time even the counts are equal.
func TestRunReplaysASeed(t *testing.T) {
	count := func(seed uint64) (requests int64) {
		synctest.Test(t, func(t *testing.T) {
			s := Serve(t, "memory", serveHTTP(http.HandlerFunc(ok)))
			r, err := Run(t.Context(), Config{Server: s, Connections: 5, Hold: 10 * time.Minute, Seed: seed})
			require.NoError(t, err)
			require.Equal(t, seed, r.Seed)
			requests = r.Requests.Answered
		})
		return requests
	}
	seven := count(7)
	require.Positive(t, seven)
	require.Equal(t, seven, count(7))
	require.NotEqual(t, seven, count(8)) // by luck they could agree; these do not
}

func TestRunOpensNothingForAnInvalidConfig(t *testing.T) {
	s := NewServer(t, nil)
	r, err := Run(t.Context(), Config{Server: s, Connections: -1})
	require.Nil(t, r)
	require.ErrorAs(t, err, new(*ConfigError))
	require.Zero(t, s.Counts().Accepted)
}

func TestRunOpensNothingWhenShort(t *testing.T) {
	s := NewServer(t, nil)
	short := systemRunner()
	short.limits = plenty()
	short.limits.memory = func() (netpoll.Memory, bool) { return netpoll.Memory{}, true }
	r, err := short.run(t.Context(), Config{Server: s})
	require.Nil(t, r)
	require.ErrorAs(t, err, new(*ResourceError))
	require.Zero(t, s.Counts().Accepted)
}

func TestRunRefusesForeignAddresses(t *testing.T) {
	run := systemRunner()
	run.find, run.limits = lookupOf("192.0.2.1"), plenty()
	r, err := run.run(t.Context(), Config{URL: "http://example.com/"})
	require.Nil(t, r)
	require.ErrorContains(t, err, "URL names example.com, which resolves to 192.0.2.1, not a loopback address")

	// TEST-NET-1 is nobody's address.
	_, err = Run(t.Context(), Config{URL: "http://127.0.0.1:1/", LocalAddrs: addrs("192.0.2.1")})
	require.ErrorAs(t, err, new(*ConfigError))
	require.ErrorContains(t, err, "LocalAddrs[0] is 192.0.2.1, which cannot be bound: write an address of this machine")
}

// A poller that fails in the middle of a run leaves what was measured until then.
func TestRunThatBrokeOff(t *testing.T) {
	in := sampleInput()
	in.result.Ended = engine.PhaseHold
	failure := errors.New("epoll_wait: bad file descriptor")
	r, err := finish(t.Context(), in, failure)
	require.ErrorIs(t, err, failure)
	require.EqualError(t, err, "loadtest: the run broke off in the hold: epoll_wait: bad file descriptor")
	require.EqualValues(t, 1000, r.Conns.Held)
	require.False(t, r.Phases.Complete)

	// Also if the caller gave up meanwhile: that was not the reason.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = finish(ctx, in, failure)
	require.ErrorContains(t, err, "broke off in the hold")

	in.result = nil
	r, err = finish(t.Context(), in, failure)
	require.Nil(t, r)
	require.EqualError(t, err, "loadtest: the run could not begin: epoll_wait: bad file descriptor")
}

// A report that breaks a law does not hide why the run ended.
func TestRunTellsOfBrokenLawsAndItsEnd(t *testing.T) {
	in := sampleInput()
	in.result.Conns.Requested++
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r, err := finish(ctx, in, context.Canceled)
	require.NotNil(t, r)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorContains(t, err, "the report contradicts itself")
}

func TestRunCancelledBeforeItBegan(t *testing.T) {
	s := NewServer(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r, err := Run(ctx, Config{Server: s, Connections: 9})
	require.ErrorIs(t, err, context.Canceled)
	require.EqualError(t, err, "loadtest: the run was cancelled before the first connect: context canceled")
	require.EqualValues(t, 9, r.Conns.Requested)
	require.EqualValues(t, 9, r.Conns.NotAttempted)
	require.NoError(t, r.laws())
	require.Zero(t, s.Counts().Accepted)
}

// A resolver that hangs holds nobody up, and what it says afterwards is not the error.
func TestRunCancelledWhileResolving(t *testing.T) {
	giveUp := errors.New("give up")
	ctx, cancel := context.WithCancelCause(t.Context())
	hang := func(ctx context.Context, _, _ string) ([]netip.Addr, error) {
		cancel(giveUp)
		<-ctx.Done()
		return nil, errors.New("lookup failed")
	}
	run := systemRunner()
	run.find, run.limits = hang, plenty()
	r, err := run.run(ctx, Config{URL: "http://localhost/", Connections: 3})
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, giveUp)
	require.EqualValues(t, 3, r.Conns.NotAttempted)
}

func TestRunCancelledNamesThePhase(t *testing.T) {
	cases := map[string]time.Duration{"ramp": 500 * time.Millisecond, "hold": 5 * time.Minute}
	for phase, after := range cases {
		t.Run(phase, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), after)
				defer cancel()
				s := Serve(t, "memory", serveHTTP(http.HandlerFunc(ok)))
				r, err := Run(ctx, Config{Server: s, Connections: 100, Ramp: Ramp{Conns: 1}, Hold: time.Hour})
				require.ErrorIs(t, err, context.DeadlineExceeded)
				require.EqualError(t, err, "loadtest: the run was cancelled in the "+phase+": context deadline exceeded")
				require.EqualValues(t, 100, r.Conns.Requested)
				require.NoError(t, r.laws())
				require.Equal(t, phase == "ramp", r.Conns.NotAttempted > 0)
			})
		})
	}
}
