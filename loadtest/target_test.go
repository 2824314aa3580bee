package loadtest

import (
	"context"
	"errors"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLocation(t *testing.T) {
	cases := map[string]location{
		"http://localhost":                {"http", "localhost", 80, "localhost", "/"},
		"HTTP://LocalHost:80/":            {"http", "LocalHost", 80, "LocalHost", "/"},
		"http://localhost:8080/a/b?c=d&e": {"http", "localhost", 8080, "localhost:8080", "/a/b?c=d&e"},
		"http://localhost?x":              {"http", "localhost", 80, "localhost", "/?x"},
		"http://localhost:":               {"http", "localhost", 80, "localhost", "/"},
		"http://localhost:443/":           {"http", "localhost", 443, "localhost:443", "/"},
		"https://localhost/":              {"https", "localhost", 443, "localhost", "/"},
		"https://localhost:443/":          {"https", "localhost", 443, "localhost", "/"},
		"https://localhost:80/":           {"https", "localhost", 80, "localhost:80", "/"},
		"http://127.0.0.1:8080/":          {"http", "127.0.0.1", 8080, "127.0.0.1:8080", "/"},
		"http://[::1]/":                   {"http", "::1", 80, "[::1]", "/"},
		"http://[::1]:8080/":              {"http", "::1", 8080, "[::1]:8080", "/"},
		"http://[fe80::1%25eth0]:81/":     {"http", "fe80::1%eth0", 81, "[fe80::1]:81", "/"}, // RFC 6874 §4
		"http://bücher.example/":          {"http", "xn--bcher-kva.example", 80, "xn--bcher-kva.example", "/"},
		"http://localhost/a b/ü":          {"http", "localhost", 80, "localhost", "/a%20b/%C3%BC"},
		"http://localhost/a%20b%2F":       {"http", "localhost", 80, "localhost", "/a%20b%2F"},
		"http://localhost//x":             {"http", "localhost", 80, "localhost", "//x"},
	}
	for raw, want := range cases {
		got, found := parseLocation(raw)
		require.Empty(t, found, raw)
		require.Equal(t, want, got, raw)
	}
}

func TestRawURL(t *testing.T) {
	server := fixtureOn("tcp", "http://127.0.0.1:1")
	cases := map[string]Config{
		"http://127.0.0.1:1/":    {Server: server},
		"http://127.0.0.1:1/a?b": {Server: server, URL: "/a?b"},
		"http://127.0.0.1:1/?b":  {Server: server, URL: "?b"},
		"http://localhost/":      {UnixSocket: "/s"},
		"http://localhost/a?b":   {UnixSocket: "/s", URL: "/a?b"},
		"http://localhost/?b":    {UnixSocket: "/s", URL: "?b"},
		"https://name/x":         {UnixSocket: "/s", URL: "https://name/x"},
	}
	for want, c := range cases {
		require.Equal(t, want, c.rawURL())
	}
}

// lookupOf answers every name with ips.
func lookupOf(ips ...string) lookup {
	return func(context.Context, string, string) ([]netip.Addr, error) { return addrs(ips...), nil }
}

func resolveTo(t *testing.T, c Config, find lookup) ([]netip.AddrPort, error) {
	t.Helper()
	loc, found := parseLocation(c.rawURL())
	require.Empty(t, found)
	return c.resolve(t.Context(), loc, find)
}

func TestResolveKeepsTheOrder(t *testing.T) {
	got, err := resolveTo(t, Config{URL: "http://localhost:81/"}, lookupOf("::1", "::ffff:127.0.0.1", "127.0.0.1"))
	require.NoError(t, err)
	require.Equal(t, addrPorts("[::1]:81", "127.0.0.1:81"), got)
}

func TestResolveAsksNobodyForAnAddress(t *testing.T) {
	find := func(context.Context, string, string) ([]netip.Addr, error) { panic("asked") }
	got, err := resolveTo(t, Config{URL: "http://127.0.0.1:81/"}, find)
	require.NoError(t, err)
	require.Equal(t, addrPorts("127.0.0.1:81"), got)
}

func addrPorts(s ...string) (out []netip.AddrPort) {
	for _, a := range s {
		out = append(out, netip.MustParseAddrPort(a))
	}
	return out
}

// One address of a name that is not ours is enough to refuse it.
func TestResolveRefusesRemoteNames(t *testing.T) {
	find := lookupOf("127.0.0.1", "192.0.2.1")
	_, err := resolveTo(t, Config{URL: "http://example.com/"}, find)
	require.EqualError(t, err, "loadtest: invalid Config: URL names example.com, which resolves to 192.0.2.1, "+
		"not a loopback address: set AllowRemote if that server may be loaded")
	require.ErrorAs(t, err, new(*ConfigError))

	got, err := resolveTo(t, Config{URL: "http://example.com/", AllowRemote: true}, find)
	require.NoError(t, err)
	require.Equal(t, addrPorts("127.0.0.1:80", "192.0.2.1:80"), got)
}

func TestResolveKeepsToTheFamilyOfTheSources(t *testing.T) {
	c := Config{URL: "http://localhost/", LocalAddrs: addrs("127.0.0.2")}
	got, err := resolveTo(t, c, lookupOf("::1", "127.0.0.1"))
	require.NoError(t, err)
	require.Equal(t, addrPorts("127.0.0.1:80"), got)

	_, err = resolveTo(t, c, lookupOf("::1"))
	require.EqualError(t, err, "loadtest: invalid Config: URL names localhost, which has no address of the family of "+
		"LocalAddrs ([127.0.0.2]): found [::1]")
}

func TestResolverErrorIsNoConfigError(t *testing.T) {
	broken := errors.New("no such host")
	_, err := resolveTo(t, Config{URL: "http://nowhere.example/"},
		func(context.Context, string, string) ([]netip.Addr, error) { return nil, broken })
	require.EqualError(t, err, "loadtest: cannot resolve nowhere.example, the host of URL: no such host")
	require.ErrorIs(t, err, broken)
}
