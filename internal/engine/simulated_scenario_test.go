package engine

import (
	"strings"
	"time"
)

// A scenario is all that a simulation draws before it begins.
type scenario struct {
	plan Plan
	tick time.Duration // of the wheel; that of the plan, if it has one

	// The network.
	latency   time.Duration // one way, at least
	jitter    time.Duration
	instant   bool    // connects succeed at once
	splitting float64 // chance that a response comes in pieces
	partial   float64 // chance that the kernel takes a request in part

	// The server.
	says       *catalogue
	service    time.Duration // in the mean
	slow       float64       // chance of an answer, or a connect, that may come too late
	unwanted   float64       // chance of a status that is not wanted
	serverIdle time.Duration // its idle timeout; 0: none
	stalls     []interval    // in which it does nothing
	faulty     float64       // chance that a conn comes to a bad end
	kinds      []fault       // how
	faultAfter float64       // so many answers, in the mean
	idleFor    time.Duration // at most before an idle conn comes to its bad end

	// The client.
	stamps      bool // the kernel stamps what arrives
	informed    bool // the driver can tell how the server's end was closed
	batching    bool // it looks once a tick
	idleLook    time.Duration
	readSize    int
	eventBatch  int
	openPerTurn int
	cost        time.Duration // from one reading of the clock to the next
	lateness    time.Duration // of each wake-up
	hiccups     int           // readings between two hiccups, in the mean
	between     int           // steps between two interruptions, in the mean
	stall       time.Duration // the longest interruption
	stallChance float64

	cancel time.Duration // when the run is cancelled; never
}

// An interval is from an instant to another.
type interval struct{ from, to time.Duration }

// drawScenario draws from d alone.
func drawScenario(d dice) scenario {
	var sc scenario
	sc.drawPlan(d)
	sc.drawClient(d)
	sc.drawServer(d)
	return sc
}

// drawPlan draws what we are asked for, and the times that are in proportion to each other.
func (sc *scenario) drawPlan(d dice) {
	p := &sc.plan
	slots, exchanges := d.count(1, 150), d.count(100, 3000)
	switch size := d.Float64(); {
	case size < 0.06:
		slots, exchanges = d.count(500, 2500), d.count(10_000, 80_000)
	case size < 0.4:
		slots, exchanges = d.count(60, 600), d.count(2000, 24_000)
	}
	sc.latency = d.span(10*time.Microsecond, 2*ms)
	sc.jitter = d.upTo(2 * sc.latency)
	sc.service = d.span(10*time.Microsecond, 3*ms)
	p.Slots, p.Workers = slots, 1+min(d.IntN(3), slots-1)
	p.Tick = []time.Duration{0, 100 * time.Microsecond, ms, ms, 2 * ms, 5 * ms, 10 * ms}[d.IntN(7)]
	if sc.tick = p.Tick; p.Tick == 0 {
		sc.tick = d.span(10*time.Microsecond, 2*ms)
	}
	p.Hold = d.span(100*ms, 8*s)
	exchange := p.Hold * time.Duration(slots) / time.Duration(exchanges)
	least := 2*sc.latency + sc.jitter + sc.service + sc.tick
	switch p.Cadence = drawCadence(d, max(exchange-least, 300*time.Microsecond)); p.Cadence.Kind {
	case BackToBack:
		exchange = least
		p.Hold = exchange * time.Duration(exchanges) / time.Duration(slots)
		fallthrough
	default:
		p.IdleTimeout = max(10*ms, 2*exchange+d.span(ms, 2*s))
	case Silent:
		p.IdleTimeout = d.span(20*ms, 4*s)
		exchange = p.IdleTimeout
	}
	sc.idleFor = min(2*exchange, p.IdleTimeout)
	sc.drawOpening(d)
	p.ResponseTimeout = d.span(10*ms, 3*s) + 3*(sc.latency+sc.jitter+sc.service)
	p.Head = d.chance(0.5)
	p.Request = []byte("GET / HTTP/1.1\r\nHost: a\r\n" + strings.Repeat("A: b\r\n", d.IntN(10)) + "\r\n")
	p.WantLowest, p.WantMost = 200, 399
	p.Seed = d.Uint64()
	if sc.cancel = never; d.chance(0.12) {
		sc.cancel = d.upTo(p.Ramp.At(slots) + p.Hold*5/4)
	}
}

