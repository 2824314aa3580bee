// Package rerun says how to run one test of this binary's package again.
package rerun

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"
)

// Command is for a test, or a benchmark by its name, with a variable such as HOLDFAST_SEED set.
func Command(variable, value, test, pkg string, race bool) string {
	which := quoted(Pattern(test))
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
	return fmt.Sprintf("%s=%s go test %s -run=%s %s", variable, value, flags, which, pkg)
}

// Pattern matches this test alone, and what is below it.
func Pattern(test string) string {
	var levels []string
	for level := range strings.SplitSeq(test, "/") {
		levels = append(levels, "^"+regexp.QuoteMeta(level)+"$")
	}
	return strings.Join(levels, "/")
}

// quoted quotes s for a shell.
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// Package is the import path of the package whose tests this binary has, as far as it is known.
func Package() string {
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
