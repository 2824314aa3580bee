package gate

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"golang.org/x/perf/benchfmt"

	"example.com/holdfast/internal/handover"
)

// TestGatesThatCompareNothing end before any pair is measured, and say why.
func TestGatesThatCompareNothing(t *testing.T) {
	const (
		passes = 0
		fails  = 1
	)
	for name, of := range map[string]struct {
		test, base string
		env        string
		code       int
		says       []string
	}{
		"no such test": {"TestNovel", "main...", "", passes, []string{"gate: new: the base has no test TestNovel base main... (",
			"): The server; built in ", "=== ATTR TestNovel gate/outcome new"}},
		"no package":      {"TestFewConns", "unserved", "", passes, []string{"gate: new: the base has no directory srv"}},
		"no gate":         {"TestNotYet", "base", "", passes, []string{"gate: new: base has no test of this name, or that does not come to gate.Check"}},
		"another load":    {"TestMore", "main...", "", passes, []string{"gate: new: ", "Connections 20 at base, 10 at head", "): The server; "}},
		"a subtest":       {"TestNames/it's_(50_%)_of_a.b|c/d_$x", "base", "", passes, []string{"Connections 40 at base, 10 at head"}},
		"does not build":  {"TestFewConns", "broken", "", fails, []string{"gate: nothing was compared: ", "weight.go:3:17: undefined: many"}},
		"fails":           {"TestFails", "base", "", fails, []string{"the test of base failed before it came to gate.Check: exit status 1", "no database"}},
		"no revision":     {"TestFewConns", "mian", "", fails, []string{`gate: not begun: base "mian": git knows no revision "mian" here`}},
		"under Bazel":     {"TestFewConns", "base", "BAZEL_TEST=1", fails, []string{"gate: not begun: under Bazel a base cannot be checked out and built"}},
		"without git":     {"TestFewConns", "base", "PATH=/nowhere", fails, []string{"gate: not begun: the base is taken from the repository by git, which is not installed, or not in PATH"}},
		"too few pairs":   {"TestTooFew", "base", "", fails, []string{"gate: Options.Pairs is 4: write 5 to 100"}},
		"without a base":  {"TestFewConns", "", "", passes, []string{"loadtest: pass"}},
		"by its options":  {"TestOptions", "", "", passes, []string{"gate: new: the base has no directory srv"}},
		"against options": {"TestOptions", " ", "", passes, []string{"loadtest: pass"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAuthor(t)
			a.env = append(a.env, of.env)
			r := a.runs(of.test, of.base)
			require.Equal(t, of.code, r.code, "%s", r.out)
			r.has(t, of.says...)
			if strings.Contains(of.says[0], "not begun") {
				require.NotContains(t, r.out, "loadtest:")
			}
			if slices.Equal(of.says, []string{"loadtest: pass"}) {
				require.NotContains(t, r.out, "gate")
			}
		})
	}
}

// TestTimeoutTooShort is told before the first connect.
func TestTimeoutTooShort(t *testing.T) {
	t.Parallel()
	r := newAuthor(t).runs("TestFewConns", "base", "-test.timeout=90s")
	require.Equal(t, 1, r.code, "%s", r.out)
	require.Regexp(t, `gate: not begun: .* run go test with -timeout \d+m or more`, r.out)
	require.NotContains(t, r.out, "loadtest:")
}

