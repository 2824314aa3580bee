// Package engine opens connections, keeps them alive with requests and measures what happens: a [Plan] goes in, a
// [Result] comes out. It knows nothing of tests, budgets or reports.
//
// One I/O-free state machine (conn.go) decides what each connection does next. Two drivers carry that out: epoll
// (Linux, plain TCP and unix sockets) and blocking (any net.Conn, every OS, fake time).
package engine

import (
	"context"
	"net"
	"net/netip"
	"time"
)

// A Plan says everything that a run needs. Every field is effective: defaults were filled in by the caller, and nothing
// here is clamped or guessed.
type Plan struct {
	Slots   int           // connections wanted; slot i belongs to worker i mod Workers
	Ramp    Ramp          // when slot i opens
	Cadence Cadence       // when requests are due
	Hold    time.Duration // from the end of the ramp to the sweep

	IdleTimeout     time.Duration // the server's; half of it is how recent an answer must be for a conn to be held
	ConnectTimeout  time.Duration // TCP and TLS handshake together
	ResponseTimeout time.Duration // from sent to the last byte of the response

	Request    []byte // the request's bytes, the same on every conn
	Head       bool   // the method is HEAD: a response ends at its blank line
	WantLowest int    // lowest and
	WantMost   int    // highest status that is not a failed request

	Reopen  Reopen        // what follows a loss
	Seed    uint64        // of all pauses, and delays of Reopen
	Tick    time.Duration // epoll driver: grid on which requests fall due
	Workers int           // epoll driver: event loops

	// MaxConnecting bounds the attempts in flight, so that a server's accept queue is not overrun by our own haste: the
	// connects, and the conns whose first request is not answered. (A loopback connect succeeds before the server has
	// accepted, and even when its queue is full.)
	MaxConnecting int

	// Dial, if set, selects the blocking driver: it opens slot's connection, TLS included. Else the epoll driver
	// connects to Target.
	Dial   func(ctx context.Context, slot int) (net.Conn, error)
	Target Target

	// Progress, if set, is called with each sample of the timeline, once a second, on a goroutine of its own.
	Progress func(Sample)
}

// A Target is where the epoll driver connects to: a TCP address or the path of a unix socket.
type Target struct {
	Addrs []netip.AddrPort // tried in order; the first that accepts is used for all
	Unix  string           // path of a unix socket; then Addrs is empty
	Local []netip.Addr     // source addresses; slot i uses Local[i mod len]; none: the kernel chooses
}

// A Ramp opens Conns connections every Every; with Every ≤ 0 all at once.
type Ramp struct {
	Conns int
	Every time.Duration
}

// at returns the instant, from the start of the run, at which slot i opens.
func (r Ramp) at(i int) time.Duration {
	if r.Every <= 0 {
		return 0
	}
	return time.Duration(i/r.Conns) * r.Every
}

// rate returns connections per second; 0 means at once.
func (r Ramp) rate() float64 {
	if r.Every <= 0 {
		return 0
	}
	return float64(r.Conns) / r.Every.Seconds()
}
