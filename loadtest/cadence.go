package loadtest

import (
	"time"

	"example.com/holdfast/internal/engine"
)

// A Cadence is the rule that draws the pauses between a response and the next request on a conn. Its zero value is the
// default of [Config].Cadence. Pause k of conn i is a function of (seed, i, k) alone.
type Cadence struct {
	law engine.Cadence
	set bool
}

// Uniform draws each pause uniformly from min to max.
func Uniform(min, max time.Duration) Cadence {
	return Cadence{law: engine.Cadence{Kind: engine.Uniform, Min: min, Max: max}, set: true}
}

// Every pauses for d, always.
func Every(d time.Duration) Cadence {
	return Cadence{law: engine.Cadence{Kind: engine.Every, Min: d}, set: true}
}

// Exponential draws pauses from the exponential distribution with the given mean: requests then are a Poisson process.
func Exponential(mean time.Duration) Cadence {
	return Cadence{law: engine.Cadence{Kind: engine.Exponential, Min: mean}, set: true}
}

// BackToBack sends the next request as soon as the response has arrived: a closed loop.
func BackToBack() Cadence { return Cadence{law: engine.Cadence{Kind: engine.BackToBack}, set: true} }

// Silent sends one request when the conn is established and then nothing until the sweep.
func Silent() Cadence { return Cadence{law: engine.Cadence{Kind: engine.Silent}, set: true} }

// Fixed puts the due instants of c on a grid: each is the previous due instant plus a pause, however long the response
// took.
func Fixed(c Cadence) Cadence {
	c.law.Grid = true
	return c
}
