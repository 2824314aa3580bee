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
// means off where that makes sense. Run neither changes nor clamps it.
type Config struct {
	// Server is a fixture made by NewServer, NewTLSServer or Serve: it gives the address, the TLS trust and its own
	// counts as ground truth. URL may then be empty or a path.
	Server *Server

	// URL is the target, http://host[:port][/path][?query] or https://….
	URL string

	// UnixSocket is the path of a unix socket to connect to; URL then gives only the Host field and the path.
	UnixSocket string

	// Connections is the number of conns to open and hold. Default 1.
	Connections int

	// Ramp is how fast they open. Default 10 every 10 ms.
	Ramp Ramp

	// IdleTimeout is the server's keep-alive timeout (see http.Server.IdleTimeout): how long it leaves a conn open
	// without a request. Default 60 s. It sets the defaults of Cadence and Hold, and a conn is held only if it answered
	// within IdleTimeout/2.
	IdleTimeout time.Duration

	// Cadence draws the pauses between a response and the next request on a conn. Default Uniform(1 s, IdleTimeout/2).
	Cadence Cadence

	// Hold is how long the conns are held after the ramp. Default IdleTimeout/2. Negative: not at all.
	Hold time.Duration

	// Request is what is sent on every conn. Default HEAD.
	Request Request

	// ConnectTimeout bounds an attempt to open a conn, TLS handshake included. Default 3 s.
	ConnectTimeout time.Duration

	// ResponseTimeout bounds the time from sending a request to the last byte of its response. Default 3 s.
	ResponseTimeout time.Duration

	// Reopen says what follows the loss of a conn. The default is never.
	Reopen Reopen

	// Seed makes the draws of all pauses reproducible. 0: a seed is drawn; the report has it.
	Seed uint64

	// TLS configures https targets. It is cloned, and its NextProtos become http/1.1.
	TLS *tls.Config

	// DialContext, if set, opens every conn instead of the package's own code; for https the TLS handshake is done on
	// top of the conn that it returns.
	DialContext func(ctx context.Context, network, addr string) (net.Conn, error)

	// LocalAddrs are the source addresses to connect from, used in turn. Default: the kernel's choice; for loopback
	// targets on Linux as many of 127.0.0.0/8 as the connections need ports.
	LocalAddrs []netip.Addr

	// ServerPID names a local process whose CPU and memory are reported as the server's. Not yet supported.
	ServerPID int

	// Processes is the number of generator child processes. Only 0 and negative (none) are supported yet.
	Processes int

	// Progress, if set, is called once a second with the latest sample of the timeline, never concurrently.
	Progress func(Sample)

	// AllowRemote permits a target that is not a loopback address.
	AllowRemote bool
}

// A Ramp opens Conns connections every Every.
type Ramp struct {
	Conns int           // default 10
	Every time.Duration // default 10 ms; negative: all at once
}

// A Request is what is sent on every conn, again and again.
type Request struct {
	Method string      // default HEAD
	Header http.Header // added to Host, and to User-Agent and Content-Length, which it may replace
	Body   []byte

	// Want is the range of statuses that are not failures. Default 200–399.
	Want StatusRange
}

// A StatusRange holds the statuses from Lowest to Highest, both included.
type StatusRange struct{ Lowest, Highest int }

// Reopen says what follows the loss of a conn. Its zero value, never, is the only one supported yet.
type Reopen struct{ policy uint8 }
