package loadtest

import (
	"maps"
	"net/http"
	"net/netip"
	"runtime"
	"slices"
	"time"

	"example.com/holdfast/internal/engine"
	"example.com/holdfast/internal/http1"
)

// maxConnecting bounds the connects in flight to half of nginx's default backlog of 511, the shortest queue in wide use:
// a full one shows as connects that take whole seconds, and would be our own doing.
const maxConnecting = 256

// planOf makes the engine's plan of an effective c. Where somebody judges latency it has a fine tick.
func planOf(c Config, loc location, target engine.Target, latencyJudged bool) (engine.Plan, error) {
	request, err := requestBytes(c.Request, loc)
	if err != nil {
		return engine.Plan{}, &ConfigError{Problems: []string{"Request: " + err.Error()}}
	}
	plan := engine.Plan{
		Slots:           c.Connections,
		Ramp:            engine.Ramp(c.Ramp),
		Cadence:         c.Cadence.law,
		Hold:            c.Hold,
		IdleTimeout:     c.IdleTimeout,
		ConnectTimeout:  c.ConnectTimeout,
		ResponseTimeout: c.ResponseTimeout,
		Request:         request,
		Head:            c.Request.Method == http.MethodHead,
		WantLowest:      c.Request.Want.Lowest,
		WantMost:        c.Request.Want.Highest,
		Reopen:          engine.Reopen{Delay: c.Reopen.Delay, Most: c.Reopen.MaxDelay, Rate: c.Reopen.PerSecond},
		Seed:            c.Seed,
		Workers:         1,
		MaxConnecting:   maxConnecting,
		Dial:            dialOf(c, loc, target),
		Target:          target,
		OneStack:        inBubble(), // there time waits for CPU alone
	}
	if plan.Dial == nil {
		plan.Tick = tickFor(c.Cadence.law, latencyJudged)
		plan.Workers = max(1, workersFor(c.Cadence.law, c.Connections, runtime.GOMAXPROCS(0))/max(1, c.Processes))
	}
	if c.Progress != nil {
		plan.Progress = func(s engine.Sample) { c.Progress(sampleOf(s)) }
	}
	return plan, nil
}

// requestBytes returns what is sent on every conn.
func requestBytes(r Request, loc location) ([]byte, error) {
	out := http1.Request{Method: r.Method, Target: loc.target, Host: loc.field, Body: r.Body}
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		for _, value := range r.Header[name] {
			if http.CanonicalHeaderKey(name) == "Host" {
				out.Host = value
			} else {
				out.Fields = append(out.Fields, http1.Field{Name: name, Value: value})
			}
		}
	}
	return out.Bytes()
}

// targetOf returns what c connects to; addrs are those of the host's name.
func targetOf(c Config, addrs []netip.AddrPort) engine.Target {
	switch c.network() {
	case networkUnix:
		if c.Server != nil {
			return engine.Target{Unix: c.Server.target().addr}
		}
		return engine.Target{Unix: c.UnixSocket}
	case networkTCP:
		return engine.Target{Addrs: addrs, Local: c.LocalAddrs}
	}
	return engine.Target{}
}

const (
	networkTCP    = "tcp"
	networkUnix   = "unix"
	networkMemory = "memory"
	networkDialer = "dialer" // Config.DialContext: only that knows
)

// network says how conns reach the target.
func (c Config) network() string {
	switch {
	case c.DialContext != nil:
		return networkDialer
	case c.Server != nil:
		return c.Server.target().network
	case c.UnixSocket != "":
		return networkUnix
	}
	return networkTCP
}

const (
	finestTick   = 100 * time.Microsecond
	fineTick     = time.Millisecond
	coarsestTick = 10 * time.Millisecond
)

// tickFor returns the grid on which requests fall due: a thousandth of the mean pause in whole ms, within 1 … 10 ms.
//
// The wake-ups of the loop, not its work, are the cost of a slow cadence: with 10 000 conns and a mean pause of 15 s a
// request costs 120 µs of CPU at a tick of 1 ms, 53 at 10, 29 at 20 (2026-11). But requests that share a tick queue at
// the server, which adds cost × rate × tick / 2 to a mean latency. So a tick is coarse only where nobody judges latency.
//
// A due instant is rounded up to the tick, half a tick in the mean: below a mean of 10 ms the tick is a tenth of it, at
// least 100 µs, lest the rate fall short by more than a twentieth.
func tickFor(law engine.Cadence, latencyJudged bool) time.Duration {
	pause, ok := mean(law)
	if !ok || pause == 0 {
		return fineTick // only timeouts and the ramp wait for it
	}
	if pause < coarsestTick {
		return max(finestTick, min(fineTick, pause/10))
	}
	if latencyJudged {
		return fineTick
	}
	return max(fineTick, min(coarsestTick, (pause/1000).Truncate(time.Millisecond)))
}

// workerRate is what one event loop is trusted to carry, per second: half of what one core did in a closed loop against
// nginx (9–11 µs a request, 2026-11).
const workerRate = 50_000

// workersFor returns the number of event loops: one as long as one can carry the expected rate, and never more than half
// the processors, because the server under test is usually on the same machine. Up to three processors that is one.
func workersFor(law engine.Cadence, conns, procs int) int {
	pause, ok := mean(law)
	if procs <= 3 || !ok {
		return 1
	}
	needed := conns // a closed loop: as many as can be kept busy
	if pause > 0 {
		needed = int(float64(conns)/pause.Seconds()/workerRate) + 1
	}
	return max(1, min(needed, conns, procs/2))
}
