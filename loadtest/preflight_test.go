package loadtest

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/holdfast/internal/engine"
	"example.com/holdfast/internal/netpoll"
)

// plenty is a machine that lacks nothing: 28 232 ports, as on most Linux systems.
func plenty() limits {
	return limits{
		goos:        "linux",
		descriptors: func() (int, uint64, uint64, error) { return 8, 1 << 20, 1 << 20, nil },
		raise:       func() error { return errors.New("not needed") },
		portRange:   func() (int, int, bool) { return 32768, 60999, true },
		memory:      func() (netpoll.Memory, bool) { return netpoll.Memory{Available: 1 << 40}, true },
		inContainer: func() bool { return false },
	}
}

// preflightOf counts for conns to addr.
func preflightOf(t *testing.T, l limits, c Config, addrs ...string) (engine.Target, error) {
	t.Helper()
	c = effectiveOf(t, c)
	return l.preflight(c, targetOf(c, addrPorts(addrs...)))
}

// requireShortage requires that err has exactly this shortage of its resource.
func requireShortage(t *testing.T, err error, want ResourceError) {
	t.Helper()
	var got *ResourceError
	require.ErrorAs(t, err, &got)
	require.Equal(t, want, *got)
}

func TestDescriptorsNeeded(t *testing.T) {
	cases := map[string]struct {
		cfg  Config
		want int64
	}{
		"tcp":               {Config{URL: "http://127.0.0.1/"}, 100},
		"unix":              {Config{UnixSocket: "/s"}, 100},
		"both ends, tcp":    {Config{Server: fixtureOn("tcp", "http://127.0.0.1:1")}, 200},
		"both ends, unix":   {Config{Server: fixtureOn("unix", "http://unix")}, 200},
		"memory":            {Config{Server: fixtureOn("memory", "http://memory")}, 0},
		"unknown dialer":    {Config{URL: "http://127.0.0.1/", DialContext: noDial}, 0},
		"dialer to fixture": {Config{Server: fixtureOn("tcp", "http://127.0.0.1:1"), DialContext: noDial}, 200},
	}
	for name, tc := range cases {
		tc.cfg.Connections = 100
		require.Equal(t, tc.want, descriptorsOf(tc.cfg), name)
	}
}

func TestDescriptorShortage(t *testing.T) {
	c := Config{Server: fixtureOn("tcp", "http://127.0.0.1:1"), Connections: 10_000}
	l := plenty()
	l.descriptors = func() (int, uint64, uint64, error) { return 8, 1024, 20_000, nil }
	_, err := preflightOf(t, l, c, "127.0.0.1:1")
	requireShortage(t, err, ResourceError{"file descriptors", 20_040, 20_000, "sudo prlimit --pid $$ --nofile=20040:20040"})
	require.EqualError(t, err, "loadtest: not enough file descriptors: the run needs 20040, 20000 are available; "+
		"to mend it: sudo prlimit --pid $$ --nofile=20040:20040")

	l.inContainer = func() bool { return true }
	_, err = preflightOf(t, l, c, "127.0.0.1:1")
	requireShortage(t, err, ResourceError{"file descriptors", 20_040, 20_000, "docker run --ulimit nofile=20040:20040 …"})

	l.inContainer, l.goos = plenty().inContainer, "darwin"
	_, err = preflightOf(t, l, c, "127.0.0.1:1")
	requireShortage(t, err, ResourceError{"file descriptors", 20_040, 20_000,
		"sudo sysctl -w kern.maxfilesperproc=20040 && ulimit -n 20040"})
}

func TestSoftLimitIsRaisedOnlyIfNeeded(t *testing.T) {
	var raised int
	l := plenty()
	l.descriptors = func() (int, uint64, uint64, error) { return 8, 1024, 4096, nil }
	l.raise = func() error { raised++; return nil }

	_, err := preflightOf(t, l, Config{URL: "http://127.0.0.1/", Connections: 1024 - 8 - spareDescriptors}, "127.0.0.1:80")
	require.NoError(t, err)
	require.Equal(t, 0, raised)

	_, err = preflightOf(t, l, Config{URL: "http://127.0.0.1/", Connections: 1024 - 7 - spareDescriptors}, "127.0.0.1:80")
	require.NoError(t, err)
	require.Equal(t, 1, raised)

	l.raise = func() error { return errors.New("denied") }
	_, err = preflightOf(t, l, Config{URL: "http://127.0.0.1/", Connections: 2000}, "127.0.0.1:80")
	requireShortage(t, err, ResourceError{"file descriptors", 2040, 1024, "sudo prlimit --pid $$ --nofile=2040:2040"})
}

// A range of 28 232 ports carries 14 116 conns well; beyond that loopback is spread.
func TestPortsAreSpread(t *testing.T) {
	cases := map[string]struct {
		conns int
		to    []string
		local []string
		left  []string // addresses kept
	}{
		"half the range":   {14_116, []string{"127.0.0.1:80"}, nil, []string{"127.0.0.1:80"}},
		"one more":         {14_117, []string{"127.0.0.1:80"}, []string{"127.0.0.1", "127.0.0.2"}, []string{"127.0.0.1:80"}},
		"two halves":       {28_232, []string{"127.0.0.1:80"}, []string{"127.0.0.1", "127.0.0.2"}, []string{"127.0.0.1:80"}},
		"three":            {28_233, []string{"127.0.0.9:80"}, []string{"127.0.0.1", "127.0.0.2", "127.0.0.3"}, []string{"127.0.0.9:80"}},
		"both families":    {20_000, []string{"[::1]:80", "127.0.0.1:80"}, []string{"127.0.0.1", "127.0.0.2"}, []string{"127.0.0.1:80"}},
		"both, not spread": {10, []string{"[::1]:80", "127.0.0.1:80"}, nil, []string{"[::1]:80", "127.0.0.1:80"}},
		"IPv6 cannot":      {20_000, []string{"[::1]:80"}, nil, []string{"[::1]:80"}},
		"remote cannot":    {20_000, []string{"192.0.2.1:80"}, nil, []string{"192.0.2.1:80"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			cfg := Config{URL: "http://localhost/", Connections: tc.conns}
			target, err := preflightOf(t, plenty(), cfg, tc.to...)
			require.NoError(t, err)
			require.Equal(t, addrs(tc.local...), target.Local)
			require.Equal(t, addrPorts(tc.left...), target.Addrs)
		})
	}
}

