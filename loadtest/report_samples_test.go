package loadtest

import (
	"math/rand/v2"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"example.com/holdfast/internal/engine"
	"example.com/holdfast/internal/netpoll"
)

// Reports to test with: five that tell a story, and random ones that are lawful.

// histOf returns n durations spread evenly from shortest to longest.
func histOf(n int64, shortest, longest time.Duration) *engine.Hist {
	h := engine.NewHist(time.Minute)
	for i := range n {
		h.Record(shortest + time.Duration(int64(longest-shortest)*i/max(n-1, 1)))
	}
	return h
}

// spectrumOf returns them to two digits.
func spectrumOf(n int64, shortest, longest time.Duration) engine.Spectrum {
	var m engine.Spectrometer
	for i := range n {
		m.Record(shortest + time.Duration(int64(longest-shortest)*i/max(n-1, 1)))
	}
	return m.Take()
}

// sampleInput is the origin's job at a tenth of its size: a run in which all went well.
func sampleInput() reportInput {
	cfg := Config{Request: Request{Method: http.MethodHead, Header: http.Header{"X-B": {"secret"}, "Accept": {"*/*"}}}}
	plan := engine.Plan{
		Slots: 1000, Ramp: engine.Ramp{Conns: 10, Every: 10 * time.Millisecond},
		Cadence: engine.Cadence{Kind: engine.Uniform, Min: time.Second, Max: 30 * time.Second},
		Hold:    30 * time.Second, IdleTimeout: time.Minute,
		ConnectTimeout: 3 * time.Second, ResponseTimeout: 3 * time.Second,
		Head: true, WantLowest: 200, WantMost: 399,
		Seed: 1<<63 + 25, Tick: 10 * time.Millisecond, Workers: 1, MaxConnecting: 128,
		Target: engine.Target{
			Addrs: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:8080")},
			Local: []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.0.0.2")},
		},
	}
	result := &engine.Result{
		Conns: engine.Conns{
			Requested: 1000, EverEstablished: 1000, Served: 1000, Held: 1000,
			Attempts: 1000, Connected: 1000, OpenAtEnd: 1000,
		},
		Requests: engine.Requests{
			Due: 1987, Sent: 1987, Answered: 1987, Status: [6]int64{2: 1987}, HoldDue: 1925, HoldSent: 1925,
		},
		Connect:     histOf(1000, 31*time.Microsecond, 412*time.Microsecond),
		Latency:     histOf(1987, 97*time.Microsecond, 11876*time.Microsecond),
		ServiceTime: histOf(1987, 61*time.Microsecond, 1031*time.Microsecond),
		Lag:         histOf(1987, 2*time.Microsecond, 10900*time.Microsecond/2),
		ClientWait:  histOf(1987, 900*time.Nanosecond, 121*time.Microsecond),
		Timeline: []engine.Sample{{
			At: time.Second, Open: 1000, Connected: 1000, Due: 62, Sent: 62, Answered: 61,
			LatencyP50: 210 * time.Microsecond, LatencyP99: 11 * time.Millisecond, LatencyMax: 11876 * time.Microsecond,
			LagMax: 5 * time.Millisecond, Late: 5100 * time.Microsecond,
			Connects: spectrumOf(900, 31*time.Microsecond, 412*time.Microsecond),
			Services: spectrumOf(61, 61*time.Microsecond, 1031*time.Microsecond),
			Lost:     []engine.Loss{{Slot: 7, Cause: engine.ClosedIdle}},
		}},
		Hold: engine.Cohort{
			Latency:     histOf(1925, 97*time.Microsecond, 11876*time.Microsecond),
			ServiceTime: histOf(1925, 61*time.Microsecond, 1031*time.Microsecond),
		},
		Opened: 990 * time.Millisecond,
		Driver: "epoll", Tick: 10 * time.Millisecond, Workers: 1,
		Stamps:  engine.Stamps{Kernel: 1986, User: 1},
		RampEnd: 1002 * time.Millisecond, HoldEnd: 31002 * time.Millisecond, SweepEnd: 31230 * time.Millisecond,
		DrainEnd: 31238 * time.Millisecond, Ended: engine.PhaseDrain,
	}
	return reportInput{
		cfg: cfg, target: "http://user:password@127.0.0.1:8080/index.html", plan: plan, result: result,
		before: usageSnapshot{
			at: time.Unix(100, 0), user: 10 * time.Millisecond, sys: 5 * time.Millisecond, cpu: 15 * time.Millisecond,
			rss: 6 << 20, peak: 6 << 20,
			runtime: runtimeSnapshot{
				resources: Resources{1 << 20, 400 << 10, 9, 8}, allocs: 9 << 20, gcs: 1,
				gcPause: time.Millisecond,
			},
		},
		after: usageSnapshot{
			at: time.Unix(131, 238e6), user: 81 * time.Millisecond, sys: 142 * time.Millisecond, cpu: 224 * time.Millisecond,
			rss: 8 << 20, peak: 9 << 20,
			runtime: runtimeSnapshot{
				resources: Resources{1200 << 10, 480 << 10, 9, 8}, allocs: 10 << 20, gcs: 2,
				gcPause: 1100 * time.Microsecond,
			},
		},
		evidence: sampleEvidence(),
		held:     *unread(),
		fixture:  &FixtureCounts{Accepted: 1000, Peak: 1000, Closed: 1000, Requests: 1987},
		started:  time.Date(2026, 11, 23, 16, 0, 0, 5e8, time.FixedZone("", 3600)),
	}
}

