package gate

import (
	"cmp"
	"fmt"
	"time"

	"example.com/holdfast/loadtest"
)

// The chances of being wrong that the procedure takes, and where it begins to know.
const (
	pFlag    = 0.05 // of a ratio of the first pairs: one in twenty is measured again, which costs time alone
	pCount   = 0.01 // of counts of the first pairs: they have no tolerance, and a host's mischief is in them first
	pConfirm = 0.01 // of all that is flagged, together, in the fresh pairs: the bound on red gates without a cause
	pSure    = 0.05 // of same and of better, and of each bound

	// The clock of a process's CPU is exact to some µs, and slices cut requests in two: of 200 that is half of one each time.
	leastExchanges = 200

	// Fresh pairs for each of the first: what is slightly more than the tolerance is then found as surely at pConfirm as at
	// pFlag before.
	freshPairs = 2

	// What the procedure was validated with, and what a gate of more than that takes half an hour for.
	usualPairs = 12
	mostPairs  = 100
)

// A spec says of a metric how it is judged, and why so.
type spec struct {
	name, unit string
	rule       string // "": it is shown
	why        string

	tolerance float64 // worse is more
	limit     float64 // same is less
	flag      float64 // p of the first pairs that has it measured again

	// read returns the figure of a pair's side, or why there is none.
	read func(p pair, head bool) (v float64, why string)
	find func(s *spec, pairs []pair, fresh bool) finding

	// cost returns the figure of a measured server. slack is the tolerance of it where that is more.
	cost  func(c *loadtest.Cost) loadtest.Marginal
	slack float64
}

// specs are all metrics, in the order in which they are told.
var specs = []spec{
	{
		name: "CPU per request", unit: "cpu-ns/req",
		rule: "worse: more than +2 % by the signed-rank test, p ≤ .05, and p ≤ .01 in twice as many fresh pairs; same: surely below +5 %",
		why: "what a request costs is the server's own, and the same load costs the same on a busy host; two builds of the same " +
			"code differ by less than 2 %",
		tolerance: 0.02, limit: 0.05, flag: pFlag, read: cpuPerRequest, find: findRatio,
	},
	{
		name: "p50 of service time", unit: "p50-ns",
		rule: "worse: more than +5 % by the signed-rank test, p ≤ .05, and p ≤ .01 in twice as many fresh pairs; same: surely below +10 %",
		why: "half of all requests are on either side of it, so that stalls do not move it; yet it has the host's and the " +
			"generator's time in it, so more must be seen than of CPU",
		tolerance: 0.05, limit: 0.10, flag: pFlag, read: ofSide(func(s side) time.Duration { return s.P50 }), find: findRatio,
	},
	{
		name: "dropped conns", unit: "drops/conn",
		rule: "worse: more of head's conns by the binomial test, p ≤ .01, and again in twice as many fresh pairs, there in more pairs by " +
			"the sign test too; same: not more",
		why: "a conn that is lost is lost to somebody, so there is no tolerance; what one accident drops at once counts as one " +
			"pair in the sign test",
		flag: pCount, find: findDrops,
	},
	{
		name: "failed requests", unit: "failed/req",
		rule: "worse: more in more pairs by the sign test, p ≤ .01, and again in twice as many fresh pairs; same: not more",
		why:  "those of one stall fail together, so that pairs count and not requests",
		flag: pCount, find: findFailed,
	},
	{
		name: "heap per conn", unit: "heap-B/conn",
		rule: "worse: the least of head's three is above the most of base's by more than 2 %, and again in three fresh pairs; same: no " +
			"figure of head is above any of base by more",
		why: "it repeats within 0.1 %, so that no more than three are needed; of less than 1 KiB a conn 2 % would be a page " +
			"here or there, and 20 B are the tolerance",
		tolerance: 0.02, slack: 20, cost: func(c *loadtest.Cost) loadtest.Marginal { return c.Heap },
	},
	{
		name: "goroutines per conn", unit: "goroutines/conn", rule: countRule, why: countWhy,
		slack: 0.5, cost: func(c *loadtest.Cost) loadtest.Marginal { return c.Goroutines },
	},
	{
		name: "descriptors per conn", unit: "descriptors/conn", rule: countRule, why: countWhy,
		slack: 0.5, cost: func(c *loadtest.Cost) loadtest.Marginal { return c.Descriptors },
	},
	{
		name: "p99 of service time", unit: "p99-ns", why: tailWhy,
		read: ofSide(func(s side) time.Duration { return s.P99 }), find: findShown,
	},
	{
		name: "p99.9 of service time", unit: "p999-ns", why: tailWhy,
		read: ofSide(func(s side) time.Duration { return s.P999 }), find: findShown,
	},
	{
		name: "longest service time", unit: "max-ns", why: tailWhy,
		read: ofSide(func(s side) time.Duration { return s.Max }), find: findShown,
	},
	{
		name: "requests per second", unit: "req/s", why: "in a closed loop it is the mean service time, turned over, with all stalls in it",
		read: requestRate, find: findShown,
	},
	{
		name: "stack per conn", unit: "stack-B/conn", why: "it goes by powers of two with the deepest call, so that chance moves it by thousands",
		cost: func(c *loadtest.Cost) loadtest.Marginal { return c.Stack },
	},
	{
		name: "RSS per conn", unit: "rss-B/conn", why: "what the runtime has not yet returned is in it",
		cost: func(c *loadtest.Cost) loadtest.Marginal { return c.RSS },
	},
}

