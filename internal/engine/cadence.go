package engine

import "time"

// A Cadence is the rule that draws pauses. Its zero value is Silent.
type Cadence struct {
	Kind Kind
	Min  time.Duration // Uniform: lower bound; Every: the pause; Exponential: the mean
	Max  time.Duration // Uniform: upper bound
	Grid bool          // Fixed: due = previous due + pause instead of arrived + pause
}

// A Kind is a law of pauses.
type Kind uint8

const (
	Silent      Kind = iota // one request, then idle until the sweep
	Uniform                 // in Min … Max
	Every                   // always Min
	Exponential             // of mean Min
	BackToBack              // no pause: closed loop
)