// sampleEvidence has a reading a second of a host with two CPUs of which we use 10 ms a second, others 30 and
// interrupts 10.
func sampleEvidence() evidence {
	const ms = time.Millisecond
	e := evidence{}
	for at := time.Duration(0); at < 31238*ms+time.Second; at += time.Second {
		n := time.Duration(len(e.readings))
		end := min(at, 31238*ms)
		e.readings = append(e.readings, reading{
			at: end,
			host: netpoll.Host{
				CPUs: 2, Idle: time.Hour + 2*end - 50*ms*n, Interrupts: time.Minute + 10*ms*n, Steal: 0,
				Throttled: 7 * time.Second, Pressure: time.Minute + ms*n, Sockets: 2000 + int64(n), TimeWait: int64(n),
			},
			kernel: netpoll.KernelCounters{ListenOverflows: 3, ListenDrops: 3, TCPSynRetrans: 8, TCPRetransSegs: 9, TCPTimeouts: 21,
				TCPMemoryPressures: 0, SoftnetDropped: 12},
			test:     processes{cpu: 15*ms + 7*ms*n, rss: 6<<20 + int64(n)<<10},
			server:   processes{cpu: 11*ms + 3*ms*n, rss: 3<<20 + int64(n)<<12},
			runDelay: ms * n / 2,
		})
	}
	return e
}

// reportOf is newReport on a machine of its own, the same everywhere.
func reportOf(in reportInput) *Report {
	r := newReport(in)
	r.Environment = Environment{
		Go: "go1.26.8", OS: "linux", Arch: "amd64", Kernel: "6.18.0", CPUs: 2, GOMAXPROCS: 2,
	}
	r.Warnings = warningsOf(r)
	return r
}

func healthyReport() *Report { return reportOf(sampleInput()) }

// treeReport is of a server in processes of its own, with another run at the same time, on a host that others use too.
func treeReport() *Report {
	in := sampleInput()
	in.cfg.ServerPID, in.fixture = 4711, nil
	in.held.before.Descriptors, in.held.hold.Descriptors, in.held.after.Descriptors = 9, 1010, 10
	in.overlapped = true
	last := &in.evidence.readings[len(in.evidence.readings)-1]
	last.host.Idle -= 12 * time.Second
	last.host.Throttled += 2 * time.Second
	last.runDelay += 8 * time.Second
	return reportOf(in)
}

// leakingReport is of a server that lets a goroutine of each conn stay, in the last of three rounds.
func leakingReport() *Report {
	r := healthyReport()
	r.Leaks = &Leaks{
		Conns: 300, Rounds: []Resources{{2 << 20, 600 << 10, 9, 8}, {2<<20 + 160_000, 600<<10 + 8, 9, 8}, {2<<20 + 263_600, 1800 << 10, 309, 9}},
		Stayed: []string{"goroutines: 300 in app.(*hub).watch < net/http.(*conn).serve", "heap: 340B for each conn from app.(*hub).add"},
	}
	return r
}

