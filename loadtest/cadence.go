package loadtest

import (
	"fmt"
	"time"

	"example.com/holdfast/internal/engine"
)

// A Cadence is the rule that draws the pauses between a response and the next request on a conn. Its zero value is the
// default of [Config].Cadence. Pause k of conn i is a function of (seed, i, k) alone.
type Cadence struct {
	law engine.Cadence
	set bool
}

// Uniform draws each pause uniformly from min to max; 0 ≤ min ≤ max, and max above zero.
func Uniform(min, max time.Duration) Cadence {
	return Cadence{law: engine.Cadence{Kind: engine.Uniform, Min: min, Max: max}, set: true}
}

// Every pauses for d, always; d above zero.
func Every(d time.Duration) Cadence {
	return Cadence{law: engine.Cadence{Kind: engine.Every, Min: d}, set: true}
}

// Exponential draws pauses from the exponential distribution with the given mean, above zero: requests then are a
// Poisson process.
func Exponential(mean time.Duration) Cadence {
	return Cadence{law: engine.Cadence{Kind: engine.Exponential, Min: mean}, set: true}
}

// BackToBack sends the next request as soon as the response has arrived: a closed loop. It begins when the ramp ends;
// before, each conn sends one request.
func BackToBack() Cadence { return Cadence{law: engine.Cadence{Kind: engine.BackToBack}, set: true} }

// Silent sends one request when the conn is established and then nothing until the sweep.
func Silent() Cadence { return Cadence{law: engine.Cadence{Kind: engine.Silent}, set: true} }

// Fixed puts the due instants of c on a grid: each is the previous due instant plus a pause, however long the response
// took. [BackToBack] and [Silent] have no pauses to put on a grid and are refused. Fixed of the zero Cadence is the
// default cadence on a grid.
func Fixed(c Cadence) Cadence {
	c.law.Grid = true
	return c
}

// effective returns the law of c, or the default law for a server with the given keep-alive timeout: the origin's one
// second to half of it. Where that range is empty, the lower bound is a quarter of it.
func (c Cadence) effective(idleTimeout time.Duration) engine.Cadence {
	if c.set {
		return c.law
	}
	least := time.Second
	if idleTimeout/2 <= least {
		least = idleTimeout / 4
	}
	return engine.Cadence{Kind: engine.Uniform, Min: least, Max: idleTimeout / 2, Grid: c.law.Grid}
}

// mean returns the expected pause; 0 for a closed loop, and ok is false where there is none.
func mean(law engine.Cadence) (pause time.Duration, ok bool) {
	switch law.Kind {
	case engine.Uniform:
		return law.Min + (law.Max-law.Min)/2, true
	case engine.Every, engine.Exponential:
		return law.Min, true
	case engine.BackToBack:
		return 0, true
	default:
		return 0, false
	}
}

// problems returns what is wrong with c.
func (c Cadence) problems() []string {
	if !c.set {
		return nil
	}
	var found problems
	law := c.law
	switch law.Kind {
	case engine.Uniform:
		found.uniform(law.Min, law.Max)
	case engine.Every:
		if law.Min <= 0 {
			found.add("Cadence is Every(%v): the pause must be above zero; for none write BackToBack()", law.Min)
		}
	case engine.Exponential:
		if law.Min <= 0 {
			found.add("Cadence is Exponential(%v): the mean must be above zero; for no pause write BackToBack()", law.Min)
		}
	case engine.BackToBack, engine.Silent:
		if name := cadenceName(law.Kind); law.Grid {
			found.add("Cadence is Fixed(%s()): there are no pauses to put on a grid; write %s()", name, name)
		}
	}
	if len(found) > 0 {
		return found
	}
	if law.Kind == engine.Uniform {
		found.magnitude("Cadence's shortest pause", law.Min)
		found.magnitude("Cadence's longest pause", law.Max)
	} else {
		found.magnitude("Cadence's pause", law.Min)
	}
	return found
}

func (p *problems) uniform(least, most time.Duration) {
	switch {
	case least < 0:
		p.add("Cadence is Uniform(%v, %v): the shortest pause must not be negative", least, most)
	case most < least:
		p.add("Cadence is Uniform(%v, %v): the longest pause is below the shortest; write Uniform(%v, %v)",
			least, most, max(most, 0), least)
	case most == 0:
		p.add("Cadence is Uniform(0s, 0s), no pause at all: write BackToBack()")
	}
}

func cadenceName(k engine.Kind) string {
	if k == engine.Silent {
		return "Silent"
	}
	return "BackToBack"
}

// A problems list collects sentences.
type problems []string

func (p *problems) add(format string, args ...any) { *p = append(*p, fmt.Sprintf(format, args...)) }
