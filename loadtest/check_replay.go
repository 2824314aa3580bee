package loadtest

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strconv"
	"strings"
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
	return "\n  again: " + replayCommand(c.tb.Name(), packagePath(), r.Seed, r.Environment.Race)
}

// replayCommand is for a test, or a benchmark by its name.
func replayCommand(test, pkg string, seed uint64, race bool) string {
	var levels []string
	for level := range strings.SplitSeq(test, "/") {
		levels = append(levels, "^"+regexp.QuoteMeta(level)+"$")
	}
	which := quoted(strings.Join(levels, "/"))
	flags := "-count=1"
	if race {
		flags += " -race"
	}
	if strings.HasPrefix(test, "Benchmark") {
		which = "'^$' -bench=" + which + " -benchtime=1x"
	}
	if pkg == "command-line-arguments" { // of files, not of a package
		pkg = "."
	}
	return fmt.Sprintf("%s=%d go test %s -run=%s %s", seedVariable, seed, flags, which, pkg)
}

// quoted quotes s for a shell.
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// packagePath is the import path of the package whose tests this binary has, as far as it is known.
func packagePath() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		if path, is := strings.CutSuffix(info.Path, ".test"); is {
			return path
		}
	}
	path, err := os.Executable()
	if err != nil {
		return "."
	}
	return strings.TrimSuffix(strings.TrimSuffix(filepath.Base(path), ".exe"), ".test")
}