const (
	countRule = "worse: the least of head's three is above the most of base's by more than 0.5, and again in three fresh pairs; same: no " +
		"figure of head is above any of base by more"
	countWhy = "a conn has whole ones, and half of one is what comes and goes by itself for one conn in two"
	tailWhy  = "on a shared host it is the neighbours' as much as the server's: no number of pairs tells them apart"
)

// metric returns the line of the table with nothing found.
func (s *spec) metric() metric {
	m := metric{Name: s.name, Unit: s.unit, Rule: s.rule, Outcome: unknown, Tolerance: s.tolerance, Limit: s.limit}
	if s.cost != nil && s.rule != "" {
		m.Tolerance = cmp.Or(s.tolerance, s.slack)
		m.Limit = m.Tolerance // no figure is above any other by more
	}
	if s.rule == "" {
		m.Outcome = shown
	}
	return m
}

func (p pair) side(head bool) side {
	if head {
		return p.Head
	}
	return p.Base
}

func sideName(head bool) string {
	if head {
		return headName
	}
	return baseName
}

func cpuPerRequest(p pair, head bool) (v float64, why string) {
	s := p.side(head)
	switch {
	case s.Fewest < leastExchanges || s.Requests <= 0:
		return 0, fmt.Sprintf("%s answered %d requests in a slice of pair %d, and CPU time of fewer than %d is not exact", sideName(head),
			s.Fewest, p.Number, leastExchanges)
	case s.CPU <= 0:
		return 0, fmt.Sprintf("%s used no CPU time in pair %d", sideName(head), p.Number)
	}
	return float64(s.CPU) / float64(s.Requests), ""
}

// ofSide reads a service time.
func ofSide(of func(side) time.Duration) func(p pair, head bool) (float64, string) {
	return func(p pair, head bool) (float64, string) {
		if d := of(p.side(head)); d > 0 {
			return float64(d), ""
		}
		return 0, fmt.Sprintf("%s has no service times in pair %d", sideName(head), p.Number)
	}
}

func requestRate(p pair, head bool) (v float64, why string) {
	var took time.Duration
	var answered int64
	for _, s := range p.Slices {
		if s.Head == head {
			took += s.Took
			answered += s.Requests
		}
	}
	if took <= 0 || answered <= 0 {
		return 0, fmt.Sprintf("%s answered nothing in the slices of pair %d", sideName(head), p.Number)
	}
	return float64(answered) / took.Seconds(), ""
}