// failingReport is of a server that loses conns in several ways, answers 405 and is slow to accept; they are opened again.
func failingReport() *Report {
	in := sampleInput()
	res := in.result
	res.Conns = engine.Conns{
		Requested: 1000, NeverEstablished: 23, EverEstablished: 977, Served: 965, Held: 902,
		Attempts: 1030, Connected: 1005, ConnectFailed: 25, OpenAtEnd: 927, Dropped: 78,
		Reattempts: 30, Reopened: 28, Recovered: 27,
	}
	in.plan.Reopen = engine.Reopen{Delay: 100 * time.Millisecond, Most: time.Minute, Rate: 50}
	res.Requests = engine.Requests{
		Due: 1902, Sent: 1890, Unsent: 12, Answered: 1823, TimedOut: 40, Malformed: 6, LostWithConn: 21,
		Status: [6]int64{2: 1801, 4: 22}, Unwanted: 22, Interim: 4,
		HoldDue: 1840, HoldSent: 1800,
	}
	res.Unwanted = []engine.StatusCount{
		{Status: 405, Count: 17, First: time.Second, Last: 30 * time.Second},
		{Status: 503, Count: 3, First: 9 * time.Second, Last: 10 * time.Second},
		{Status: 100, Count: 1, First: 9 * time.Second, Last: 9 * time.Second},
		{Status: 500, Count: 1, First: 9 * time.Second, Last: 9 * time.Second},
	}
	res.Hazard = []engine.HazardBin{
		{From: 0, To: 5 * time.Second, Reached: 1890, AtRisk: 5000 * time.Second},
		{From: 5 * time.Second, To: 5120 * time.Millisecond, Reached: 7, AtRisk: 28 * time.Millisecond, Closes: 7},
	}
	res.Recovery = histOf(27, 120*time.Millisecond, 3*time.Second)
	res.Connect = histOf(1005, 31*time.Microsecond, 2100*time.Millisecond)
	res.Latency = histOf(1863, 97*time.Microsecond, 3012*time.Millisecond)
	res.Latency.Censored = 40
	res.ServiceTime = histOf(1823, 61*time.Microsecond, 2999*time.Millisecond)
	res.Lag = histOf(1890, 2*time.Microsecond, 64*time.Millisecond)
	res.ClientWait = histOf(1823, 900*time.Nanosecond, 121*time.Microsecond)
	res.Stamps = engine.Stamps{Kernel: 1820, User: 9}
	res.Hold = engine.Cohort{
		Latency:     histOf(1740, 97*time.Microsecond, 3012*time.Millisecond),
		ServiceTime: histOf(1740, 61*time.Microsecond, 2999*time.Millisecond),
	}
	res.Slow = engine.Slow{Connects: 31, ConnectsRetransmitted: 29, Answers: 300, AnswersRetransmitted: 2}
	second := &res.Timeline[0].Faults
	second.Losses[engine.BlameServer], second.Failures[engine.BlameServer], second.Unconnected[engine.BlameServer] = 11, 28, 3
	second.Spoiled[engine.BlameServer] = 9
	res.Drops = failingDrops()
	last := &in.evidence.readings[len(in.evidence.readings)-1]
	last.kernel.ListenOverflows += 31
	last.kernel.ListenDrops += 33
	last.kernel.TCPSynRetrans += 52
	last.kernel.TCPRetransSegs += 61
	last.host.Idle -= 400 * time.Millisecond
	in.cfg.Server = new(Server)
	in.held.own, in.held.collects = true, true
	in.held.before, in.held.hold = Resources{900 << 10, 390 << 10, 9, 8}, Resources{11 << 20, 8 << 20, 936, 1862}
	in.fixture = &FixtureCounts{Accepted: 990, Open: 2, Peak: 961, Closed: 988, Idle: -1, Active: -1, Requests: 1866}
	return reportOf(in)
}

