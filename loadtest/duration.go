package loadtest

import (
	"math"
	"time"

	"example.com/holdfast/internal/engine"
)

// planned returns how long a run of a valid c takes by its plan: as expected, with a server that answers at once, and at
// most, with one that lets each connect and each request time out. A machine that is too busy to keep to the plan takes
// longer.
//
//	expected = ramp + longest first pause + hold + sweep, if pauses are too long for all to answer without it
//	most     = all of that, and for each 256 conns a ConnectTimeout and a ResponseTimeout, because so many may connect or
//	           await their first answer at a time; then for the sweep's last answers, and in drain, a few ResponseTimeouts.
//	           And what is done besides: a Server lets go of earlier runs' conns, a certificate is verified for generator
//	           processes, and with all conns open it is read what they hold
func (c Config) planned() (expected, most time.Duration) {
	idle := orDefault(c.IdleTimeout, defaultIdleTimeout)
	conns, ramp := orDefault(c.Connections, defaultConnections), c.Ramp.effective()
	law := c.Cadence.effective(idle)
	hold := c.holdFor()
	connect, response := orDefault(c.ConnectTimeout, defaultTimeout), orDefault(c.ResponseTimeout, defaultTimeout)

	opening := time.Duration(0)
	if ramp.Every > 0 {
		opening = times((conns-1)/ramp.Conns, ramp.Every)
	}
	likely, longestPause := longestFirst(law, conns)
	expected = sum(opening, likely, hold, expectedSweep(law, conns, hold, idle))
	turns := times((conns+maxConnecting-1)/maxConnecting, sum(connect, response, dialTolerance))
	most = sum(opening, longestPause, turns, hold, idle/4, times(responsesAfterHold, response), c.besides(conns, connect), unplanned)
	return expected, most
}

// besides returns what a run of so many conns takes at most besides its phases, and in the midst of them.
func (c Config) besides(conns int, connect time.Duration) (d time.Duration) {
	if c.Server != nil {
		d = sum(d, settlePatience, times(conns, readingPerConn))
	}
	if loc, _ := parseLocation(c.rawURL()); loc.scheme == "https" && c.Processes >= 0 {
		d = sum(d, connect, dialTolerance)
	}
	return d
}

// holdFor returns the effective Hold.
func (c Config) holdFor() time.Duration {
	return max(0, orDefault(c.Hold, orDefault(c.IdleTimeout, defaultIdleTimeout)/2))
}

const (
	// dialTolerance is what an attempt may take beyond ConnectTimeout to say why it failed.
	dialTolerance = 100 * time.Millisecond

	// readingPerConn is for what is held, before the run and in it, and for Check's look: of 9 500 conns 180 ms (2026-11). Three
	// times that may be added by a heap that has more in it.
	readingPerConn = 60 * time.Microsecond

	// responsesAfterHold are those that one conn may await after hold, each until it times out: the one on its way, in the
	// sweep one more if that was sent too long ago, and in drain the last.
	responsesAfterHold = 3

	// unplanned is for what has no plan: starting and ending generator processes, and a DialContext that does not return.
	unplanned = 5 * time.Second
)

// longestFirst returns how long the longest of so many first pauses is, as a rule and at most.
func longestFirst(law engine.Cadence, conns int) (likely, most time.Duration) {
	switch law.Kind {
	case engine.Uniform:
		return law.Max, law.Max
	case engine.Every:
		return law.Min, law.Min
	case engine.Exponential:
		// The longest of n is distributed about mean·ln n; one beyond mean·(ln n + 14) comes once in a million runs.
		n := math.Log(float64(conns))
		return scaled(n+1, law.Min), scaled(n+14, law.Min)
	}
	return 0, 0
}

// expectedSweep returns how long the sweep asks: only if hold was long enough for the longest pause to end in it, and that is
// not longer than what counts as recent, has each conn been heard from.
func expectedSweep(law engine.Cadence, conns int, hold, idle time.Duration) time.Duration {
	pause, _ := longestFirst(law, conns)
	if law.Kind == engine.Silent {
		pause = endless
	}
	if hold > 0 && pause <= min(hold, idle/2) {
		return 0
	}
	return min(idle/4, times(conns, time.Millisecond)) // it asks a thousand a second, or faster
}

// endless stands for durations that cannot be told; twice as much is a duration still.
const endless = math.MaxInt64 / 4

func times(n int, d time.Duration) time.Duration { return scaled(float64(n), d) }

// scaled returns f times d, endless at most.
func scaled(f float64, d time.Duration) time.Duration {
	return time.Duration(min(f*float64(d), endless))
}

// sum adds durations up, endless at most.
func sum(all ...time.Duration) (total time.Duration) {
	for _, d := range all {
		total = min(total+min(d, endless), endless)
	}
	return total
}
