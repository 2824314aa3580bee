package loadtest

import (
	"time"

	"example.com/holdfast/internal/engine"
)

// A Report is what [Run] found.
type Report struct {
	Conns    Conns
	Requests Requests
	Phases   Phases

	Connect     Distribution // from the start of connect to established, TLS included
	Latency     Distribution // arrived − due; timed-out requests are in it, from due, marked censored
	ServiceTime Distribution // arrived − sent
	Lag         Distribution // sent − max(due, ready): how late we were
	ClientWait  Distribution // parsed − arrived: how long a response waited for us

	Drops     []Drop   // ways in which attempts failed or conns were lost, most frequent first
	Timeline  []Sample // one per second
	Generator Usage    // this process while the run lasted
	Fixture   *FixtureCounts
	Kernel    KernelCounters
	Warnings  []Warning

	Seed        uint64
	Config      Echo
	Environment Environment
}

// Distribution, Conns, Requests, Phases, Drop, Sample, Usage, KernelCounters, Warning, Echo, Environment follow.

// A Distribution of durations.
type Distribution struct{ h *engine.Hist }

type (
	Conns          engine.Conns
	Requests       engine.Requests
	Phases         struct{ Ramp, Hold, Sweep, Drain time.Duration }
	Drop           struct{}
	Sample         struct{}
	Usage          struct{}
	KernelCounters struct{}
	Warning        struct{}
	Echo           struct{}
	Environment    struct{}
)
