package loadtest

import (
	"fmt"
	"math"
	"slices"
	"time"

	"example.com/holdfast/internal/generator"
)

// A Warning is a doubt about what a report shows, as data: it names a cause and never is a verdict.
type Warning struct {
	Kind      string  `json:"kind"` // one of the Warn constants, which say what Value counts
	Value     float64 `json:"value"`
	Threshold float64 `json:"threshold"` // beyond which Value is worth a warning
	Text      string  `json:"text"`      // for people: what was seen, and what it means
}

// The kinds of [Warning].
const (
	// WarnSlowConnects: so many conns took 0.9 s or longer to connect. On plain TCP that is most often a SYN sent again,
	// because the server's accept queue was full or a packet was lost; TLS handshakes and Config.DialContext are slow for
	// reasons of their own.
	WarnSlowConnects = "slow connects"

	// WarnUnsent: less than this share of the requests due in hold were sent before the sweep ended.
	WarnUnsent = "unsent"

	// WarnSlowed: all conns were held, yet only this share of the cadence's rate was offered. A conn sends no request
	// while it waits for an answer, so slow answers thin out the load.
	WarnSlowed = "slowed"

	// WarnLate: the 99th percentile of Lag, in seconds. The generator or its machine had more to do than it could, and
	// Latency contains that.
	WarnLate = "late"

	// WarnClamped: so many durations were outside a histogram's range and stand at its edge.
	WarnClamped = "clamped"

	// WarnFixtureConns: the fixture accepted so many conns more than we connected, or (negative) so many fewer than we saw
	// served.
	WarnFixtureConns = "fixture conns"

	// WarnFixtureRequests: the fixture's handler saw so many requests more than we sent, or (negative) so many fewer than
	// were answered.
	WarnFixtureRequests = "fixture requests"

	// WarnBusyStart: so many goroutines were running in a generator process when it took the test binary over.
	WarnBusyStart = "busy start"

	// WarnRace: the binary has the race detector in it, which costs the generator, and a server in the same process, a
	// multiple of what they cost without.
	WarnRace = "race"
)

func warningsOf(r *Report) []Warning {
	all := []Warning{}
	ours := []func(*Report) (Warning, bool){slowConnects, unsent, slowed, late, clamped, strangeConns, strangeRequests,
		race}
	for _, of := range slices.Concat(ours, measurementWarnings, hostWarnings) {
		if w, ok := of(r); ok {
			all = append(all, w)
		}
	}
	return all
}

func slowConnects(r *Report) (Warning, bool) {
	n := r.Connect.atLeast(slowConnect)
	w := Warning{Kind: WarnSlowConnects, Value: float64(n)}
	w.Text = fmt.Sprintf("%s took 0.9 s or longer to connect", some(n, "conn"))
	switch {
	case r.Config.TLS:
		w.Text += ", TLS handshake included"
	case r.Slow.ConnectsRetransmitted > 0:
		w.Text += fmt.Sprintf(", %d of them because the accept queue was full or a packet lost, and the SYN sent again: ramp more "+
			"slowly, or raise the server's backlog", r.Slow.ConnectsRetransmitted)
	case r.Slow.Connects > 0 && r.Slow.ConnectsRetransmitted == 0:
		w.Text += ", though no SYN had to be sent again: this machine was too busy, or the way is long"
	case r.Config.Network == networkTCP:
		w.Text += ", as when the accept queue is full or a SYN is lost: ramp more slowly, or raise the server's backlog"
	}
	return w, n > 0
}

func unsent(r *Report) (Warning, bool) {
	q := r.Requests
	if q.HoldDue == 0 {
		return Warning{}, false
	}
	share := float64(q.HoldSent) / float64(q.HoldDue)
	w := Warning{Kind: WarnUnsent, Value: share, Threshold: leastSentShare}
	w.Text = fmt.Sprintf("only %d of the %s due in hold were sent: conns were lost or waited for answers, or the run was cut short",
		q.HoldSent, some(q.HoldDue, "request"))
	return w, share < leastSentShare
}

func slowed(r *Report) (Warning, bool) {
	expected, offered := r.Load.Expected, r.Load.Offered
	if expected == 0 || r.Phases.Hold == 0 {
		return Warning{}, false
	}
	share := offered / expected
	w := Warning{Kind: WarnSlowed, Value: share, Threshold: leastRateShare}
	w.Text = fmt.Sprintf("%s requests/s were offered of the %s that the cadence gives with prompt answers: "+
		"late answers put off the requests after them", perSecond(offered), perSecond(expected))
	// Draws scatter: a shortfall of up to four standard deviations of a Poisson count says nothing.
	n := expected * r.Phases.Hold.Seconds()
	scatter := 4 * math.Sqrt(n)
	return w, r.Phases.Complete && r.Conns.Held == r.Conns.Requested && share < leastRateShare &&
		n-offered*r.Phases.Hold.Seconds() > scatter
}

func late(r *Report) (Warning, bool) {
	limit := max(leastLag, r.Config.Tick)
	p99 := r.Lag.Quantile(0.99)
	w := Warning{Kind: WarnLate, Value: p99.Seconds(), Threshold: limit.Seconds()}
	w.Text = fmt.Sprintf("one request in a hundred went out %s or more after it was due: this machine was too busy, "+
		"and Latency contains that", threeDigits(p99))
	return w, p99 > limit
}

func clamped(r *Report) (Warning, bool) {
	var n int64
	for _, d := range r.distributions() {
		n += d.Clamped()
	}
	w := Warning{Kind: WarnClamped, Value: float64(n)}
	w.Text = fmt.Sprintf("%s outside a histogram's range: quantiles have the range's edge instead", some(n, "duration"))
	return w, n > 0
}

func race(r *Report) (Warning, bool) {
	w := Warning{Kind: WarnRace, Value: 1}
	w.Text = "built with the race detector: durations, CPU and memory are a multiple of what they are without"
	return w, r.Environment.Race
}

// busyStart warns of what runs beside the generator: packages that are initialised before loadtest, because they import
// less, may have started it.
func busyStart(all []generator.Process) (Warning, bool) {
	var goroutines int
	var cpu time.Duration
	for _, p := range all {
		goroutines, cpu = max(goroutines, p.Goroutines), max(cpu, p.CPU)
	}
	w := Warning{Kind: WarnBusyStart, Value: float64(goroutines)}
	w.Text = fmt.Sprintf("%s of packages that are initialised before loadtest run in each generator process, which used "+
		"%s of CPU before it began: what they do costs the generator", some(int64(goroutines), "goroutine"), threeDigits(cpu))
	return w, goroutines > 0
}

// some counts things: "1 conn", "2 conns".
func some(n int64, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