func failingDrops() []engine.Drop {
	loss := func(cause engine.Cause, errno string, n int64, sample engine.Loss) engine.Drop {
		sample.Cause, sample.Errno, sample.Phase, sample.At = cause, errno, engine.PhaseHold, 9*time.Second
		return engine.Drop{
			Phase: engine.PhaseHold, Cause: cause, Errno: errno, Rule: sample.Rule, Count: n, First: 9 * time.Second,
			Last:         9*time.Second + time.Duration(n-1)*200*time.Millisecond,
			ShortestIdle: sample.Idle, LongestIdle: sample.Idle + time.Duration(n)*time.Millisecond,
			FewestServed: sample.Served, MostServed: sample.Served + n/7, Sample: sample,
		}
	}
	refused := loss(engine.ConnectRefused, "ECONNREFUSED", 3, engine.Loss{
		Slot: 12, Detail: "dial tcp 127.0.0.1:8080: connect: connection refused\n(after 3 tries)",
	})
	refused.Phase = engine.PhaseRamp
	return []engine.Drop{
		loss(engine.ResponseTimedOut, "", 44, engine.Loss{Slot: 830, Idle: 2 * time.Second, Waited: 3 * time.Second, Served: 1}),
		loss(engine.ConnectTimedOut, "", 22, engine.Loss{Slot: 411}),
		loss(engine.ClosedIdle, "", 7, engine.Loss{Slot: 17, Idle: 5004 * time.Millisecond, Pause: 9 * time.Second, Served: 3}),
		loss(engine.ResetWaiting, "ECONNRESET", 6, engine.Loss{Slot: 18, Idle: time.Second, Served: 2}),
		loss(engine.Malformed, "", 6, engine.Loss{
			Slot: 9, Served: 2, Rule: "contradictory Content-Length", Bytes: 72, Status: 200, Detail: "two different Content-Length",
		}),
		loss(engine.ClosedWaiting, "", 5, engine.Loss{Slot: 61, Served: 2}),
		loss(engine.ClosedInBody, "", 5, engine.Loss{Slot: 62, Served: 2, Bytes: 1 << 20}),
		refused,
		loss(engine.IdleBytes, "", 2, engine.Loss{Slot: 2, Served: 1}),
		loss(engine.ClosedBeforeFirst, "", 3, engine.Loss{Slot: 3}),
	}
}

// cancelledReport ended in the ramp, on a machine that can say little of itself.
func cancelledReport() *Report {
	in := sampleInput()
	in.plan.Cadence = engine.Cadence{Kind: engine.BackToBack}
	in.plan.Ramp.Every = -1
	in.plan.Target = engine.Target{Unix: "/run/server.sock"}
	in.fixture = nil
	in.after.user, in.after.sys, in.after.cpu, in.after.rss, in.after.peak = -1, -1, -1, -1, -1
	in.evidence = evidence{}
	*in.result = engine.Result{
		Conns: engine.Conns{
			Requested: 1000, NotAttempted: 700, NeverEstablished: 10, EverEstablished: 290, Served: 280,
			Attempts: 300, Connected: 290, ConnectAbandoned: 10, OpenAtEnd: 290,
		},
		Requests: engine.Requests{Due: 300, Sent: 295, Unsent: 5, Answered: 285, InFlightAtEnd: 10, Status: [6]int64{2: 285}},
		Connect:  histOf(290, 31*time.Microsecond, 412*time.Microsecond), Latency: histOf(285, 90, 9000),
		ServiceTime: histOf(285, 80, 8000), Lag: histOf(295, 10, 1000), ClientWait: histOf(285, 1, 10),
		Driver: "blocking", Stamps: engine.Stamps{User: 285},
		RampEnd: 300 * time.Millisecond, HoldEnd: 300 * time.Millisecond, SweepEnd: 300 * time.Millisecond,
		DrainEnd: 300 * time.Millisecond, Ended: engine.PhaseRamp, Drops: []engine.Drop{abandoned(10)},
	}
	return reportOf(in)
}

// abandoned is what the attempts in flight at a cancellation look like.
func abandoned(n int64) engine.Drop {
	const at = 300 * time.Millisecond
	return engine.Drop{
		Cause: engine.Abandoned, Count: n, First: at, Last: at,
		Sample: engine.Loss{Slot: 290, Cause: engine.Abandoned, At: at},
	}
}

