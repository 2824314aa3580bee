package gate

import (
	"time"

	"example.com/holdfast/loadtest"
)

// An outcome is what was found of a metric, or of the whole gate.
type outcome string

const (
	same    outcome = "same"    // surely not worse by more than the metric's limit for that
	better  outcome = "better"  // surely better by more than the tolerance
	worse   outcome = "worse"   // found worse by more than the tolerance, and found so again: the gate is red
	unknown outcome = "unknown" // nothing of these is sure
	isNew   outcome = "new"     // the base has nothing to compare with
	shown   outcome = "shown"   // told, and not judged
)

// A result is all that a gate found. As JSON it is for other programs.
type result struct {
	Format  int      `json:"format"` // of this JSON
	Test    string   `json:"test"`
	Package string   `json:"package"`
	Outcome outcome  `json:"outcome"`
	Why     string   `json:"why,omitempty"` // why nothing was compared
	Notes   []string `json:"notes,omitempty"`

	Base revision `json:"base"`
	Head revision `json:"head"`

	Conns       int                  `json:"conns"`       // held by each of the two servers
	Outstanding int                  `json:"outstanding"` // requests at a time
	Seed        uint64               `json:"seed"`
	Machine     loadtest.Environment `json:"machine"`
	Took        time.Duration        `json:"took_ns"`

	Metrics []metric `json:"metrics"`
	Noise   float64  `json:"noise"` // σ of ln(head ÷ base) of the CPU time per request of a pair

	First      []pair     `json:"first"`                // of which each metric was judged first
	Confirming []pair     `json:"confirming,omitempty"` // fresh ones, for what was found worse
	Discarded  []pair     `json:"discarded,omitempty"`  // disturbed, and measured again
	Costs      []costPair `json:"costs,omitempty"`

	ConfirmingCosts []costPair `json:"confirming_costs,omitempty"`
}

// A revision is one side of the comparison.
type revision struct {
	Name   string `json:"name"`   // as asked for; of head "HEAD", or "work tree"
	Commit string `json:"commit"` // of head the one that is checked out
	Title  string `json:"title"`  // first line of its message
	Dirty  bool   `json:"dirty"`  // the work tree differs from the commit
	Built  string `json:"built"`  // such as "built in 2.1s", "from the cache"
	Binary string `json:"binary"` // SHA-256 of the test binary
}

// A pair is one comparison: two fresh server processes, one of each revision, loaded in turns.
type pair struct {
	Number    int     `json:"number"` // from 0, of all that were measured
	Base      side    `json:"base"`
	Head      side    `json:"head"`
	Slices    []slice `json:"slices"`
	Disturbed string  `json:"disturbed,omitempty"` // why it does not count
}

// A side is one server of a pair, over all its slices.
type side struct {
	PID      int           `json:"pid"`
	Conns    int64         `json:"conns"` // asked for
	CPU      time.Duration `json:"cpu_ns"`
	Requests int64         `json:"requests"`        // answered in slices
	Fewest   int64         `json:"fewest"`          // answered in one slice
	Failed   int64         `json:"failed"`          // requests, in all of the pair
	Dropped  int64         `json:"dropped"`         // conns that were lost or never established, in all of the pair
	Drops    []string      `json:"drops,omitempty"` // causes, such as "3 × reset while waiting, in hold"
	P50      time.Duration `json:"p50_ns"`          // service times in slices
	P99      time.Duration `json:"p99_ns"`
	P999     time.Duration `json:"p999_ns"`
	Max      time.Duration `json:"max_ns"`
	Output   string        `json:"output,omitempty"` // the end of what the process printed
}

// A slice is a stretch in which one server was loaded.
type slice struct {
	Head     bool          `json:"head"`  // whose it is
	At       time.Duration `json:"at_ns"` // since the first slice of the pair
	Took     time.Duration `json:"took_ns"`
	CPU      time.Duration `json:"cpu_ns"`
	Between  time.Duration `json:"between_ns"` // CPU that its server used since its slice before
	Requests int64         `json:"requests"`
	Foreign  float64       `json:"foreign"` // share of the processors that others used
	Steal    float64       `json:"steal"`   // share that the hypervisor kept
}

// A costPair is what each conn more costs a fresh server process of each revision.
type costPair struct {
	Base *loadtest.Cost `json:"base"`
	Head *loadtest.Cost `json:"head"`
}

// A metric is a line of the table.
type metric struct {
	Name string `json:"name"` // such as "CPU per request"
	Unit string `json:"unit"` // as benchmarks write it, such as "cpu-ns/req"
	Rule string `json:"rule"` // how it is judged; "": it is shown

	Base *float64 `json:"base"` // medians over the pairs; null: not measured
	Head *float64 `json:"head"`

	Change  *interval `json:"change,omitempty"` // head ÷ base − 1, with a confidence of 95 % on each side
	Outcome outcome   `json:"outcome"`
	Why     string    `json:"why,omitempty"`

	Tolerance float64 `json:"tolerance,omitempty"` // worse is more than this; see Rule for of what
	Limit     float64 `json:"limit,omitempty"`     // same is surely less than this

	First   *float64 `json:"p_first,omitempty"`      // p of the first pairs
	Confirm *float64 `json:"p_confirm,omitempty"`    // p of the fresh ones
	Needed  int      `json:"pairs_needed,omitempty"` // so many pairs would likely decide it
}

// An interval is an estimate and its bounds.
type interval struct {
	Estimate float64 `json:"estimate"`
	Low      float64 `json:"low"`
	High     float64 `json:"high"`
}
