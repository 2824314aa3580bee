// Package handover is what loadtest hands over to its subpackage gate, which needs more of a Config than people do: loadtest
// sets the functions when it is initialised. A cfg is a loadtest.Config, a tb a testing.TB; to name these types here would be
// a cycle of imports.
package handover

import (
	"context"
	"time"

	"example.com/holdfast/internal/generator"
)

// A Served is what another process needs to know to load the server of a Config in this one.
type Served struct {
	Rival   generator.Rival
	Address string            // where it listens
	Says    map[string]string // what the Config asks for that a server would notice, by field
}

var (
	// Serve returns what another process needs to know. Its errors are those of loadtest.Run before the first connect.
	Serve func(ctx context.Context, cfg any) (Served, error)

	// Seed returns the seed of a run of cfg: that of HOLDFAST_SEED, else Config.Seed, else 0.
	Seed func(cfg any) (uint64, error)

	// TakeTurn waits until no other test loads this machine, and returns what ends the turn. It gives up at latest, unless
	// that is zero.
	TakeTurn func(tb any, latest time.Time) (end func(), err error)

	// HaveTurn says that this process belongs to a test that has the turn: none of its own waits any more.
	HaveTurn func()

	// Latest returns when what takes so long may begin at the latest to end before the test's deadline; zero: whenever it
	// likes. timeout is the -timeout that would do in any case.
	Latest func(tb any, takes time.Duration) (latest time.Time, timeout string)

	// Ramp returns how long it takes by its plan to open the conns that another process is to load.
	Ramp func(cfg any) time.Duration

	// Expected returns how long Check takes with cfg and a loadtest.Budget.
	Expected func(cfg, budget any) time.Duration
)
