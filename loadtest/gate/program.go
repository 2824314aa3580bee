package gate

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"
)

// What is asked of this process, its flags and its environment, is asked in this file alone.

// started is the directory that go test runs a test binary in, which is the package's. A test may go elsewhere later.
var started, errStarted = os.Getwd()

// A place is where a gate runs, and what it is asked for.
type place struct {
	Dir      string   // of the package
	Package  string   // its import path
	Base     string   // the revision asked for
	Test     string   // the name of the test, with those above it
	Args     []string // the author's own flags and arguments
	Env      []string
	Go       string // the version that built this binary
	Settings []debug.BuildSetting
	Temp     string // where temporary directories are made
	Cache    string // where binaries are kept
	NoCache  error  // why there is no such place
	Covered  bool   // this binary counts what it covers
}

// baseOf returns the base that is asked for: by the environment, else by the author; "" if by neither.
func baseOf(option string) string {
	if name, is := os.LookupEnv(baseVariable); is {
		return strings.TrimSpace(name)
	}
	return strings.TrimSpace(option)
}

// thisPlace describes this process, which runs the test of that name.
func thisPlace(test, base string) (place, error) {
	if err := sandboxed(os.LookupEnv); err != nil {
		return place{}, err
	}
	if errStarted != nil {
		return place{}, fmt.Errorf("gate: finding the package's directory: %w", errStarted)
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return place{}, errors.New("gate: this test binary does not say how it was built, so that the base cannot be built alike: was " +
			"it built by go test?")
	}
	pkg, err := packageOf(info.Path)
	if err != nil {
		return place{}, err
	}
	p := place{Dir: started, Package: pkg, Base: base, Test: test, Env: os.Environ(), Go: runtime.Version(), Settings: info.Settings,
		Temp: os.TempDir(), Args: ownArgs(os.Args[1:], flag.CommandLine)}
	for _, s := range info.Settings {
		p.Covered = p.Covered || s.Key == "-cover" && s.Value == "true"
	}
	user, err := os.UserCacheDir()
	p.Cache, p.NoCache = filepath.Join(user, "holdfast", "gate"), err
	return p, nil
}

// sandboxed refuses Bazel's sandbox.
func sandboxed(lookup func(string) (string, bool)) error {
	_, test := lookup("BAZEL_TEST")
	_, src := lookup("TEST_SRCDIR")
	_, workspace := lookup("TEST_WORKSPACE")
	if test || src && workspace {
		return fmt.Errorf("gate: under Bazel a base cannot be checked out and built: its sandbox has neither the repository nor go. Run "+
			"this test by go test, or name no base (%s)", baseVariable)
	}
	return nil
}

// packageOf returns the import path of the package whose test binary has that path.
func packageOf(binary string) (string, error) {
	pkg, is := strings.CutSuffix(binary, ".test")
	switch {
	case !is:
		return "", fmt.Errorf("gate: this program (%s) is no test binary that go test has built", binary)
	case pkg == "command-line-arguments":
		return "", errors.New("gate: go test was given files instead of a package, such as go test ./server: another revision has no " +
			"package to compare with then")
	}
	return pkg, nil
}

// serverArgs are the arguments of a server process for the test of that name: it runs that test alone, in this process's manner, and
// is never ended by a time of its own.
func serverArgs(test string) []string {
	args := []string{"-test.run=" + patternOf(test), "-test.timeout=0"}
	flag.Visit(func(f *flag.Flag) {
		switch f.Name {
		case "test.short":
			args = append(args, "-test.short="+f.Value.String())
		case "test.cpu":
			// Of several numbers a test sees one at a time.
			args = append(args, fmt.Sprintf("-test.cpu=%d", runtime.GOMAXPROCS(0)))
		}
	})
	return append(args, ownArgs(os.Args[1:], flag.CommandLine)...)
}

// isAskedFor reports whether this process was started for the test of that name, by serverArgs, and not for one above it, which may
// have tests below it come to Check before.
func isAskedFor(test string) bool {
	f := flag.Lookup("test.run")
	return f == nil || f.Value.String() == patternOf(test)
}

// patternOf returns the pattern that finds the test of a name alone.
func patternOf(test string) string {
	levels := strings.Split(test, "/")
	for i, name := range levels {
		levels[i] = exactly(name)
	}
	return strings.Join(levels, "/")
}

func exactly(name string) string { return "^" + regexp.QuoteMeta(name) + "$" }

// ownArgs returns args without go test's flags, in the words in which they were given: what a flag's String says need not be what
// its Set understands.
func ownArgs(args []string, known *flag.FlagSet) (own []string) {
	for len(args) > 0 {
		word := args[0]
		name := strings.TrimPrefix(strings.TrimPrefix(word, "-"), "-")
		if len(word) < 2 || word[0] != '-' || name == "" {
			return append(own, args...) // no flag, or --: from here on all are arguments
		}
		n := 1
		name, _, valued := strings.Cut(name, "=")
		if f := known.Lookup(name); f != nil && !valued && !isBool(f) {
			n = min(2, len(args)) // the value is the next word
		}
		if !strings.HasPrefix(name, "test.") {
			own = append(own, args[:n]...)
		}
		args = args[n:]
	}
	return own
}

func isBool(f *flag.Flag) bool {
	b, is := f.Value.(interface{ IsBoolFlag() bool })
	return is && b.IsBoolFlag()
}