// TestKilledGate leaves nothing that runs, and what it leaves on disk goes with the next gate.
func TestKilledGate(t *testing.T) {
	t.Parallel()
	a := newAuthor(t)
	cmd := a.command("TestFewConns", "main...")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	require.NoError(t, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()

	// Both servers, the generator, and the test.
	programs := []string{"base.test", "head.test", "srv.test", "srv.test"}
	for running := []string(nil); !slices.Equal(running, programs); time.Sleep(time.Millisecond) {
		running = nil
		for _, exe := range a.processes() {
			running = append(running, filepath.Base(exe))
		}
		slices.Sort(running)
		select {
		case err := <-ended:
			require.FailNow(t, "it ended before it was killed", "%v\n%s", err, &out)
		default:
		}
	}
	require.NoError(t, cmd.Process.Kill())
	<-ended
	a.requireNoProcess()
	require.Len(t, a.homes(), 1)
	require.NotEmpty(t, cmp.Diff(a.before, a.seen()), "git knows the work tree")

	r := a.runs("TestFewConns", "unserved")
	require.Zero(t, r.code, "%s", r.out)
	r.has(t, "gate: new: ")
	require.NotContains(t, r.out, "left over")
	require.Empty(t, a.homes())
}

// TestGate is a whole one: go test, with a change that is surely worse in one thing, and better in others.
func TestGate(t *testing.T) {
	if raceDetector() {
		t.Skip("all that works here are other processes, which have no race detector: the tests without it have said the same")
	}
	a := newAuthor(t)
	end, err := handover.TakeTurn(t, time.Time{}) // the author's temporary directory has turns of its own
	require.NoError(t, err)
	defer end()
	kept := t.TempDir()
	cmd := exec.CommandContext(within(t), "go", "test", "-count=1", "-v", "-run=^TestServe$", "-artifacts", "-outputdir="+kept, "./srv")
	cmd.Dir, cmd.Env = a.top, append(a.with("main..."), "PWD="+a.top, "GOFLAGS=-mod=mod")
	r := a.outcome(cmd)
	require.Equal(t, 1, r.code, "%s", r.out)
	base, head := a.git("rev-parse", "base"), a.git("rev-parse", "work")
	r.has(t, "gate: worse: goroutines per conn ", "base main... ("+short(base)+"): The server; built in ",
		"head HEAD ("+short(head)+"): Watch each conn; built in ", "metric base head change outcome",
		"=== ATTR TestServe gate/outcome worse", "=== ATTR TestServe gate/base "+base, "=== ATTR TestServe gate/head "+head,
		"=== ATTR TestServe gate/goroutines/conn worse +1", "again HOLDFAST_BASE="+short(base)+" go test -count=1 -run='^TestServe$' example.org/m/srv",
		"--- FAIL: TestServe")

	var found result
	require.NoError(t, json.Unmarshal([]byte(onlyFile(t, kept, ".gate.json")), &found))
	require.Equal(t, worse, found.Outcome)
	require.Equal(t, []string{"example.org/m/srv", "TestServe", base, head, "main..."},
		[]string{found.Package, found.Test, found.Base.Commit, found.Head.Commit, found.Base.Name})
	if len(found.First) == 0 { // whoever else is on this machine has disturbed them
		require.GreaterOrEqual(t, len(found.Discarded), 2)
		r.has(t, "note no pair counts: more than a fifth of 5 pairs were disturbed; in the last one, ")
	} else {
		require.Len(t, found.First, 5)
		r.has(t, "100 conns to each, 64 requests at a time; 5 pairs of processes", "noise σ of a pair ")
	}
	for _, m := range found.Metrics {
		require.Equal(t, m.Unit == "goroutines/conn", m.Outcome == worse, "%+v", m)
	}
	page := onlyFile(t, kept, ".gate.md")
	require.Regexp(t, `^## ❌ gate: worse\n`, page)
	require.Regexp(t, `\n\| goroutines per conn \|.*\| \*\*worse\*\* \|\n`, page)
	units := []string{}
	for _, of := range []string{".gate.base.txt", ".gate.head.txt"} {
		units = append(units, unitsIn(t, onlyFile(t, kept, of))...)
	}
	require.Contains(t, units, "goroutines/conn")
	require.Equal(t, len(found.First) > 0, slices.Contains(units, "cpu-sec/req"), "%q", units)
}

// TestWhatFailsATest is the outcome, by the options.
func TestWhatFailsATest(t *testing.T) {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	require.NoError(t, err)
	defer null.Close()
	passes := func(of outcome, o Options) (passed bool) {
		defer func(stdout *os.File) { os.Stdout = stdout }(os.Stdout)
		os.Stdout = null
		all := func(_, _ string) (bool, error) { return true, nil }
		return testing.RunTests(all, []testing.InternalTest{{Name: "TestIt", F: func(t *testing.T) {
			(&gate{t: t, options: o}).tell(&result{Outcome: of})
		}}})
	}
	for _, of := range []outcome{same, better, isNew} {
		require.True(t, passes(of, Options{FailUnknown: true}), of)
	}
	require.True(t, passes(unknown, Options{}))
	require.False(t, passes(unknown, Options{FailUnknown: true}))
	require.True(t, passes(unknown, Options{FailUnknown: true, ReportOnly: true}))
	require.False(t, passes(worse, Options{}))
	require.True(t, passes(worse, Options{ReportOnly: true}))
}

// onlyFile reads the one file below dir whose name ends so.
func onlyFile(t *testing.T, dir, suffix string) string {
	t.Helper()
	var found []string
	require.NoError(t, filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, suffix) {
			found = append(found, path)
		}
		return err
	}))
	require.Len(t, found, 1, suffix)
	text, err := os.ReadFile(found[0])
	require.NoError(t, err)
	return string(text)
}

// unitsIn returns the units of the results for benchstat.
func unitsIn(t *testing.T, text string) (units []string) {
	t.Helper()
	r := benchfmt.NewReader(strings.NewReader(text), "results")
	for r.Scan() {
		result, is := r.Result().(*benchfmt.Result)
		if !is {
			continue
		}
		for _, v := range result.Values {
			units = append(units, v.Unit)
		}
	}
	require.NoError(t, r.Err())
	return units
}
