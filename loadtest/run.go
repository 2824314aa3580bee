package loadtest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"example.com/holdfast/internal/engine"
	"example.com/holdfast/internal/netpoll"
)

// Run opens cfg.Connections conns to the target, holds them for cfg.Hold with requests at cfg.Cadence, and reports what
// became of them. Conns that cannot be opened, are lost or answer badly are results, not errors.
//
// It returns an error only if the run could not be carried out: a [*ConfigError] with everything that is wrong with cfg,
// a [*ResourceError] for what this machine lacks, a [*ProcessError] if generator processes cannot be started, an error of
// the resolver; the report is then nil, and no conn was opened. If ctx ends first, the report holds what was measured until
// then, and the error wraps ctx's; so it is, with the system's error, where the system fails in the middle of a run.
//
// How long a run takes: the ramp, cfg.Hold, the sweep, and for the answers still in flight at most cfg.ResponseTimeout.
// The ramp takes as long as cfg.Ramp says and then up to the longest pause, because it ends when the last conn has
// answered its first request or failed. The sweep asks the conns that have not answered lately, paced, in up to about
// cfg.IdleTimeout/4 and, for the last answers, cfg.ResponseTimeout. At most 256 conns at a time are connecting or wait
// for their first answer: against a server that hangs, the ramp may take cfg.Connections/256 times cfg.ConnectTimeout, or
// cfg.ResponseTimeout if it does accept.
func Run(ctx context.Context, cfg Config) (*Report, error) {
	return systemRunner().run(ctx, cfg)
}

// A runner is Run together with what it asks of the world before the first connect, and what only this package asks for.
type runner struct {
	find   lookup
	limits limits
	fine   bool // somebody judges latency, which a coarse tick would be in
	alone  bool // somebody judges what the server uses: a generator in its process is to have one of its own, if that can be
	bare   bool // without what its own cost is weighed against: monitor, holdings, and see engine.Plan.Bare

	// collects: somebody judges or shows what the server holds, for which its process is to collect its garbage; see holdings.
	collects bool

	// held, if set, is called when the sweep has ended, with all conns open, after what the server holds was read.
	held func()
}

// systemRunner asks the system.
func systemRunner() runner {
	return runner{find: net.DefaultResolver.LookupNetIP, limits: systemLimits()}
}

func (r runner) run(ctx context.Context, cfg Config) (*Report, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	if err := cfg.bubble(); err != nil {
		return nil, err
	}
	server, err := cfg.serverTree()
	if err != nil {
		return nil, err
	}
	in := reportInput{started: time.Now()}
	overlap := runs.add() // before anything is read: who begins at the same time is to see this one
	defer runs.remove(overlap)
	if cfg.Server != nil && !r.bare && !overlap.Load() {
		cfg.Server.settle(ctx) // before its descriptors are counted, too
	}
	loc, _ := parseLocation(cfg.rawURL()) // it has no problems: validate asked
	cfg = cfg.effective(loc)
	cfg.Processes = r.processes(cfg)
	target, err := r.target(ctx, cfg, loc)
	cancelled := ctx.Err() != nil
	if err != nil && !cancelled {
		return nil, err
	}
	plan, err := planOf(cfg, loc, target, r.fine)
	if err != nil {
		return nil, err
	}
	plan.Bare = r.bare
	generate := &generators{}
	if !cancelled {
		generate, err = startGenerators(ctx, cfg, plan.Target)
		if cancelled = ctx.Err() != nil; err != nil && !cancelled {
			return nil, err
		}
		defer generate.close()
	}
	in.cfg, in.target, in.plan = cfg, cfg.rawURL(), plan
	if cancelled {
		generate = nil
	}
	err = r.measure(ctx, &in, generate, server, overlap)
	return finish(ctx, in, err)
}

// measure carries out the plan, by nobody if it was cancelled before that, with all meters read before and after.
func (r runner) measure(ctx context.Context, in *reportInput, generate *generators, server *netpoll.Family, overlap *atomic.Bool) (err error) {
	counts := func() *FixtureCounts { return nil }
	if in.cfg.Server != nil {
		counts = in.cfg.Server.watch()
	}
	monitor, held := unmonitored(), unread()
	if !r.bare {
		if generate != nil {
			held = startHoldings(in.cfg, server, r.collects && !overlap.Load())
		}
		monitor = startMonitor(server, generate.pids)
	}
	in.plan.Held = r.whenHeld(held, overlap)
	in.before = takeUsage()
	in.plan.Origin = generate.origin()
	monitor.begin(in.plan.Origin)
	if generate == nil {
		in.result, err = nothingDone(in.plan), context.Cause(ctx)
	} else {
		in.result, in.processes, err = generate.run(ctx, in.plan)
	}
	in.after, in.fixture = takeUsage(), counts()
	in.evidence = monitor.end()
	held.end()
	in.held, in.overlapped = *held, overlap.Load()
	return err
}

