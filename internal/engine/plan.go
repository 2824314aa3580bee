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
	Slots   int           // connections wanted, by all shares together
	Share   Share         // which of them are this process's
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
	Workers int           // epoll driver: event loops of this process

	// MaxConnecting bounds the attempts in flight, so that a server's accept queue is not overrun by our own haste: the
	// connects, and the conns whose first request is not answered. (A loopback connect succeeds before the server has
	// accepted, and even when its queue is full.)
	MaxConnecting int

	// Dial, if set, selects the blocking driver: it opens slot's connection, TLS included. Else the epoll driver
	// connects to Target.
	Dial   func(ctx context.Context, slot int) (net.Conn, error)
	Target Target

	// OneStack has the blocking driver run the machine on the conns' own goroutines. That spares six changes of goroutines a
	// request, a tenth of all CPU time with net/http at the other end, and costs 1.3 KB of stack a conn (2026-11): worth it
	// where time is fake, and passes only as fast as there is CPU.
	OneStack bool

	// Origin is when the run starts: all instants of it count from there. Zero: at once.
	Origin time.Time

	// Align, if set, is told when this share has come to the end of the ramp or the sweep, and calls release, at once or
	// later, with the instant at which all shares had; the end of the ramp may lie ahead, so that no share learns of it too
	// late to tell what falls due in hold. It must not block.
	Align func(p Phase, at time.Duration, release func(at time.Duration))

	// Held, if set, is called once, on a goroutine of its own, when the sweep has ended in all shares: all conns that are held
	// are open then. The cadence goes on, and drain begins when it returns. A run that is cancelled before does not call it;
	// one that is cancelled meanwhile winds up without waiting, but is not over before it has returned. A share is not given
	// it: who has several carried out calls it.
	Held func()

	// Second, if set, gets what each worker measured, once a second and at the end, instead of the timeline. What it gets
	// is the worker's own: it must be done with it when it returns, and must not block.
	Second func(Second)

	// Bursts, if set, load the server in hold, one after the other, with a silent cadence: see Bursts. It is of one run with
	// one worker, which reads responses once a Tick where the kernel stamps them. To wake a waiting client is work of who
	// sends, and how often that is depends on how fast the server is.
	//
	// Note: with a client that waits for each response 10 % more CPU time in a handler was 12.4 % more of the server's, and so it
	// is 10.6 % (2 cores, 64 requests outstanding, 2026-11).
	Bursts *Bursts

	// Bare leaves out what a verdict rests on, the kernel's stamps and the evidence of hold and of each second: a run
	// without is what their cost is weighed against.
	Bare bool

	// Progress, if set, is called with each sample of the timeline, once a second, on a goroutine of its own.
	Progress func(Sample)
}

// A Target is where the epoll driver connects to: a TCP address or the path of a unix socket.
type Target struct {
	Addrs []netip.AddrPort // tried in order; the first that accepts is used for all
	Unix  string           // path of a unix socket; then Addrs is empty
	Local []netip.Addr     // source addresses; slot i uses Local[i mod len]; none: the kernel chooses
}

// A Share is the slots of one process of several: those whose number is Index modulo Of. Of those, worker w has every
// Workers-th, from the w-th on. The zero Share is all slots.
type Share struct{ Index, Of int }

// workers returns the number of workers in all processes.
func (p *Plan) workers() int { return p.Workers * max(1, p.Share.Of) }

// worker returns the number, among all of them, of this process's i-th: it has the slots of that number modulo workers.
func (p *Plan) worker(i int) int { return p.Share.Index + i*max(1, p.Share.Of) }

// slots returns how many slots are of a worker.
func (p *Plan) slots(worker int) int { return (p.Slots - worker + p.workers() - 1) / p.workers() }

// shared returns the plan with this process's share of what bounds all of them together.
func (p *Plan) shared() *Plan {
	s := *p
	of := max(1, p.Share.Of)
	s.MaxConnecting = max(1, p.MaxConnecting/of)
	if rate := p.Reopen.Rate; rate > 0 { // a share of 0 would not reopen at all
		s.Reopen.Rate = max(1, (rate+of-1-p.Share.Index)/of)
	}
	return &s
}

// mine returns how many slots are this process's.
func (p *Plan) mine() (n int) {
	for i := range p.Workers {
		n += p.slots(p.worker(i))
	}
	return n
}

// A Ramp opens Conns connections every Every; with Every ≤ 0 all at once.
type Ramp struct {
	Conns int
	Every time.Duration
}

// At returns the instant, from the start of the run, at which slot i opens.
func (r Ramp) At(i int) time.Duration {
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
