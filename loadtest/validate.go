package loadtest

import (
	"crypto/tls"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"time"
)

const (
	// maxConnections bounds slot numbers, which the engine keeps in 32 bits together with flags.
	maxConnections = 1 << 24

	// longest bounds each duration and the ramp: the engine counts ticks of down to 100 µs in 32 bits, 119 h in all.
	longest = 24 * time.Hour

	// maxReopenRate keeps the instants of the attempts a µs and more apart.
	maxReopenRate = 1_000_000
)

// validate returns a *ConfigError with all problems of c, nil if there are none. It opens nothing and asks nobody: what
// only the resolver and the kernel know is checked by resolve.
func (c Config) validate() error {
	var p problems
	p.target(c)
	p.counts(c)
	p.durations(c)
	p.reopen(c.Reopen)
	p = append(p, c.Cadence.problems()...)
	p.request(c.Request)
	p.tls(c)
	p.sources(c)
	p.processes(c)
	p.serverPID(c)
	return p.err()
}

func (p problems) err() error {
	if len(p) == 0 {
		return nil
	}
	return &ConfigError{Problems: p}
}

// target checks which of the ways to name a target are used, and then the URL that they amount to.
func (p *problems) target(c Config) {
	switch {
	case c.Server != nil && c.UnixSocket != "":
		p.add("Server and UnixSocket are both set: each names a target; keep one")
	case c.Server != nil && !isPath(c.URL):
		p.add("Server is set and URL is %q: each names a target; with a Server write only a path such as \"/health\"", c.URL)
	case c.UnixSocket != "" && !isPath(c.URL) && !strings.Contains(c.URL, "://"):
		p.add("URL is %q: with a UnixSocket write a path such as \"/health\", or http://host[/path]", c.URL)
	case c.Server == nil && c.UnixSocket == "" && c.URL == "":
		p.add("URL is empty and there is no Server: write http://host[:port][/path], or set Server")
	default:
		loc, found := parseLocation(c.rawURL())
		*p = append(*p, found...)
		if c.Server == nil && c.UnixSocket == "" && c.DialContext == nil {
			p.remote(c, loc)
		}
	}
	if c.UnixSocket != "" {
		p.unixPath(c.UnixSocket)
	}
	p.dialContext(c)
}

// isPath reports whether a URL is what suffices beside a Server or a UnixSocket: nothing, a path, a query.
func isPath(s string) bool {
	return s == "" || s[0] == '?' || s[0] == '/' && !strings.HasPrefix(s, "//")
}

// remote refuses a literal address that is not ours, so that no test suite loads somebody's production by a typo.
// Names are checked when they are resolved.
func (p *problems) remote(c Config, loc location) {
	ip, err := netip.ParseAddr(loc.host)
	if err != nil {
		return
	}
	if ip.IsUnspecified() {
		p.add("URL names %v, an address to listen on: write %v to connect", ip, loopbackOf(ip))
	} else if !c.AllowRemote && !isLoopback(ip) {
		p.add("URL names %v, which is not a loopback address: set AllowRemote if that server may be loaded", ip)
	}
}

func isLoopback(ip netip.Addr) bool { return ip.Unmap().IsLoopback() }