// drawOpening draws how conns are opened, and opened again.
func (sc *scenario) drawOpening(d dice) {
	p := &sc.plan
	p.Ramp = Ramp{Conns: d.count(1, 50)}
	if d.chance(0.75) {
		p.Ramp.Every = max(1, d.span(ms, s)*time.Duration(p.Ramp.Conns)/time.Duration(p.Slots))
	}
	p.MaxConnecting = d.count(1+p.Slots/50, max(2, p.Slots))
	p.ConnectTimeout = d.span(10*ms, 3*s) + 3*(sc.latency+sc.jitter)
	if d.chance(0.8) {
		p.Reopen = Reopen{Most: d.span(ms, s), Rate: d.count(10, 20_000)}
		if d.chance(0.8) {
			p.Reopen.Delay = d.span(100*time.Microsecond, 200*ms)
		}
	}
}

func drawCadence(d dice, mean time.Duration) Cadence {
	switch kind := d.Float64(); {
	case kind < 0.4:
		least := d.upTo(mean)
		return Cadence{Kind: Uniform, Min: least, Max: 2*mean - least, Grid: d.chance(0.2)}
	case kind < 0.6:
		return Cadence{Kind: Every, Min: mean, Grid: d.chance(0.5)}
	case kind < 0.8:
		return Cadence{Kind: Exponential, Min: mean, Grid: d.chance(0.2)}
	case kind < 0.9:
		return Cadence{Kind: BackToBack}
	}
	return Cadence{}
}

func (sc *scenario) drawClient(d dice) {
	sc.stamps = d.chance(0.6)
	sc.batching = sc.stamps && sc.plan.Tick >= ms && d.chance(0.6)
	sc.idleLook = d.span(ms, 200*ms)
	sc.informed = d.chance(0.7)
	if sc.readSize = 64 << 10; d.chance(0.3) {
		sc.readSize = d.count(1, 1000)
	}
	sc.eventBatch, sc.openPerTurn = d.count(1, 512), d.count(1, 128)
	if d.chance(0.5) {
		sc.partial = d.Float64() * 0.5
	}
	if d.chance(0.5) {
		sc.splitting = d.Float64()
	}
	sc.cost = d.upTo(3 * time.Microsecond)
	sc.lateness = d.upTo(200 * time.Microsecond)
	sc.hiccups, sc.between = d.count(10, 10_000), d.count(1, 1000)
	if d.chance(0.5) {
		sc.stall = d.span(ms, 2*max(sc.plan.ResponseTimeout, sc.plan.ConnectTimeout))
		// A turn, of nine steps, is longer by 5 ms in the mean at most: a grid that is overdue for good goes on for hours.
		sc.stallChance = min(0.2*d.Float64()*d.Float64(), float64(sc.between)*float64(ms)/float64(sc.stall))
	}
}

func (sc *scenario) drawServer(d dice) {
	p := &sc.plan
	sc.says = catalogues()[p.Head]
	sc.instant = d.chance(0.2)
	if d.chance(0.3) {
		sc.slow = d.Float64() * d.Float64() * 0.05
	}
	if d.chance(0.5) {
		sc.unwanted = d.Float64() * 0.3
	}
	if d.chance(0.2) {
		sc.serverIdle = max(ms, time.Duration(float64(p.IdleTimeout)*(0.2+2*d.Float64())))
	}
	for d.chance(0.2) {
		from := d.upTo(p.Hold * 5 / 4)
		sc.stalls = append(sc.stalls, interval{from, from + d.span(ms, 2*p.ResponseTimeout)})
	}
	if d.chance(0.95) {
		sc.faulty = 1 - d.Float64()*d.Float64()
	}
	for f := noFault + 1; f < numFaults; f++ {
		if f != closesInBody || !p.Head { // there is none
			sc.kinds = append(sc.kinds, f)
		}
	}
	if d.chance(0.5) { // a few kinds, so that they meet more often
		d.Shuffle(len(sc.kinds), func(i, j int) { sc.kinds[i], sc.kinds[j] = sc.kinds[j], sc.kinds[i] })
		sc.kinds = sc.kinds[:d.count(1, 8)]
	}
	sc.faultAfter = float64(d.span(1, 20))
}
