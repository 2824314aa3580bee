package loadtest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

// problemsOf returns the sentences of c's ConfigError.
func problemsOf(t *testing.T, c Config) []string {
	t.Helper()
	err := c.validate()
	if err == nil {
		return nil
	}
	var invalid *ConfigError
	require.ErrorAs(t, err, &invalid)
	return invalid.Problems
}

// fixtureOn is a Server that nobody serves.
func fixtureOn(network, url string) *Server {
	return &Server{URL: url, Addr: "127.0.0.1:1", ln: &listener{network: network}}
}

func noDial(context.Context, string, string) (net.Conn, error) { return nil, errors.New("not dialled") }

// Each case breaks one thing of a valid Config and names the one sentence that it earns.
func TestValidateNamesTheProblem(t *testing.T) {
	const day = 24 * time.Hour
	long := strings.Repeat("s", maxUnixPath(runtime.GOOS)+1)
	cases := map[string]struct {
		change func(*Config)
		want   string
	}{
		"no target":            {func(c *Config) { c.URL = "" }, `URL is empty and there is no Server: write http://host[:port][/path], or set Server`},
		"server and URL":       {func(c *Config) { c.Server = fixtureOn("tcp", "http://127.0.0.1:1") }, `Server is set and URL is "http://127.0.0.1:8080/": each names a target; with a Server write only a path such as "/health"`},
		"server and authority": {func(c *Config) { c.Server, c.URL = fixtureOn("tcp", "http://127.0.0.1:1"), "//x/y" }, `Server is set and URL is "//x/y": each names a target; with a Server write only a path such as "/health"`},
		"server and socket":    {func(c *Config) { c.Server, c.URL, c.UnixSocket = fixtureOn("tcp", "http://127.0.0.1:1"), "", "/s" }, `Server and UnixSocket are both set: each names a target; keep one`},

		"no parse":          {func(c *Config) { c.URL = "http://user:secret@[::1/" }, `URL does not parse: missing ']' in host`},
		"no scheme":         {func(c *Config) { c.URL = "localhost:8080" }, `URL "localhost:8080" has no scheme: write http://localhost:8080`},
		"no scheme, IP":     {func(c *Config) { c.URL = "127.0.0.1:8080/x" }, `URL "127.0.0.1:8080/x" has no scheme: write http://127.0.0.1:8080/x`},
		"no scheme, slash":  {func(c *Config) { c.URL = "//localhost/x" }, `URL "//localhost/x" has no scheme: write http://localhost/x`},
		"other scheme":      {func(c *Config) { c.URL = "ftp://localhost/" }, `URL "ftp://localhost/" has the scheme ftp: write http or https`},
		"no host":           {func(c *Config) { c.URL = "http:///x" }, `URL "http:///x" has no host: write http://host[:port][/path]`},
		"opaque":            {func(c *Config) { c.URL = "http:localhost" }, `URL "http:localhost" has no host: write http://host[:port][/path]`},
		"user":              {func(c *Config) { c.URL = "http://a:b@127.0.0.1/" }, `URL holds user information: send it in Request.Header as Authorization`},
		"fragment":          {func(c *Config) { c.URL = "http://127.0.0.1/#top" }, `URL ends in the fragment #top, which is never sent: remove it`},
		"port 0":            {func(c *Config) { c.URL = "http://127.0.0.1:0/" }, `URL has the port 0: write one in 1–65535`},
		"port too high":     {func(c *Config) { c.URL = "http://127.0.0.1:65536/" }, `URL has the port 65536: write one in 1–65535`},
		"space in query":    {func(c *Config) { c.URL = "http://127.0.0.1/?a b" }, `URL asks for "/?a b": escape spaces and what is not ASCII, as in %20`},
		"path half escaped": {func(c *Config) { c.URL = "http://127.0.0.1/%2F/a b" }, `URL has the path "/%2F/a b", escaped in part: escape spaces and what is not ASCII too, as in %20`},
		"idna":              {func(c *Config) { c.URL = "http://ä--ö..x-/" }, `URL has the host "ä--ö..x-", no valid domain name: idna: invalid label "ä--ö"`},
		"host characters":   {func(c *Config) { c.URL = `http://a"b/` }, `URL has the host "a\"b": write a domain name or an address`},

		"remote":          {func(c *Config) { c.URL = "http://192.0.2.1/" }, `URL names 192.0.2.1, which is not a loopback address: set AllowRemote if that server may be loaded`},
		"remote v6":       {func(c *Config) { c.URL = "http://[2001:db8::1]/" }, `URL names 2001:db8::1, which is not a loopback address: set AllowRemote if that server may be loaded`},
		"link local":      {func(c *Config) { c.URL = "http://[fe80::1%25eth0]/" }, `URL names fe80::1%eth0, which is not a loopback address: set AllowRemote if that server may be loaded`},
		"any v4":          {func(c *Config) { c.URL, c.AllowRemote = "http://0.0.0.0:80/", true }, `URL names 0.0.0.0, an address to listen on: write 127.0.0.1 to connect`},
		"any v6":          {func(c *Config) { c.URL = "http://[::]/" }, `URL names ::, an address to listen on: write ::1 to connect`},
		"mapped":          {func(c *Config) { c.URL = "http://[::ffff:192.0.2.1]/" }, `URL names ::ffff:192.0.2.1, which is not a loopback address: set AllowRemote if that server may be loaded`},
		"socket, ftp":     {func(c *Config) { c.UnixSocket, c.URL = "/s", "ftp://x/" }, `URL "ftp://x/" has the scheme ftp: write http or https`},
		"socket, no path": {func(c *Config) { c.UnixSocket, c.URL = "/s", "health" }, `URL is "health": with a UnixSocket write a path such as "/health", or http://host[/path]`},
		"socket, host":    {func(c *Config) { c.UnixSocket, c.URL = "/s", "//host/x" }, `URL is "//host/x": with a UnixSocket write a path such as "/health", or http://host[/path]`},
		"socket, spaces":  {func(c *Config) { c.UnixSocket, c.URL = "/s", "/a?b c" }, `URL asks for "/a?b c": escape spaces and what is not ASCII, as in %20`},
		"socket, long":    {func(c *Config) { c.UnixSocket = long }, fmt.Sprintf(`UnixSocket is %q, %d bytes long: the kernel takes at most %d; use a shorter directory`, long, len(long), len(long)-1)},
		"socket, NUL":     {func(c *Config) { c.UnixSocket = "\x00s" }, `UnixSocket is "\x00s": a path holds no NUL; for an abstract socket write @name`},

		"dial and socket": {func(c *Config) { c.DialContext, c.UnixSocket = noDial, "/s" }, `DialContext and UnixSocket are both set: DialContext opens every conn by itself; keep one`},
		"dial and local":  {func(c *Config) { c.DialContext, c.LocalAddrs = noDial, addrs("127.0.0.2") }, `DialContext and LocalAddrs are both set: DialContext opens every conn by itself; keep one`},
		"dial and memory": {func(c *Config) { c.DialContext, c.URL, c.Server = noDial, "", fixtureOn("memory", "http://memory") }, `DialContext and a Server on memory are both set: DialContext opens every conn by itself; keep one`},

		"connections":   {func(c *Config) { c.Connections = -1 }, `Connections is -1: write how many conns to hold, or 0 for 1`},
		"too many":      {func(c *Config) { c.Connections = 1<<24 + 1 }, `Connections is 16777217: at most 16777216`},
		"ramp":          {func(c *Config) { c.Ramp.Conns = -3 }, `Ramp.Conns is -3: write how many conns open at once, or 0 for 10`},
		"ramp too slow": {func(c *Config) { c.Connections, c.Ramp = 1e6, Ramp{1, time.Hour} }, `Ramp opens 1 conns every 1h0m0s, too slow for 1000000 Connections: it may last 24h0m0s at most`},
		"idle timeout":  {func(c *Config) { c.IdleTimeout = -1 }, `IdleTimeout is -1ns: write the server's keep-alive timeout, or 0 for 1m0s; for a server that has none, twice the time within which a conn must have answered to count as held`},
		"no unit":       {func(c *Config) { c.IdleTimeout = 60 }, `IdleTimeout is 60ns: was a unit such as time.Second forgotten?`},
		"connect":       {func(c *Config) { c.ConnectTimeout = -time.Second }, `ConnectTimeout is -1s: every run must end, so it cannot be off; write how long to wait, or 0 for 3s`},
		"response":      {func(c *Config) { c.ResponseTimeout = -time.Second }, `ResponseTimeout is -1s: every run must end, so it cannot be off; write how long to wait, or 0 for 3s`},
		"hold too long": {func(c *Config) { c.Hold = day + 1 }, `Hold is 24h0m0.000000001s: at most 24h0m0s`},

		"uniform negative":  {func(c *Config) { c.Cadence = Uniform(-1, 5) }, `Cadence is Uniform(-1ns, 5ns): the shortest pause must not be negative`},
		"uniform reversed":  {func(c *Config) { c.Cadence = Uniform(5, 1) }, `Cadence is Uniform(5ns, 1ns): the longest pause is below the shortest; write Uniform(1ns, 5ns)`},
		"uniform zero":      {func(c *Config) { c.Cadence = Uniform(0, 0) }, `Cadence is Uniform(0s, 0s), no pause at all: write BackToBack()`},
		"every zero":        {func(c *Config) { c.Cadence = Every(0) }, `Cadence is Every(0s): the pause must be above zero; for none write BackToBack()`},
		"exponential":       {func(c *Config) { c.Cadence = Exponential(-1) }, `Cadence is Exponential(-1ns): the mean must be above zero; for no pause write BackToBack()`},
		"fixed closed loop": {func(c *Config) { c.Cadence = Fixed(BackToBack()) }, `Cadence is Fixed(BackToBack()): there are no pauses to put on a grid; write BackToBack()`},
		"fixed silent":      {func(c *Config) { c.Cadence = Fixed(Silent()) }, `Cadence is Fixed(Silent()): there are no pauses to put on a grid; write Silent()`},
		"pause too long":    {func(c *Config) { c.Cadence = Uniform(0, 2*day) }, `Cadence's longest pause is 48h0m0s: at most 24h0m0s`},
		"every too long":    {func(c *Config) { c.Cadence = Fixed(Every(2 * day)) }, `Cadence's pause is 48h0m0s: at most 24h0m0s`},
		"every, no unit":    {func(c *Config) { c.Cadence = Every(10) }, `Cadence's pause is 10ns: was a unit such as time.Second forgotten?`},
		"mean, no unit":     {func(c *Config) { c.Cadence = Exponential(15) }, `Cadence's pause is 15ns: was a unit such as time.Second forgotten?`},
		"uniform, no unit":  {func(c *Config) { c.Cadence = Uniform(0, 30) }, `Cadence's longest pause is 30ns: was a unit such as time.Second forgotten?`},
		"uniform, one unit": {func(c *Config) { c.Cadence = Uniform(1, 30*time.Second) }, `Cadence's shortest pause is 1ns: was a unit such as time.Second forgotten?`},

		"method":          {func(c *Config) { c.Request.Method = "GET /" }, `Request.Method is "GET /", no token: write a method such as HEAD, GET or POST`},
		"method case":     {func(c *Config) { c.Request.Method = "get" }, `Request.Method is "get": methods are case-sensitive; write GET`},
		"connect method":  {func(c *Config) { c.Request.Method = "CONNECT" }, `Request.Method is CONNECT: it would turn the conn into a tunnel; write another method`},
		"trace with body": {func(c *Config) { c.Request = Request{Method: "TRACE", Body: []byte("x")} }, `Request.Method is TRACE and Request.Body has 1 bytes: a TRACE has no body; remove it`},
		"head with body":  {func(c *Config) { c.Request.Body = []byte("xy") }, `Request.Method is HEAD and Request.Body has 2 bytes: write a method that has a body, such as POST`},
		"field name":      {header("X A", "1"), `Request.Header has a field named "X A", no token: use letters, digits and hyphens`},
		"name injection":  {header("X: 1\r\nY", "1"), `Request.Header has a field named "X: 1\r\nY", no token: use letters, digits and hyphens`},
		"value injection": {header("X-A", "1\r\nY: 2"), `Request.Header sets X-A to "1\r\nY: 2": a control character would end or break the field; remove it`},
		"host value":      {header("Host", "a b"), `Request.Header sets Host to "a b": write host[:port]`},
		"two hosts":       {header("Host", "a", "b"), `Request.Header sets Host 2 times: a request has exactly one`},
		"Host and host": {func(c *Config) { c.Request.Header = http.Header{"Host": {"a"}, "host": {"b"}} },
			`Request.Header has Host and host, which are one field: which comes first, or counts, would be chance; keep one of them, with all values`},
		"X-A and x-a": {func(c *Config) { c.Request.Header = http.Header{"X-A": {"1"}, "x-a": {"1"}} },
			`Request.Header has X-A and x-a, which are one field: which comes first, or counts, would be chance; keep one of them, with all values`},
		"connection":         {header("connection", "close"), `Request.Header sets Connection to ["close"]: holdfast manages it; remove it, or write keep-alive`},
		"upgrade":            {header("Upgrade", "websocket"), `Request.Header sets Upgrade: holdfast manages it (an upgraded conn no longer speaks HTTP/1.1); remove it`},
		"chunked":            {header("Transfer-Encoding", "chunked"), `Request.Header sets Transfer-Encoding: holdfast manages it (Request.Body is framed by its length); remove it`},
		"length":             {header("content-length", "5"), `Request.Header sets Content-Length: holdfast manages it (it is the length of Request.Body); remove it`},
		"expect":             {header("Expect", "100-continue"), `Request.Header sets Expect: holdfast manages it (it would have the body wait for an interim response); remove it`},
		"trailer":            {header("Trailer", "X"), `Request.Header sets Trailer: holdfast manages it (requests have no trailers); remove it`},
		"want reversed":      {func(c *Config) { c.Request.Want = StatusRange{404, 0} }, `Request.Want is 404–0: the lowest is above the highest; for a single status write it twice`},
		"want interim":       {func(c *Config) { c.Request.Want = StatusRange{100, 299} }, `Request.Want is 100–299: final statuses lie in 200–999`},
		"want impossible":    {func(c *Config) { c.Request.Want = StatusRange{200, 1000} }, `Request.Want is 200–1000: final statuses lie in 200–999`},
		"TLS on http":        {func(c *Config) { c.TLS = &tls.Config{} }, `TLS is set and URL is "http://127.0.0.1:8080/": write https://, or remove TLS`},
		"TLS, plain fixture": {func(c *Config) { c.TLS, c.URL, c.Server = &tls.Config{}, "", fixtureOn("tcp", "http://127.0.0.1:1") }, `TLS is set and Server speaks plain HTTP: remove TLS, or use NewTLSServer`},
		"only h2":            {https(&tls.Config{NextProtos: []string{"h2"}}), `TLS.NextProtos is ["h2"]: holdfast speaks http/1.1; add that, or leave NextProtos empty`},
		"TLS versions":       {https(&tls.Config{MinVersion: tls.VersionTLS13, MaxVersion: tls.VersionTLS12}), `TLS.MaxVersion is TLS 1.2, below the MinVersion TLS 1.3: no handshake can succeed; raise the one or lower the other`},
		"old TLS":            {https(&tls.Config{MaxVersion: tls.VersionTLS10}), `TLS.MaxVersion is TLS 1.0, below the MinVersion TLS 1.2: no handshake can succeed; raise the one or lower the other`},

		"local, zero":      {local(netip.Addr{}), `LocalAddrs[0] is the zero netip.Addr: write an address of this machine`},
		"local, any":       {local(addrs("0.0.0.0")...), `LocalAddrs[0] is 0.0.0.0, no source address: write an address of this machine, or leave LocalAddrs empty`},
		"local, twice":     {local(addrs("127.0.0.2", "127.0.0.2")...), `LocalAddrs[1] is 127.0.0.2 again: name each address once`},
		"local, families":  {local(addrs("127.0.0.2", "::1")...), `LocalAddrs mixes 127.0.0.2 and ::1: all must be IPv4, or all IPv6, like the target`},
		"local, other":     {local(addrs("::1")...), `LocalAddrs holds ::1 and the target is 127.0.0.1: source and target must be of one family`},
		"local and socket": {func(c *Config) { c.UnixSocket, c.LocalAddrs = "/s", addrs("127.0.0.2") }, `LocalAddrs is set and the target is not reached by TCP: remove LocalAddrs`},

		"server PID": {func(c *Config) { c.ServerPID = -7 }, `ServerPID is -7: write the number of the server's process, or 0 for none`},

		"reopen never": {func(c *Config) { c.Reopen = Reopen{MaxDelay: time.Second} },
			`Reopen.Delay is 0, which means never, and other fields of Reopen are set: write the delay, or -1 for none`},
		"reopen bound below": {func(c *Config) { c.Reopen = Reopen{Delay: 2 * time.Second, MaxDelay: time.Second} },
			`Reopen.MaxDelay is 1s, below the Delay of 2s: raise the one or lower the other`},
		"reopen bound negative": {func(c *Config) { c.Reopen = Reopen{Delay: -1, MaxDelay: -1} },
			`Reopen.MaxDelay is -1ns: write the longest delay, or 0 for 1m0s`},
		"reopen unbounded": {func(c *Config) { c.Reopen = Reopen{Delay: -1, PerSecond: -1} },
			`Reopen.PerSecond is -1: it cannot be off, lest a dead server meet a storm of connects; write how many attempts a second, or 0 for 1000`},
		"reopen storm": {func(c *Config) { c.Reopen = Reopen{Delay: -1, PerSecond: 1_000_001} },
			`Reopen.PerSecond is 1000001: at most 1000000`},
		"reopen unit": {func(c *Config) { c.Reopen = Reopen{Delay: 5} },
			`Reopen.Delay is 5ns: was a unit such as time.Second forgotten?`},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c := Config{URL: "http://127.0.0.1:8080/"}
			tc.change(&c)
			if diff := cmp.Diff([]string{tc.want}, problemsOf(t, c)); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

func addrs(s ...string) (out []netip.Addr) {
	for _, a := range s {
		out = append(out, netip.MustParseAddr(a))
	}
	return out
}

func header(name string, values ...string) func(*Config) {
	return func(c *Config) { c.Request.Header = http.Header{name: values} }
}

func https(t *tls.Config) func(*Config) {
	return func(c *Config) { c.URL, c.TLS = "https://127.0.0.1/", t }
}

func local(a ...netip.Addr) func(*Config) { return func(c *Config) { c.LocalAddrs = a } }

// What looks unusual and is meant must pass.
func TestValidateAccepts(t *testing.T) {
	cases := map[string]Config{
		"zero but for the URL":     {URL: "http://localhost"},
		"query without path":       {URL: "http://localhost?x=1"},
		"empty port":               {URL: "http://localhost:/"},
		"IDNA":                     {URL: "http://bücher.example/"},
		"underscore":               {URL: "http://my_service:8080/"},
		"another loopback address": {URL: "http://127.9.8.7/"},
		"mapped loopback":          {URL: "http://[::ffff:127.0.0.1]/"},
		"allowed remote":           {URL: "http://192.0.2.1/", AllowRemote: true},
		"remote by DialContext":    {URL: "http://192.0.2.1/", DialContext: noDial},
		"remote by unix socket":    {URL: "http://192.0.2.1/", UnixSocket: "/run/s"},
		"unix socket alone":        {UnixSocket: "@abstract"},
		"unix socket and path":     {UnixSocket: "/run/s", URL: "/a?b"},
		"unix socket and query":    {UnixSocket: "/run/s", URL: "?b"},
		"TLS over unix socket":     {URL: "https://localhost/", UnixSocket: "/run/s", TLS: &tls.Config{}},
		"server":                   {Server: fixtureOn("tcp", "http://127.0.0.1:1")},
		"server and path":          {Server: fixtureOn("unix", "http://unix"), URL: "/a?b"},
		"server and query":         {Server: fixtureOn("memory", "http://memory"), URL: "?b"},
		"server and DialContext":   {Server: fixtureOn("tcp", "http://127.0.0.1:1"), DialContext: noDial},
		"no hold":                  {URL: "http://[::1]/", Hold: -1},
		"at once":                  {URL: "http://[::1]/", Connections: 1 << 24, Ramp: Ramp{Every: -1}},
		"no children":              {URL: "http://[::1]/", Processes: -1},
		"short idle timeout":       {URL: "http://[::1]/", IdleTimeout: time.Millisecond},
		"pause down to nothing":    {URL: "http://[::1]/", Cadence: Uniform(0, time.Microsecond)},
		"field of two values":      {URL: "http://[::1]/", Request: Request{Header: http.Header{"x-a": {"1", "2"}}}},
		"fixed default":            {URL: "http://[::1]/", Cadence: Fixed(Cadence{})},
		"GET with body":            {URL: "http://[::1]/", Request: Request{Method: "GET", Body: []byte("x")}},
		"keep-alive, own host": {URL: "http://[::1]/", Request: Request{
			Header: http.Header{"Connection": {"Keep-Alive"}, "Host": {"example.com:8080"}}}},
		"one status":           {URL: "http://[::1]/", Request: Request{Want: StatusRange{404, 404}}},
		"h2 beside http/1.1":   {URL: "https://[::1]/", TLS: &tls.Config{NextProtos: []string{"h2", "http/1.1"}}},
		"old TLS, both bounds": {URL: "https://[::1]/", TLS: &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10}},
		"source":               {URL: "http://127.0.0.1/", LocalAddrs: addrs("127.0.0.2", "127.0.0.3")},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := problemsOf(t, c); got != nil {
				t.Errorf("problems: got %q, want none", got)
			}
		})
	}
}

// A person mends a Config once: all that is wrong with it is said at once, a line each.
func TestValidateReportsEverythingAtOnce(t *testing.T) {
	err := Config{
		URL:         "http://192.0.2.1:0/",
		Connections: -1,
		Cadence:     Every(-1),
		Request:     Request{Header: http.Header{"Expect": {"x"}}},
	}.validate()
	want := "loadtest: invalid Config, 5 problems:\n" +
		"\tURL has the port 0: write one in 1–65535\n" +
		"\tURL names 192.0.2.1, which is not a loopback address: set AllowRemote if that server may be loaded\n" +
		"\tConnections is -1: write how many conns to hold, or 0 for 1\n" +
		"\tCadence is Every(-1ns): the pause must be above zero; for none write BackToBack()\n" +
		"\tRequest.Header sets Expect: holdfast manages it (it would have the body wait for an interim response); remove it"
	require.EqualError(t, err, want)

	require.EqualError(t, Config{}.validate(), "loadtest: invalid Config: "+
		"URL is empty and there is no Server: write http://host[:port][/path], or set Server")
}

func TestMaxUnixPath(t *testing.T) {
	require.Equal(t, 107, maxUnixPath("linux"))
	require.Equal(t, 103, maxUnixPath("darwin"))
}
