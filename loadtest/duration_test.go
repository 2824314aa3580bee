package loadtest

import (
	"context"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// hang answers nobody.
func hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// TestPlannedAgainstRuns holds the plan against runs in fake time, where nothing but what is planned takes any.
func TestPlannedAgainstRuns(t *testing.T) {
	const second = time.Second
	deaf := func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	healthy := map[string]Config{
		"default":     {Connections: 300},
		"at once":     {Connections: 300, Ramp: Ramp{Every: -1}},
		"one":         {IdleTimeout: 10 * second},
		"every":       {Connections: 50, Cadence: Every(7 * second), Hold: 20 * second},
		"exponential": {Connections: 200, Cadence: Exponential(3 * second), Hold: 30 * second},
		"silent":      {Connections: 500, Cadence: Silent(), Hold: 5 * second},
		"grid":        {Connections: 50, Cadence: Fixed(Uniform(second, 3*second)), Hold: 5 * second},
		"short hold":  {Connections: 2000, Ramp: Ramp{Every: -1}, Cadence: Uniform(second, 9*second), Hold: second},
		"no hold":     {Connections: 100, Cadence: Every(second), Hold: -1},
	}
	for name, cfg := range healthy {
		cfg.Seed = 1
		t.Run(name, func(t *testing.T) {
			faked(t, after(0), cfg, func(t *testing.T, r *Report) {
				expected, most := cfg.planned()
				first, _ := longestFirst(cfg.Cadence.effective(r.Config.IdleTimeout), r.Config.Connections)
				require.LessOrEqual(t, r.Phases.Total(), most)
				require.LessOrEqual(t, expected, most)
				require.GreaterOrEqual(t, expected, r.Phases.Total()-first, "longest first pause %v, %+v", first, r.Phases)
				require.LessOrEqual(t, expected, r.Phases.Total()+first+r.Config.IdleTimeout/4, "longest first pause %v, %+v", first, r.Phases)
			})
		})
	}
	sick := map[string]struct {
		cfg     Config
		handler http.Handler
		dial    func(context.Context, string, string) (net.Conn, error)
	}{
		"hangs":     {Config{Connections: 1000}, http.HandlerFunc(hang), nil},
		"is slow":   {Config{Connections: 600, Cadence: Every(second), Hold: 5 * second}, after(2900 * time.Millisecond), nil},
		"is slower": {Config{Connections: 600, Cadence: Every(second), Hold: 5 * second, IdleTimeout: 10 * second}, after(2999 * time.Millisecond), nil},
		"is deaf":   {Config{Connections: 600, Cadence: Every(second)}, nil, deaf},
		"is mended, in vain": {Config{Connections: 300, Cadence: Every(second), Hold: 5 * second,
			Reopen: Reopen{Delay: -1}}, http.HandlerFunc(hang), nil},
	}
	for name, s := range sick {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg := s.cfg
				cfg.Seed = 1
				if cfg.DialContext = s.dial; s.dial == nil {
					cfg.Server = Serve(t, "memory", serveHTTP(s.handler))
				} else {
					cfg.URL = "http://localhost/"
				}
				r, err := Run(t.Context(), cfg)
				require.NoError(t, err)
				_, most := cfg.planned()
				require.LessOrEqual(t, r.Phases.Total(), most, "%+v", r.Phases)
				require.Less(t, most, 5*r.Phases.Total(), "%+v", r.Phases)
			})
		})
	}
}

// TestPlannedOverSockets: a plan is kept in real time too, with some patience.
func TestPlannedOverSockets(t *testing.T) {
	t.Parallel()
	cfg := Config{Server: NewServer(t, nil), Connections: 50, IdleTimeout: 400 * time.Millisecond}
	r, err := Run(t.Context(), cfg)
	require.NoError(t, err)
	expected, most := cfg.planned()
	require.Equal(t, 440*time.Millisecond, expected, "40 ms to open, 200 for the longest pause, 200 of hold")
	require.LessOrEqual(t, r.Phases.Total(), most)
}

// TestPlannedWithWhatIsDoneBesides: before the first connect and with all conns open.
func TestPlannedWithWhatIsDoneBesides(t *testing.T) {
	most := func(c Config) time.Duration {
		c.Connections = 10_000
		_, most := c.planned()
		return most
	}
	plain := most(Config{URL: "http://127.0.0.1:1/"})
	require.Equal(t, plain+3100*time.Millisecond, most(Config{URL: "https://127.0.0.1:1/"}), "the certificate is verified for processes")
	require.Equal(t, plain, most(Config{URL: "https://127.0.0.1:1/", Processes: -1}))
	require.Equal(t, plain+settlePatience+600*time.Millisecond, most(Config{Server: fixtureOn("tcp", "http://127.0.0.1:1")}))
}

// TestPlannedIsADuration: the longest run that a Config can ask for can be doubled.
func TestPlannedIsADuration(t *testing.T) {
	expected, most := Config{
		Connections: 1 << 24, Ramp: Ramp{Conns: 1, Every: longest}, IdleTimeout: longest, Cadence: Exponential(longest), Hold: longest,
		ConnectTimeout: longest, ResponseTimeout: longest,
	}.planned()
	require.Greater(t, expected, 100*365*24*time.Hour/2)
	require.GreaterOrEqual(t, most, expected)
	_, limit := Config{Connections: 1 << 24, ConnectTimeout: longest}.benchLimit()
	require.Positive(t, limit)
	require.Positive(t, 2*most+time.Minute)
}