// whenHeld returns what is to be done while all conns are open; nil: nothing.
func (r runner) whenHeld(h *holdings, overlap *atomic.Bool) func() {
	reads := h.own || h.tree != nil
	if !reads && r.held == nil {
		return nil
	}
	return func() {
		h.pause.while(func() {
			if reads {
				h.readHold(!overlap.Load())
			}
			if r.held != nil {
				r.held()
			}
		})
	}
}

// processes returns how many generator processes an effective cfg gets.
func (r runner) processes(cfg Config) int {
	n := r.limits.processes(cfg)
	if n == 0 && r.alone && cfg.Processes == 0 && cfg.Server != nil && cfg.notPortable() == nil {
		return 1
	}
	return n
}

// bubble refuses sockets where they would hang: in a synctest bubble time stands still while one is waited for. What a
// DialContext opens is not known.
func (c Config) bubble() error {
	var p problems
	if network := c.network(); (network == networkTCP || network == networkUnix) && inBubble() {
		p.add("the target is reached by %s sockets and Run is called in a synctest bubble, whose time waits for no "+
			"socket: use Serve(t, \"memory\", …) or DialContext", network)
	}
	return p.err()
}

// target resolves the host and makes sure of the resources.
func (r runner) target(ctx context.Context, cfg Config, loc location) (engine.Target, error) {
	var addrs []netip.AddrPort
	if cfg.network() == networkTCP {
		var err error
		if addrs, err = cfg.resolve(ctx, loc, r.find); err != nil {
			return engine.Target{}, err
		}
		if err := assignable(cfg.LocalAddrs); err != nil {
			return engine.Target{}, err
		}
	}
	return r.limits.preflight(cfg, targetOf(cfg, addrs))
}

// assignable asks the kernel whether sockets can be bound to all of addrs.
func assignable(addrs []netip.Addr) error {
	var p problems
	for i, a := range addrs {
		ln, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(a, 0)))
		if err != nil {
			p.add("LocalAddrs[%d] is %v, which cannot be bound: write an address of this machine (%v)", i, a, err)
			continue
		}
		ln.Close()
	}
	return p.err()
}

// finish makes the report of what engine.Run returned.
func finish(ctx context.Context, in reportInput, err error) (*Report, error) {
	if in.result == nil {
		return nil, fmt.Errorf("loadtest: the run could not begin: %w", err)
	}
	report := newReport(in)
	switch {
	case err == nil:
	case errors.Is(err, context.Cause(ctx)):
		err = cancelledIn(ctx, in.result)
	default:
		err = fmt.Errorf("loadtest: the run broke off in the %s: %w", in.result.Ended, err)
	}
	if broken := report.laws(); broken != nil {
		err = errors.Join(broken, err)
	}
	return report, err
}

// cancelledIn returns ctx's error with the phase that it ended.
func cancelledIn(ctx context.Context, res *engine.Result) error {
	when := "in the " + res.Ended.String()
	if res.Conns.Attempts == 0 {
		when = "before the first connect"
	}
	err := ctx.Err()
	if cause := context.Cause(ctx); !errors.Is(cause, err) {
		err = fmt.Errorf("%w (%w)", err, cause)
	}
	return fmt.Errorf("loadtest: the run was cancelled %s: %w", when, err)
}

// nothingDone is the result of a run that was cancelled before it began.
func nothingDone(p engine.Plan) *engine.Result {
	driver := "epoll"
	if p.Dial != nil {
		driver = "blocking"
	}
	hist := func() *engine.Hist { return engine.NewHist(time.Minute) }
	return &engine.Result{
		Conns:   engine.Conns{Requested: int64(p.Slots), NotAttempted: int64(p.Slots)},
		Connect: hist(), Latency: hist(), ServiceTime: hist(), Lag: hist(), ClientWait: hist(),
		Driver: driver, Tick: p.Tick, Workers: p.Workers,
		Ended: engine.PhaseRamp,
	}
}