func loopbackOf(ip netip.Addr) netip.Addr {
	if ip.Unmap().Is4() {
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return netip.IPv6Loopback()
}

func (p *problems) unixPath(path string) {
	most := maxUnixPath(runtime.GOOS)
	switch {
	case strings.ContainsRune(path, 0):
		p.add("UnixSocket is %q: a path holds no NUL; for an abstract socket write @name", path)
	case len(path) > most:
		p.add("UnixSocket is %q, %d bytes long: the kernel takes at most %d; use a shorter directory", path, len(path), most)
	}
}

// maxUnixPath is the size of sun_path without its terminating NUL.
func maxUnixPath(goos string) int {
	if goos == "linux" || goos == "windows" {
		return 107
	}
	return 103
}

func (p *problems) dialContext(c Config) {
	if c.DialContext == nil {
		return
	}
	const keep = "DialContext opens every conn by itself; keep one"
	if c.UnixSocket != "" {
		p.add("DialContext and UnixSocket are both set: %s", keep)
	}
	if len(c.LocalAddrs) > 0 {
		p.add("DialContext and LocalAddrs are both set: %s", keep)
	}
	if c.Server != nil {
		if network := c.Server.target().network; network != "tcp" {
			p.add("DialContext and a Server on %s are both set: %s", network, keep)
		}
	}
}

func (p *problems) counts(c Config) {
	if c.Connections < 0 {
		p.add("Connections is %d: write how many conns to hold, or 0 for 1", c.Connections)
	}
	if c.Connections > maxConnections {
		p.add("Connections is %d: at most %d", c.Connections, maxConnections)
	}
	if c.Ramp.Conns < 0 {
		p.add("Ramp.Conns is %d: write how many conns open at once, or 0 for %d", c.Ramp.Conns, defaultRampConns)
	}
	p.rampLength(c)
}

func (p *problems) rampLength(c Config) {
	r := c.Ramp.effective()
	if r.Every <= 0 || r.Conns <= 0 || c.Connections <= 0 || c.Connections > maxConnections {
		return
	}
	// The product of both could overflow.
	if steps := (c.Connections - 1) / r.Conns; time.Duration(steps) > longest/r.Every {
		p.add("Ramp opens %d conns every %v, too slow for %d Connections: it may last %v at most",
			r.Conns, r.Every, c.Connections, longest)
	}
}

func (p *problems) durations(c Config) {
	const end = "every run must end, so it cannot be off; write how long to wait, or 0 for 3s"
	if c.IdleTimeout < 0 {
		p.add("IdleTimeout is %v: write the server's keep-alive timeout, or 0 for %v; for a server that has none, "+
			"twice the time within which a conn must have answered to count as held", c.IdleTimeout, defaultIdleTimeout)
	}
	if c.ConnectTimeout < 0 {
		p.add("ConnectTimeout is %v: %s", c.ConnectTimeout, end)
	}
	if c.ResponseTimeout < 0 {
		p.add("ResponseTimeout is %v: %s", c.ResponseTimeout, end)
	}
	p.magnitude("Ramp.Every", c.Ramp.Every)
	p.magnitude("IdleTimeout", c.IdleTimeout)
	p.magnitude("ConnectTimeout", c.ConnectTimeout)
	p.magnitude("ResponseTimeout", c.ResponseTimeout)
	p.magnitude("Hold", c.Hold)
}

func (p *problems) reopen(r Reopen) {
	if r.Delay == 0 && r != (Reopen{}) {
		p.add("Reopen.Delay is 0, which means never, and other fields of Reopen are set: write the delay, or -1 for none")
	}
	if r.MaxDelay < 0 {
		p.add("Reopen.MaxDelay is %v: write the longest delay, or 0 for %v", r.MaxDelay, defaultMaxDelay)
	}
	if r.MaxDelay > 0 && r.MaxDelay < r.Delay {
		p.add("Reopen.MaxDelay is %v, below the Delay of %v: raise the one or lower the other", r.MaxDelay, r.Delay)
	}
	if r.PerSecond < 0 {
		p.add("Reopen.PerSecond is %d: it cannot be off, lest a dead server meet a storm of connects; write how many "+
			"attempts a second, or 0 for %d", r.PerSecond, defaultReopenRate)
	}
	if r.PerSecond > maxReopenRate {
		p.add("Reopen.PerSecond is %d: at most %d", r.PerSecond, maxReopenRate)
	}
	p.magnitude("Reopen.Delay", r.Delay)
	p.magnitude("Reopen.MaxDelay", r.MaxDelay)
}

// magnitude refuses what the engine cannot count, and what is a number of seconds without its unit.
func (p *problems) magnitude(field string, d time.Duration) {
	if d > longest {
		p.add("%s is %v: at most %v", field, d, longest)
	}
	if d > 0 && d < time.Microsecond {
		p.add("%s is %v: was a unit such as time.Second forgotten?", field, d)
	}
}

func (p *problems) tls(c Config) {
	if c.TLS == nil {
		return
	}
	if raw := c.rawURL(); strings.HasPrefix(strings.ToLower(raw), "http:") {
		if c.Server != nil {
			p.add("TLS is set and Server speaks plain HTTP: remove TLS, or use NewTLSServer")
		} else {
			p.add("TLS is set and URL is %q: write https://, or remove TLS", raw)
		}
	}
	if protos := c.TLS.NextProtos; len(protos) > 0 && !slices.Contains(protos, "http/1.1") {
		p.add("TLS.NextProtos is %q: holdfast speaks http/1.1; add that, or leave NextProtos empty", protos)
	}
	// crypto/tls takes a MinVersion of 0 as TLS 1.2.
	lowest, highest := c.TLS.MinVersion, c.TLS.MaxVersion
	if lowest == 0 {
		lowest = tls.VersionTLS12
	}
	if highest != 0 && highest < lowest {
		p.add("TLS.MaxVersion is %s, below the MinVersion %s: no handshake can succeed; raise the one or lower the other",
			tls.VersionName(highest), tls.VersionName(lowest))
	}
}

// sources checks LocalAddrs as far as that goes without the kernel.
func (p *problems) sources(c Config) {
	if len(c.LocalAddrs) == 0 {
		return
	}
	if c.UnixSocket != "" || c.Server != nil && c.Server.target().network != "tcp" {
		p.add("LocalAddrs is set and the target is not reached by TCP: remove LocalAddrs")
		return
	}
	seen := make(map[netip.Addr]bool, len(c.LocalAddrs))
	for i, a := range c.LocalAddrs {
		switch {
		case !a.IsValid():
			p.add("LocalAddrs[%d] is the zero netip.Addr: write an address of this machine", i)
		case a.IsUnspecified() || a.IsMulticast():
			p.add("LocalAddrs[%d] is %v, no source address: write an address of this machine, or leave LocalAddrs empty", i, a)
		case seen[a]:
			p.add("LocalAddrs[%d] is %v again: name each address once", i, a)
		}
		seen[a] = true
	}
	p.families(c)
}

// families refuses sources of both families, and those of the other family than a literal target.
func (p *problems) families(c Config) {
	first := c.LocalAddrs[0]
	for _, a := range c.LocalAddrs[1:] {
		if a.IsValid() && first.IsValid() && a.Unmap().Is4() != first.Unmap().Is4() {
			p.add("LocalAddrs mixes %v and %v: all must be IPv4, or all IPv6, like the target", first, a)
			return
		}
	}
	loc, _ := parseLocation(c.rawURL())
	ip, err := netip.ParseAddr(loc.host)
	if err == nil && first.IsValid() && ip.Unmap().Is4() != first.Unmap().Is4() {
		p.add("LocalAddrs holds %v and the target is %v: source and target must be of one family", first, ip)
	}
}