// randomReport is lawful, and otherwise anything: of a reopening run, a cancelled one, an empty one.
func randomReport(rng *rand.Rand) *Report {
	in := sampleInput()
	upTo := func(n int64) int64 { return rng.Int64N(n + 1) }
	var c engine.Conns
	c.NotAttempted, c.NeverEstablished, c.EverEstablished = upTo(50), upTo(50), upTo(200)
	c.Requested = c.NotAttempted + c.NeverEstablished + c.EverEstablished
	c.Served = upTo(c.EverEstablished)
	c.Reopened = upTo(20)
	c.Recovered = upTo(c.Reopened)
	c.Connected = c.EverEstablished + c.Reopened
	c.OpenAtEnd = upTo(c.Connected)
	c.Dropped = c.Connected - c.OpenAtEnd
	c.Held = upTo(min(c.Served, c.OpenAtEnd))
	c.ConnectAbandoned = upTo(c.NeverEstablished)
	c.ConnectFailed = c.NeverEstablished - c.ConnectAbandoned + upTo(20)
	c.Attempts = c.Connected + c.ConnectFailed + c.ConnectAbandoned
	c.Reattempts = c.Attempts - c.Requested + c.NotAttempted

	q := engine.Requests{
		Unsent: upTo(9), TimedOut: upTo(9), Malformed: upTo(9), LostWithConn: upTo(9), InFlightAtEnd: upTo(3),
		Interim: upTo(5),
	}
	for class := range q.Status {
		q.Status[class] = upTo(100)
		q.Answered += q.Status[class]
	}
	q.Unwanted = upTo(q.Answered)
	q.Sent = q.Answered + q.TimedOut + q.Malformed + q.LostWithConn + q.InFlightAtEnd
	q.Due = q.Sent + q.Unsent
	q.HoldDue = upTo(q.Due)
	q.HoldSent = upTo(min(q.HoldDue, q.Sent))

	in.cfg.ServerPID, in.overlapped = rng.IntN(2), rng.IntN(2) == 0
	in.evidence.readings = in.evidence.readings[:rng.IntN(4)]
	res := in.result
	res.Conns, res.Requests = c, q
	res.Recovery = randomHist(rng, c.Recovered)
	if res.Unwanted = nil; q.Unwanted > 0 {
		res.Unwanted = []engine.StatusCount{{Status: 100 + rng.IntN(900), Count: q.Unwanted}}
	}
	res.Hazard = []engine.HazardBin{{To: 1, Reached: c.Dropped, AtRisk: time.Second, Closes: upTo(c.Dropped)}}
	res.Connect, res.Lag = randomHist(rng, c.Connected), randomHist(rng, q.Sent)
	res.ServiceTime, res.ClientWait = randomHist(rng, q.Answered), randomHist(rng, q.Answered)
	res.Latency = randomHist(rng, q.Answered+q.TimedOut)
	res.Latency.Censored = q.TimedOut
	inHold := upTo(q.HoldSent)
	res.Hold = engine.Cohort{Latency: randomHist(rng, inHold), ServiceTime: randomHist(rng, inHold)}
	res.Timeline[0].Connects, res.Timeline[0].Services = spectrumOf(c.Connected, 1, time.Second), spectrumOf(inHold, 1, time.Second)
	res.Ended = engine.Phase(rng.IntN(4))
	res.Drops = append(randomDrops(rng, c.ConnectFailed, engine.ConnectRefused, engine.LocalExhaustion),
		randomDrops(rng, c.Dropped, engine.ClosedUnused, engine.TransportError)...)
	if c.ConnectAbandoned > 0 {
		res.Drops = append(res.Drops, abandoned(c.ConnectAbandoned))
	}
	return newReport(in)
}

// randomHist has values over its whole range, 0 and some beyond included.
func randomHist(rng *rand.Rand, n int64) *engine.Hist {
	h := engine.NewHist(10 * time.Second)
	for range n {
		h.Record(time.Duration(1)<<rng.IntN(36) - 1 + time.Duration(rng.IntN(1000)*rng.IntN(2)))
	}
	return h
}

// randomDrops shares n losses out among the causes from first to last.
func randomDrops(rng *rand.Rand, n int64, first, last engine.Cause) []engine.Drop {
	var drops []engine.Drop
	for n > 0 {
		d := engine.Drop{
			Phase: engine.Phase(rng.IntN(3)), Cause: first + engine.Cause(rng.IntN(int(last-first)+1)),
			Errno: [...]string{"", "ECONNRESET"}[rng.IntN(2)], Count: 1 + rng.Int64N(n),
			Rule:  [...]string{"", "bare CR"}[rng.IntN(2)],
			First: time.Duration(rng.Int64N(1e9)), Last: time.Duration(1e9 + rng.Int64N(1e9)),
			LongestIdle: time.Duration(rng.Int64N(1e9)), MostServed: rng.Int64N(9),
		}
		d.Sample = engine.Loss{
			Slot: rng.IntN(100), Phase: d.Phase, Cause: d.Cause, Errno: d.Errno, At: d.First, Idle: 5,
			Rule: d.Rule, Pause: 6, Waited: 7, Bytes: rng.Int64N(9),
			Served: rng.Int64N(9), Status: rng.IntN(600), Detail: "näh \"quoted\" <&>\n",
		}
		drops = append(drops, d)
		n -= d.Count
	}
	slices.SortFunc(drops, func(a, b engine.Drop) int { return int(b.Count - a.Count) })
	return drops
}
