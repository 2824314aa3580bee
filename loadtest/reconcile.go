package loadtest

import (
	"fmt"

	"example.com/holdfast/internal/engine"
)

// Two ledgers of one run: ours, and that of the fixture, which knows nothing of ours. What each can know bounds the other:
//
//	Served ≤ accepted ≤ Connected, and what may have come up without our knowing
//	Answered ≤ requests of the handler ≤ Sent

// A comparison is one of the two.
type comparison struct {
	least, have, most int64
	terms             string // their names: "served <= accepted <= connected"
}

func (c comparison) known() bool { return c.have >= 0 }

// difference returns how many more the fixture has than can be, negative: how many fewer; 0: they agree.
func (c comparison) difference() int64 {
	return max(c.have-c.most, 0) + min(c.have-c.least, 0)
}

func (c comparison) agreement() string { return fmt.Sprintf(c.terms, c.least, c.have, c.most) }

func compareConns(r *Report) comparison {
	c := comparison{least: r.Conns.Served, have: r.Fixture.Accepted, most: r.Conns.Connected,
		terms: "agrees: %d served <= %d accepted <= %d connected"}
	if n := halfOpened(r.Drops); n > 0 {
		c.most += n
		c.terms += fmt.Sprintf(", with %d that were given up on the way", n)
	}
	return c
}

// halfOpened counts the attempts that failed, or were abandoned, after the server may have accepted.
func halfOpened(drops []Drop) (n int64) {
	for _, d := range drops {
		switch d.Cause.fate() {
		case engine.ConnectAbandoned:
			n += d.Count
		case engine.ConnectFailed:
			if d.Cause != CauseConnectRefused && d.Cause != CauseConnectUnreachable && d.Cause != CauseLocalExhaustion {
				n += d.Count
			}
		}
	}
	return n
}

func compareRequests(r *Report) comparison {
	return comparison{least: r.Requests.Answered, have: r.Fixture.Requests, most: r.Requests.Sent,
		terms: "agrees: %d answered <= %d requests <= %d sent"}
}

func strangeConns(r *Report) (Warning, bool) {
	return strange(r, WarnFixtureConns, compareConns, func(n int64) string {
		if n < 0 {
			return some(-n, "conn") + " served that the fixture did not accept: another server answered"
		}
		return fmt.Sprintf("the fixture accepted %s more than connected: another client uses it", some(n, "conn"))
	})
}

func strangeRequests(r *Report) (Warning, bool) {
	return strange(r, WarnFixtureRequests, compareRequests, func(n int64) string {
		if n < 0 {
			return some(-n, "request") + " answered that did not reach the fixture's handler: something before it answered"
		}
		return fmt.Sprintf("the fixture's handler saw %s more than were sent: another client uses it, or something between "+
			"sends again", some(n, "request"))
	})
}

// strange warns of a difference, in words that depend on its sign.
func strange(r *Report, kind string, compare func(*Report) comparison, words func(int64) string) (Warning, bool) {
	if r.Fixture == nil {
		return Warning{}, false
	}
	c := compare(r)
	n := c.difference()
	return Warning{Kind: kind, Value: float64(n), Text: words(n)}, c.known() && n != 0
}
