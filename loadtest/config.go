package loadtest

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"time"
)

// A Config says what [Run] does. The zero value of each field is the documented default; a negative duration or count
// means off where that makes sense, and is refused elsewhere. Run neither changes nor clamps it: what it cannot do as
// written it refuses, all problems at once in a [*ConfigError]. No duration may exceed 24 h.
type Config struct {
	// Server is a fixture made by NewServer, NewTLSServer or Serve: it gives the address, the TLS trust and its own
	// counts as ground truth. URL may then be empty, or a path with or without a query.
	Server *Server

	// URL is the target, http://host[:port][/path][?query] or https://…. Its host is resolved once and its addresses are
	// tried in order; the first that accepts is used for all conns. Proxies are ignored. User information and
	// fragments are refused.
	URL string

	// UnixSocket is the path of a unix socket to connect to, @name for an abstract one; URL then gives only Host, the
	// path and whether to speak TLS. It may be empty, or a path with or without a query: Host is then localhost.
	UnixSocket string

	// Connections is the number of conns to open and hold. Default 1; at most 16 777 216.
	Connections int

	// Ramp is how fast they open. Default 10 every 10 ms.
	Ramp Ramp

	// IdleTimeout is the server's keep-alive timeout (see http.Server.IdleTimeout): how long it leaves a conn open
	// without a request. Default 60 s. It sets the defaults of Cadence and Hold, and a conn is held only if it answered
	// within IdleTimeout/2. For a server that has none, write twice the time that you take for it.
	IdleTimeout time.Duration

	// Cadence draws the pauses between a response and the next request on a conn. Default Uniform(1 s, IdleTimeout/2), or
	// Uniform(IdleTimeout/4, IdleTimeout/2) where IdleTimeout/2 is 1 s or less.
	Cadence Cadence

	// Hold is how long the conns are held after the ramp. Default IdleTimeout/2. Negative: not at all.
	Hold time.Duration

	// Request is what is sent on every conn. Default HEAD.
	Request Request

	// ConnectTimeout bounds an attempt to open a conn, TLS handshake included. Default 3 s. It cannot be off, because
	// every run must end.
	ConnectTimeout time.Duration

	// ResponseTimeout bounds the time from sending a request to the last byte of its response. Default 3 s. It
	// cannot be off.
	ResponseTimeout time.Duration

	// Reopen says what follows the loss of a conn, or an attempt that failed. Default: it stays lost.
	Reopen Reopen

	// Seed makes the draws of all pauses, and of Reopen's delays, reproducible. 0: a seed is drawn; the report has it.
	Seed uint64

	// TLS configures https targets; with plain http it is refused. It is cloned; NextProtos becomes http/1.1, ServerName
	// the host of URL if it is empty, and RootCAs the Server's if there is one and it is nil.
	TLS *tls.Config

	// DialContext, if set, opens every conn instead of the package's own code; for https the TLS handshake is done on
	// top of the conn that it returns. It gets "tcp" and the URL's host:port, unresolved, and a context that ends with
	// ConnectTimeout. It excludes UnixSocket, LocalAddrs and a Server that is not on tcp.
	DialContext func(ctx context.Context, network, addr string) (net.Conn, error)

	// LocalAddrs are the source addresses to connect from, used in turn; addresses of this machine, of the target's
	// family. Default: the kernel's choice; for IPv4 loopback targets on Linux, once the conns need more than half of
	// one address's ports, as many of 127.0.0.1, 127.0.0.2, … as hold to half.
	LocalAddrs []netip.Addr

	// ServerPID names the server's process, on this machine: Report.ServerUse is then what it and its descendants used, such
	// as nginx's master and workers. Linux only. It excludes Server.
	ServerPID int

	// Processes is the number of generator processes, which open the conns instead of the test process: it then has the
	// server's descriptors, CPU and memory alone. They are the test binary, run once more and taken over before its tests:
	// what packages do in init they do too. 0: none, or as many as it takes where one process may not open as many files as
	// the run needs. Negative: never any. At most 64, and on Linux only. What exists in one process only excludes them:
	// DialContext, a Server on "memory", callbacks and caches of TLS.
	Processes int

	// Progress, if set, is called once a second with the latest sample of the timeline, never concurrently.
	Progress func(Sample)

	// AllowRemote permits a target that is not a loopback address, so that a typo loads nobody's production. A host
	// name is permitted without it if all of its addresses are loopback. With DialContext nothing is checked.
	AllowRemote bool
}

// A Ramp opens Conns connections every Every.
type Ramp struct {
	Conns int           // default 10; not negative
	Every time.Duration // default 10 ms; negative: all at once
}

// A Request is what is sent on every conn, again and again.
type Request struct {
	// Method is HEAD by default. CONNECT is refused, as is a body with HEAD or TRACE.
	Method string

	// Header is sent after Host, User-Agent and Content-Length. It may replace Host and User-Agent. A field spelled in two
	// ways is refused, and so is what decides where a message or a conn ends: Connection (but for keep-alive), Content-Length, Expect, Trailer,
	// Transfer-Encoding, Upgrade.
	Header http.Header

	// Body is sent with its Content-Length.
	Body []byte

	// Want is the range of statuses that are not failures. Default 200–399; within 200–999.
	Want StatusRange
}

// A StatusRange holds the statuses from Lowest to Highest, both included.
type StatusRange struct{ Lowest, Highest int }

// Reopen has a slot whose conn was lost, or could not be opened, opened again; its first request is then due at once.
// The loss counts all the same: such a slot is not held. It goes on until the sweep ends. The zero value is never.
type Reopen struct {
	// Delay is the time from a loss to the next attempt. 0: a lost conn stays lost. Negative: none, at once.
	Delay time.Duration

	// MaxDelay bounds the back-off: each attempt in a row that leads to no answer doubles the delay, up to it. Default 1 min,
	// or Delay if that is longer. Each delay is drawn, by the Seed, from the upper half of what it would be, so that conns
	// that were lost together do not come back together.
	MaxDelay time.Duration

	// PerSecond bounds these attempts, those of all slots together, within any second: a server that is down meets no
	// storm of connects. Default 1000.
	PerSecond int
}
