package loadtest

import (
	"crypto/tls"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/require"

	"example.com/holdfast/internal/engine"
)

// effectiveOf parses the target of a valid c and fills in the defaults.
func effectiveOf(t *testing.T, c Config) Config {
	t.Helper()
	require.NoError(t, c.validate())
	loc, _ := parseLocation(c.rawURL())
	return c.effective(loc)
}

var compareConfigs = cmp.Options{
	cmp.AllowUnexported(Cadence{}),
	cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
	cmpopts.IgnoreUnexported(tls.Config{}),
}

func TestDefaults(t *testing.T) {
	got := effectiveOf(t, Config{URL: "http://localhost/"})
	require.NotZero(t, got.Seed)
	want := Config{
		URL:             "http://localhost/",
		Connections:     1,
		Ramp:            Ramp{Conns: 10, Every: 10 * time.Millisecond},
		IdleTimeout:     time.Minute,
		Cadence:         Uniform(time.Second, 30*time.Second),
		Hold:            30 * time.Second,
		Request:         Request{Method: "HEAD", Want: StatusRange{200, 399}},
		ConnectTimeout:  3 * time.Second,
		ResponseTimeout: 3 * time.Second,
		Seed:            got.Seed,
	}
	if diff := cmp.Diff(want, got, compareConfigs); diff != "" {
		t.Errorf("effective Config (-want +got):\n%s", diff)
	}
}

func TestNegativeMeansOff(t *testing.T) {
	got := effectiveOf(t, Config{URL: "http://localhost/", Hold: -1, Ramp: Ramp{Every: -1}, Processes: -1})
	require.Zero(t, got.Hold)
	require.Negative(t, got.Ramp.Every)
	require.Equal(t, -1, got.Processes, "0 would be: as many as it takes")
}

func TestSeedIsDrawnOnlyIfZero(t *testing.T) {
	one := effectiveOf(t, Config{URL: "http://localhost/"})
	two := effectiveOf(t, Config{URL: "http://localhost/"})
	require.NotEqual(t, one.Seed, two.Seed)
	require.Equal(t, uint64(7), effectiveOf(t, Config{URL: "http://localhost/", Seed: 7}).Seed)
}

func TestDefaultCadenceFollowsIdleTimeout(t *testing.T) {
	cases := []struct{ idle, least, most time.Duration }{
		{10 * time.Minute, time.Second, 5 * time.Minute},
		{60 * time.Second, time.Second, 30 * time.Second},
		{3 * time.Second, time.Second, 1500 * time.Millisecond},
		{2 * time.Second, 500 * time.Millisecond, time.Second}, // 1 s … 1 s would be no range
		{time.Second, 250 * time.Millisecond, 500 * time.Millisecond},
	}
	for _, tc := range cases {
		want := engine.Cadence{Kind: engine.Uniform, Min: tc.least, Max: tc.most}
		require.Equal(t, want, Cadence{}.effective(tc.idle), "IdleTimeout %v", tc.idle)
		want.Grid = true
		require.Equal(t, want, Fixed(Cadence{}).effective(tc.idle), "on a grid, IdleTimeout %v", tc.idle)
	}
}

// richConfig fills every field that holds memory which a run could change.
func richConfig() Config {
	return Config{
		URL:        "https://localhost/x",
		Request:    Request{Method: "POST", Header: http.Header{"X-A": {"1", "2"}}, Body: []byte("body")},
		TLS:        &tls.Config{NextProtos: []string{"h2", "http/1.1"}},
		LocalAddrs: addrs("127.0.0.2", "127.0.0.3"),
	}
}

func TestConfigIsNeitherChangedNorShared(t *testing.T) {
	cfg, before := richConfig(), richConfig()
	got := effectiveOf(t, cfg)
	got.Request.Header["X-A"][0] = "changed"
	got.Request.Header.Set("X-B", "added")
	got.Request.Body[0] = '!'
	got.LocalAddrs[0] = netip.IPv6Loopback()
	got.TLS.NextProtos[0] = "changed"
	got.TLS.ServerName = "changed"
	if diff := cmp.Diff(before, cfg, compareConfigs); diff != "" {
		t.Errorf("the user's Config (-before +after):\n%s", diff)
	}
}

func TestEffectiveTLS(t *testing.T) {
	own := &tls.Config{ServerName: "own.example"}
	cases := map[string]struct {
		cfg        Config
		serverName string
	}{
		"plain":       {Config{URL: "http://localhost/"}, ""},
		"name":        {Config{URL: "https://localhost/"}, "localhost"},
		"rooted name": {Config{URL: "https://localhost./"}, "localhost"},
		"address":     {Config{URL: "https://127.0.0.1:8443/"}, "127.0.0.1"},
		"zone":        {Config{URL: "https://[fe80::1%25lo]/", AllowRemote: true}, "fe80::1"},
		"IDNA":        {Config{URL: "https://bücher.example/"}, "xn--bcher-kva.example"},
		"own name":    {Config{URL: "https://localhost/", TLS: own}, "own.example"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := effectiveOf(t, tc.cfg).TLS
			if tc.serverName == "" {
				require.Nil(t, got)
				return
			}
			require.Equal(t, tc.serverName, got.ServerName)
			require.Equal(t, []string{"http/1.1"}, got.NextProtos)
		})
	}
}
