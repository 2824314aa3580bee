package loadtest

import (
	"cmp"
	"fmt"
	"os"
	"strconv"

	"example.com/holdfast/internal/rerun"
)

// seedVariable names the environment variable that replaces Config.Seed in Check and Bench.
const seedVariable = "HOLDFAST_SEED"

// seedFrom returns the seed that the environment sets, 0 if none.
func seedFrom(value string) (uint64, error) {
	if value == "" {
		return 0, nil
	}
	seed, err := strconv.ParseUint(value, 10, 64)
	if err != nil || seed == 0 {
		return 0, fmt.Errorf("loadtest: %s is %q: write the seed that a report names, a number from 1 on, or unset it", seedVariable,
			value)
	}
	return seed, nil
}

// seedOf returns the seed of a run of cfg: the environment's, if that has one.
func seedOf(cfg Config) (uint64, error) {
	seed, err := seedFrom(os.Getenv(seedVariable))
	return cmp.Or(seed, cfg.Seed), err
}

// replay says how to run the same test with the same pauses.
func (c *check) replay(r *Report) string {
	return "\n  again: " + rerun.Command(seedVariable, strconv.FormatUint(r.Seed, 10), c.tb.Name(), rerun.Package(), r.Environment.Race)
}