func TestSpreadCountsOn(t *testing.T) {
	got := spread(1<<24, 28_232)
	require.Len(t, got, 1189) // 16 777 216 / 14 116, rounded up
	require.Equal(t, addrs("127.0.4.165")[0], got[1188])
	for _, a := range got {
		require.True(t, a.IsLoopback(), "%v", a)
	}
	require.Equal(t, addrs("127.0.0.1", "127.0.0.2"), spread(2, 1)) // a range of one port
}

func TestPortShortage(t *testing.T) {
	const wide = "sudo sysctl -w net.ipv4.ip_local_port_range='1024 65535'"
	l := plenty()
	_, err := preflightOf(t, l, Config{URL: "http://[::1]/", Connections: 28_232}, "[::1]:80")
	require.NoError(t, err, "the whole range")
	_, err = preflightOf(t, l, Config{URL: "http://[::1]/", Connections: 28_233}, "[::1]:80")
	requireShortage(t, err, ResourceError{"source ports", 28_233, 28_232, wide})

	own := Config{URL: "http://127.0.0.1/", Connections: 60_000, LocalAddrs: addrs("127.0.0.2", "127.0.0.3")}
	_, err = preflightOf(t, l, own, "127.0.0.1:80")
	requireShortage(t, err, ResourceError{"source ports", 60_000, 56_464, wide})

	_, err = preflightOf(t, l, Config{URL: "http://[::1]/", Connections: 70_000}, "[::1]:80")
	requireShortage(t, err, ResourceError{"source ports", 70_000, 28_232, "set LocalAddrs to 2 or more addresses of this machine"})

	l.inContainer = func() bool { return true }
	_, err = preflightOf(t, l, Config{URL: "http://[::1]/", Connections: 30_000}, "[::1]:80")
	requireShortage(t, err, ResourceError{"source ports", 30_000, 28_232,
		"docker run --sysctl net.ipv4.ip_local_port_range='1024 65535' …"})

	l.goos = "darwin" // no address but 127.0.0.1 is local there
	_, err = preflightOf(t, l, Config{URL: "http://127.0.0.1/", Connections: 30_000}, "127.0.0.1:80")
	requireShortage(t, err, ResourceError{"source ports", 30_000, 28_232, "sudo sysctl -w net.inet.ip.portrange.first=1024"})
}

func TestMemoryShortage(t *testing.T) {
	c := Config{URL: "https://127.0.0.1/", Connections: 1024}
	l := plenty()
	l.memory = func() (netpoll.Memory, bool) { return netpoll.Memory{Available: 10 << 20}, true }
	_, err := preflightOf(t, l, c, "127.0.0.1:443")
	// 8 KiB in the kernel, 5 KiB and 40 KiB for TLS here.
	requireShortage(t, err, ResourceError{"memory", 53 << 20, 10 << 20, "free -m shows who holds it: 43 MiB more must be free"})
	require.EqualError(t, err, "loadtest: not enough memory: the run needs 53 MiB, 10 MiB are available; "+
		"to mend it: free -m shows who holds it: 43 MiB more must be free")

	l.memory = func() (netpoll.Memory, bool) { return netpoll.Memory{Available: 10 << 20, Group: true}, true }
	l.inContainer = func() bool { return true }
	_, err = preflightOf(t, l, c, "127.0.0.1:443")
	requireShortage(t, err, ResourceError{"memory", 53 << 20, 10 << 20, "docker run --memory=… with 43m more than now"})
}

func TestEveryShortageIsNamed(t *testing.T) {
	l := plenty()
	l.descriptors = func() (int, uint64, uint64, error) { return 8, 1024, 1024, nil }
	l.memory = func() (netpoll.Memory, bool) { return netpoll.Memory{}, true }
	_, err := preflightOf(t, l, Config{URL: "http://[::1]/", Connections: 30_000}, "[::1]:80")
	require.ErrorContains(t, err, "not enough file descriptors")
	require.ErrorContains(t, err, "not enough source ports")
	require.ErrorContains(t, err, "not enough memory")
}

// What is unknown is no shortage.
func TestUnknownLimitsStopNothing(t *testing.T) {
	l := limits{
		goos:        "plan9",
		descriptors: func() (int, uint64, uint64, error) { return 0, 0, 0, errors.ErrUnsupported },
		raise:       func() error { return errors.ErrUnsupported },
		portRange:   func() (int, int, bool) { return 0, 0, false },
		memory:      func() (netpoll.Memory, bool) { return netpoll.Memory{}, false },
		inContainer: func() bool { return false },
	}
	target, err := preflightOf(t, l, Config{URL: "http://127.0.0.1/", Connections: 1_000_000}, "127.0.0.1:80")
	require.NoError(t, err)
	require.Empty(t, target.Local)
}

func TestSystemLimitsAllowOneConn(t *testing.T) {
	_, err := preflightOf(t, systemLimits(), Config{URL: "http://127.0.0.1/"}, "127.0.0.1:80")
	require.NoError(t, err)
}
