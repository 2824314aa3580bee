package loadtest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/http/httpguts"
	"golang.org/x/net/idna"
)

// A location is what a URL says: where to connect, and what to ask for there.
type location struct {
	scheme string // http or https
	host   string // a name in ASCII, or a literal address with its zone and without brackets
	port   uint16
	field  string // Host: RFC 9112 §3.2
	target string // in origin form: RFC 9112 §3.2.1
}

// rawURL returns the whole URL that Server, UnixSocket and URL amount to.
func (c Config) rawURL() string {
	switch {
	case c.Server != nil && strings.HasPrefix(c.URL, "/"):
		return c.Server.URL + c.URL
	case c.Server != nil:
		return c.Server.URL + "/" + c.URL
	case c.UnixSocket != "" && isPath(c.URL):
		return "http://localhost/" + strings.TrimPrefix(c.URL, "/")
	default:
		return c.URL
	}
}

// parseLocation takes a URL apart, or says what is wrong with it.
func parseLocation(raw string) (location, problems) {
	var p problems
	u, err := url.Parse(raw)
	if err != nil {
		if !strings.Contains(raw, "://") {
			p.add("URL %q has no scheme: write http://%s", raw, raw)
		} else {
			p.add("URL does not parse: %v", innermost(err))
		}
		return location{}, p
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		p.scheme(u)
		return location{}, p
	}
	loc := location{scheme: u.Scheme, host: p.hostname(u), port: p.port(u), target: u.RequestURI()}
	loc.field = hostField(loc)
	p.rest(u, loc)
	return loc, p
}

// innermost drops the URL, which may hold a password, from the error of url.Parse.
func innermost(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}

func (p *problems) scheme(u *url.URL) {
	switch shown := u.Redacted(); {
	case u.Scheme == "" || u.Opaque != "" && u.Host == "": // "/x", "localhost:8080"
		p.add("URL %q has no scheme: write http://%s", shown, strings.TrimLeft(shown, "/"))
	default:
		p.add("URL %q has the scheme %s: write http or https", shown, u.Scheme)
	}
}

// hostname returns the host as the resolver and the wire take it.
func (p *problems) hostname(u *url.URL) string {
	name := u.Hostname()
	if name == "" {
		p.add("URL %q has no host: write %s://host[:port][/path]", u.Redacted(), u.Scheme)
		return ""
	}
	if isASCII(name) {
		return name // the strict profile below refuses names that resolvers take, such as those with an underscore
	}
	ascii, err := idna.Lookup.ToASCII(name)
	if err != nil {
		p.add("URL has the host %q, no valid domain name: %v", name, err)
	}
	return ascii
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf })
}

// port returns the port, the scheme's own where none is written (RFC 9110 §4.2.1, §4.2.2).
func (p *problems) port(u *url.URL) uint16 {
	if u.Port() == "" {
		return defaultPort(u.Scheme)
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil || port == 0 {
		p.add("URL has the port %s: write one in 1–65535", u.Port())
	}
	return uint16(port)
}

func defaultPort(scheme string) uint16 {
	if scheme == "https" {
		return 443
	}
	return 80
}

// rest checks what is left of a URL with a scheme of ours.
func (p *problems) rest(u *url.URL, loc location) {
	if u.User != nil {
		p.add("URL holds user information: send it in Request.Header as Authorization")
	}
	if u.Fragment != "" {
		p.add("URL ends in the fragment #%s, which is never sent: remove it", u.Fragment)
	}
	if loc.host != "" && !httpguts.ValidHostHeader(loc.field) {
		p.add("URL has the host %q: write a domain name or an address", loc.host)
	}
	// net/url would unescape all of such a path and escape anew what it must: %2F would go out as a slash.
	if strings.Contains(u.RawPath, "%") && u.EscapedPath() != u.RawPath {
		p.add("URL has the path %q, escaped in part: escape spaces and what is not ASCII too, as in %%20", u.RawPath)
	}
	if strings.ContainsFunc(loc.target, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		p.add("URL asks for %q: escape spaces and what is not ASCII, as in %%20", loc.target)
	}
}

// hostField returns the value of Host: the port only if it is not the scheme's own, IPv6 in brackets and without the
// zone, which means nothing to a server (RFC 6874 §4).
func hostField(loc location) string {
	host := loc.host
	if ip, err := netip.ParseAddr(host); err == nil && ip.Is6() {
		host = "[" + ip.WithZone("").String() + "]"
	}
	if loc.port == defaultPort(loc.scheme) {
		return host
	}
	return host + ":" + strconv.Itoa(int(loc.port))
}

// address returns host:port for a dialer.
func (l location) address() string { return net.JoinHostPort(l.host, strconv.Itoa(int(l.port))) }

// serverName returns the name that a certificate must be for.
func (l location) serverName() string {
	if ip, err := netip.ParseAddr(l.host); err == nil {
		return ip.WithZone("").String()
	}
	return strings.TrimSuffix(l.host, ".")
}

// A lookup resolves a host name: [net.Resolver.LookupNetIP].
type lookup func(ctx context.Context, network, host string) ([]netip.Addr, error)

// resolve returns the addresses to try, in order. A name is resolved once for the whole run, and never with a proxy's
// help. Addresses of another family than the sources' are left out.
func (c Config) resolve(ctx context.Context, loc location, find lookup) ([]netip.AddrPort, error) {
	var ips []netip.Addr
	if ip, err := netip.ParseAddr(loc.host); err == nil {
		ips = []netip.Addr{ip}
	} else if ips, err = find(ctx, "ip", loc.host); err != nil {
		return nil, fmt.Errorf("loadtest: cannot resolve %s, the host of URL: %w", loc.host, err)
	}
	var p problems
	ips = p.resolved(c, loc.host, ips)
	if err := p.err(); err != nil {
		return nil, err
	}
	addrs := make([]netip.AddrPort, len(ips))
	for i, ip := range ips {
		addrs[i] = netip.AddrPortFrom(ip, loc.port)
	}
	return addrs, nil
}

// resolved returns those ips that can be used, or adds what is wrong with them.
func (p *problems) resolved(c Config, name string, ips []netip.Addr) []netip.Addr {
	usable := make([]netip.Addr, 0, len(ips))
	for _, ip := range ips {
		ip = ip.Unmap()
		if !c.AllowRemote && c.Server == nil && !isLoopback(ip) {
			p.add("URL names %s, which resolves to %v, not a loopback address: set AllowRemote if that server may be loaded",
				name, ip)
		}
		if len(c.LocalAddrs) > 0 && c.LocalAddrs[0].Unmap().Is4() != ip.Is4() {
			continue
		}
		if !slices.Contains(usable, ip) {
			usable = append(usable, ip)
		}
	}
	if len(usable) == 0 {
		p.add("URL names %s, which has no address of the family of LocalAddrs (%v): found %v", name, c.LocalAddrs, ips)
	}
	return usable
}
