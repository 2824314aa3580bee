package loadtest

import (
	"net/http"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/holdfast/internal/engine"
)

// planFor makes the plan of a valid c whose name, if any, resolves to 127.0.0.1.
func planFor(t *testing.T, c Config) engine.Plan {
	t.Helper()
	c = effectiveOf(t, c)
	loc, _ := parseLocation(c.rawURL())
	plan, err := planOf(c, loc, targetOf(c, addrPorts("127.0.0.1:80")), false)
	require.NoError(t, err)
	return plan
}

func TestPlanCarriesTheConfig(t *testing.T) {
	plan := planFor(t, Config{
		URL: "http://127.0.0.1/", Connections: 7, Ramp: Ramp{3, time.Second}, IdleTimeout: 9 * time.Second,
		Cadence: Every(4 * time.Second), Hold: 5 * time.Second, ConnectTimeout: time.Second,
		ResponseTimeout: 2 * time.Second, Seed: 11, Request: Request{Want: StatusRange{201, 204}},
	})
	require.Equal(t, 7, plan.Slots)
	require.Equal(t, engine.Ramp{Conns: 3, Every: time.Second}, plan.Ramp)
	require.Equal(t, engine.Cadence{Kind: engine.Every, Min: 4 * time.Second}, plan.Cadence)
	require.Equal(t, 5*time.Second, plan.Hold)
	require.Equal(t, 9*time.Second, plan.IdleTimeout)
	require.Equal(t, time.Second, plan.ConnectTimeout)
	require.Equal(t, 2*time.Second, plan.ResponseTimeout)
	require.Equal(t, [2]int{201, 204}, [2]int{plan.WantLowest, plan.WantMost})
	require.Equal(t, uint64(11), plan.Seed)
	require.Equal(t, 256, plan.MaxConnecting)
	require.True(t, plan.Head)
	require.Equal(t, addrPorts("127.0.0.1:80"), plan.Target.Addrs)
}

func TestRequestBytes(t *testing.T) {
	cases := map[string]struct {
		request Request
		want    string
	}{
		"default": {Request{}, "HEAD /a?b HTTP/1.1\r\nHost: 127.0.0.1:81\r\nUser-Agent: holdfast\r\n\r\n"},
		"fields in a fixed order, values in theirs": {
			Request{Method: "GET", Header: http.Header{"X-B": {"2", "1"}, "Accept": {"*/*"}, "User-Agent": {"me"}}},
			"GET /a?b HTTP/1.1\r\nHost: 127.0.0.1:81\r\nAccept: */*\r\nUser-Agent: me\r\nX-B: 2\r\nX-B: 1\r\n\r\n",
		},
		"own host": {
			Request{Method: "GET", Header: http.Header{"Host": {"example.com"}}},
			"GET /a?b HTTP/1.1\r\nHost: example.com\r\nUser-Agent: holdfast\r\n\r\n",
		},
		"body": {
			Request{Method: "POST", Body: []byte("hello")},
			"POST /a?b HTTP/1.1\r\nHost: 127.0.0.1:81\r\nUser-Agent: holdfast\r\nContent-Length: 5\r\n\r\nhello",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			plan := planFor(t, Config{URL: "http://127.0.0.1:81/a?b", Request: tc.request})
			require.Equal(t, tc.want, string(plan.Request))
			require.Equal(t, tc.request.Method == "", plan.Head)
		})
	}
}

// The epoll driver takes what it can: on Linux, plain conns over sockets.
func TestPlanChoosesTheDriver(t *testing.T) {
	cases := map[string]struct {
		cfg   Config
		epoll bool
	}{
		"tcp":             {Config{URL: "http://127.0.0.1/"}, true},
		"unix":            {Config{UnixSocket: "/s"}, true},
		"fixture on tcp":  {Config{Server: fixtureOn("tcp", "http://127.0.0.1:1")}, true},
		"fixture on unix": {Config{Server: fixtureOn("unix", "http://unix")}, true},
		"memory":          {Config{Server: fixtureOn("memory", "http://memory")}, false},
		"TLS":             {Config{URL: "https://127.0.0.1/"}, false},
		"TLS over unix":   {Config{URL: "https://localhost/", UnixSocket: "/s"}, false},
		"DialContext":     {Config{URL: "http://127.0.0.1/", DialContext: noDial}, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			plan := planFor(t, tc.cfg)
			require.Equal(t, tc.epoll && runtime.GOOS == "linux", plan.Dial == nil)
			require.Equal(t, plan.Dial == nil, plan.Tick > 0)
			require.Equal(t, tc.cfg.network() == networkTCP, len(plan.Target.Addrs) > 0)
			require.Equal(t, tc.cfg.network() == networkUnix, plan.Target.Unix != "")
		})
	}
}

// In fake time, which waits for CPU alone, the conns run the machine themselves.
func TestPlanInABubble(t *testing.T) {
	cfg := Config{Server: fixtureOn("memory", "http://memory")}
	require.False(t, planFor(t, cfg).OneStack)
	synctest.Test(t, func(t *testing.T) { require.True(t, planFor(t, cfg).OneStack) })
}

func TestTick(t *testing.T) {
	cases := []struct {
		cadence        Cadence
		capacity, fine time.Duration // where only capacity is judged, and where a latency is
	}{
		{Uniform(time.Second, 30*time.Second), 10 * time.Millisecond, time.Millisecond}, // the origin's
		{Every(10 * time.Second), 10 * time.Millisecond, time.Millisecond},
		{Every(9999 * time.Millisecond), 9 * time.Millisecond, time.Millisecond},
		{Exponential(5 * time.Second), 5 * time.Millisecond, time.Millisecond},
		{Every(time.Second), time.Millisecond, time.Millisecond},
		{Every(100 * time.Millisecond), time.Millisecond, time.Millisecond},
		{Every(10 * time.Millisecond), time.Millisecond, time.Millisecond},
		{Every(5 * time.Millisecond), 500 * time.Microsecond, 500 * time.Microsecond},
		{Uniform(0, time.Millisecond), 100 * time.Microsecond, 100 * time.Microsecond},
		{Every(1), 100 * time.Microsecond, 100 * time.Microsecond},
		{BackToBack(), time.Millisecond, time.Millisecond},
		{Silent(), time.Millisecond, time.Millisecond},
	}
	for _, tc := range cases {
		require.Equal(t, tc.capacity, tickFor(tc.cadence.law, false), "capacity: %+v", tc.cadence.law)
		require.Equal(t, tc.fine, tickFor(tc.cadence.law, true), "latency: %+v", tc.cadence.law)
	}
}

func TestWorkers(t *testing.T) {
	cases := []struct {
		cadence            Cadence
		conns, procs, want int
	}{
		{BackToBack(), 10_000, 3, 1},       // few processors: the server needs the others
		{Every(time.Second), 49_999, 8, 1}, // one can carry that
		{Every(time.Second), 50_000, 8, 2},
		{Every(time.Second), 120_000, 8, 3},
		{Every(time.Second), 1_000_000, 8, 4}, // half the processors
		{BackToBack(), 10_000, 8, 4},
		{BackToBack(), 1, 8, 1}, // a worker without a conn is of no use
		{Silent(), 1_000_000, 8, 1},
		{Uniform(time.Second, 30*time.Second), 10_000, 64, 1},
	}
	for _, tc := range cases {
		require.Equal(t, tc.want, workersFor(tc.cadence.law, tc.conns, tc.procs), "%+v", tc)
	}
}
