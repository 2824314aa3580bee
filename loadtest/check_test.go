package loadtest

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// checked returns what Check tells a test, in fake time.
func checked(t *testing.T, h http.Handler, cfg Config, b Budget) (tb *fixtureTB, r *Report) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		tb = &fixtureTB{TB: t}
		cfg.Server = Serve(t, networkMemory, serveHTTP(h))
		r = checkOf(tb, cfg, b)
	})
	return tb, r
}

// checkOf returns what Check returns; nil if it ends the test.
func checkOf(tb *fixtureTB, cfg Config, b Budget) (r *Report) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		r = Check(tb, cfg, b)
	}()
	<-done
	return r
}

// calm is a run in which a limit of P99 is worth its name, and short of a moment in fake time.
var calm = Config{Connections: 100, IdleTimeout: 10 * time.Second, Cadence: Uniform(time.Second, 2*time.Second), Seed: 17}

func TestCheckOfAServerThatPasses(t *testing.T) {
	tb, r := checked(t, after(0), calm, Budget{Latency: Limits{P99: time.Second}})
	require.Empty(t, tb.errors)
	require.Equal(t, Pass, r.Verdict.Outcome)
	require.Len(t, tb.logs, 1)
	require.Regexp(t, `^loadtest: pass\n  met: Held: 100 [^\n]*\n  met: Drops: [^\n]*\n  met: Failed: [^\n]*\n  met: Latency.P99: 0s of at most 1s.\n`+
		`100 of 100 conns held, 0 dropped; 0 of `, tb.logs[0])
	require.NotContains(t, tb.logs[0], "at the end of hold", "what was seen at the end of hold is for tests that fail")
}

// With a test of the testing package itself, which in a bubble refuses some of what it has.
func TestCheckInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := calm
		cfg.Server = Serve(t, networkMemory, serveHTTP(after(0)))
		require.Equal(t, Pass, Check(t, cfg, Budget{}).Verdict.Outcome)
	})
}

func TestCheckOfAServerThatFails(t *testing.T) {
	tb, r := checked(t, after(100*time.Millisecond), calm, Budget{Latency: Limits{P50: 50 * time.Millisecond, P99: 60 * time.Millisecond}})
	require.Equal(t, Fail, r.Verdict.Outcome)
	require.Empty(t, tb.logs)
	require.Len(t, tb.errors, 1, "one text has it all")
	for _, want := range []string{
		"loadtest: fail\n  broken: Latency.P50: at least ", "\n  broken: Latency.P99: at least ", "over the limit of 60ms (reported:",
		"\n  again: HOLDFAST_SEED=17 go test -count=1", " -run='^TestCheckOfAServerThatFails$' example.com/holdfast/loadtest\n",
		"\n100 of 100 conns held", "\nat the end of hold\ngoroutines ", " in the test process\n", "net/http.(*conn).serve",
	} {
		require.Contains(t, tb.errors[0], want)
	}
	require.False(t, strings.HasSuffix(tb.errors[0], "\n"))
}

func TestCheckOfARunThatProvesNothing(t *testing.T) {
	b := Budget{ServiceTime: Limits{P50: 45 * time.Millisecond}} // beyond it by less than may be ours, over memory
	tb, r := checked(t, after(50*time.Millisecond), calm, b)
	require.Equal(t, Invalid, r.Verdict.Outcome)
	require.Len(t, tb.errors, 1)
	require.Contains(t, tb.errors[0],
		"loadtest: invalid: this run proves nothing about the server, neither good nor bad\n  undecided: ServiceTime.P50: ")

	b.SkipUnfit = true
	tb, _ = checked(t, after(50*time.Millisecond), calm, b)
	require.Empty(t, tb.errors)
	require.Len(t, tb.skips, 1)
	require.Contains(t, tb.skips[0], "proves nothing")

	b.Latency.Max = time.Millisecond // which is broken whatever this machine does
	tb, _ = checked(t, after(50*time.Millisecond), calm, b)
	require.Len(t, tb.errors, 1, "what surely is broken is not skipped")
	require.Empty(t, tb.skips)
}

func TestCheckOnAMachineThatIsTooSmall(t *testing.T) {
	cfg := Config{Server: NewServer(t, nil), Connections: 16 << 20}
	tb := &fixtureTB{TB: t}
	r := checkOf(tb, cfg, Budget{})
	require.Len(t, tb.errors, 1)
	require.Contains(t, tb.errors[0], "loadtest: unfit: this machine cannot carry the run, which says nothing about the server: ")
	require.EqualValues(t, 16<<20, r.Conns.NotAttempted)
	require.Equal(t, Invalid, r.Verdict.Outcome)
	require.NotEmpty(t, r.String())

	tb = &fixtureTB{TB: t}
	require.Nil(t, checkOf(tb, cfg, Budget{SkipUnfit: true}))
	require.Empty(t, tb.errors)
	require.Len(t, tb.skips, 1)
	require.Zero(t, cfg.Server.Counts().Accepted)
}

func TestCheckThatIsWronglyAsked(t *testing.T) {
	s := NewServer(t, nil)
	for want, of := range map[string]struct {
		cfg Config
		b   Budget
	}{
		"invalid Config":                      {cfg: Config{Server: s, Hold: 25 * time.Hour}},
		"asks for 3 conns":                    {cfg: Config{Server: s, Connections: 2}, b: Budget{Held: 3}},
		"LeakRounds is 2: whether":            {cfg: Config{Server: s, Connections: 300}, b: Budget{LeakRounds: 2}},
		"LeakRounds is 3, with 255":           {cfg: Config{Server: s, Connections: 255}, b: Budget{LeakRounds: 3}},
		"LeakRounds is -1: 0 is none":         {cfg: Config{Server: s, Connections: 300}, b: Budget{LeakRounds: -1}},
		"known only of a Config.Server":       {cfg: Config{URL: s.URL, Connections: 300}, b: Budget{LeakRounds: 3}},
		"Latency.P99 is -1ns: a limit":        {cfg: Config{Server: s}, b: Budget{Latency: Limits{P99: -1}}},
		"CPUPerRequest is -1ns: a limit is":   {cfg: Config{Server: s}, b: Budget{CPUPerRequest: -1}},
		"RSSPerConn is set, and whose memory": {cfg: Config{URL: s.URL}, b: Budget{RSSPerConn: 1}},
	} {
		tb := &fixtureTB{TB: t}
		require.Nil(t, checkOf(tb, of.cfg, of.b))
		require.Len(t, tb.fatals, 1)
		require.Contains(t, tb.fatals[0], want)
	}
	require.Zero(t, s.Counts().Accepted, "before the first connect")
}

func TestCheckTakesTheSeedFromTheEnvironment(t *testing.T) {
	t.Setenv("HOLDFAST_SEED", "18446744073709551615")
	_, r := checked(t, after(0), calm, Budget{})
	require.EqualValues(t, uint64(18446744073709551615), r.Seed)

	t.Setenv("HOLDFAST_SEED", "0x17")
	tb := &fixtureTB{TB: t}
	require.Nil(t, checkOf(tb, Config{Server: NewServer(t, nil)}, Budget{}))
	require.Contains(t, tb.fatals[0], `HOLDFAST_SEED is "0x17": write the seed that a report names`)
}

// What no run of such a Config can decide is said before one, and is never skipped.
func TestCheckOfWhatCannotBeTold(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("elsewhere it is the machine that is unfit")
	}
	s := NewServer(t, nil)
	memory := Serve(t, networkMemory, serveHTTP(after(0)))
	for want, of := range map[string]struct {
		cfg Config
		b   Budget
	}{
		"and Config.Processes is -1: leave that 0": {cfg: Config{Server: s, Processes: -1}, b: Budget{CPUPerRequest: time.Minute}},
		"which only its own process reaches: ":     {cfg: Config{Server: memory}, b: Budget{HeapPerConn: 1}},
		"which cannot be given to another process": {
			cfg: Config{Server: s, DialContext: (&net.Dialer{}).DialContext}, b: Budget{GoroutinesPerConn: 1},
		},
		"the stacks of another process cannot be read": {
			cfg: Config{URL: s.URL, ServerPID: os.Getppid()}, b: Budget{StackPerConn: 1, RSSPerConn: 1},
		},
	} {
		of.b.SkipUnfit = true
		tb := &fixtureTB{TB: t}
		require.Nil(t, checkOf(tb, of.cfg, of.b))
		require.Empty(t, tb.skips)
		require.Len(t, tb.fatals, 1)
		require.Contains(t, tb.fatals[0], want)
	}
}

// endingTB is of a test whose deadline or context is another.
type endingTB struct {
	*fixtureTB
	at  time.Time
	ctx context.Context
}

func (tb endingTB) Deadline() (time.Time, bool) { return tb.at, true }
func (tb endingTB) Context() context.Context    { return tb.ctx }

func TestCheckThatWouldTakeLongerThanTheTestMay(t *testing.T) {
	s := NewServer(t, nil)
	tb := endingTB{&fixtureTB{TB: t}, time.Now().Add(time.Minute), t.Context()}
	said := tb.fatal(func() { Check(tb, Config{Server: s, Connections: 1000, Hold: time.Hour}, Budget{}) })
	require.Contains(t, said, "loadtest: not begun: ramp, hold and sweep take some 1h")
	require.Regexp(t, `the test's deadline is in (1m|59s): run go test with -timeout 1[23]\dm or more$`, said)
	require.Zero(t, s.Counts().Accepted)

	require.NoError(t, deadline{}.allows(time.Hour))
	require.NoError(t, deadline{time.Now().Add(time.Hour)}.allows(time.Minute))
}

// The test's Context ends the run, and what was measured until then is told.
func TestCheckThatIsCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	tb := endingTB{&fixtureTB{TB: t}, time.Now().Add(time.Hour), ctx}
	cfg := Config{Server: NewServer(t, nil), Hold: time.Minute, Progress: func(Sample) { cancel() }}
	said := tb.fatal(func() { Check(tb, cfg, Budget{}) })
	require.Contains(t, said, "loadtest: the run was cancelled in the ")
	require.Contains(t, said, "context canceled\n  again: HOLDFAST_SEED=")
	require.Contains(t, said, "CANCELLED in ")
}

func TestCheckThatTheDeadlineCutsShort(t *testing.T) {
	hangs := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	cfg := Config{
		Server: NewServer(t, hangs), IdleTimeout: 400 * time.Millisecond, ResponseTimeout: time.Hour, Connections: 3,
	}
	expected, _ := cfg.planned()
	tb := endingTB{&fixtureTB{TB: t}, time.Now().Add(farewell + expected + 2*time.Second), t.Context()}
	said := tb.fatal(func() { Check(tb, cfg, Budget{}) })
	require.Contains(t, said, "the test's deadline is near); by its plan it takes some ")
	require.Contains(t, said, "raise -timeout")
}

func TestCheckLeavesArtifacts(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TEST_UNDECLARED_OUTPUTS_DIR", dir)
	tb, r := checked(t, after(0), calm, Budget{})
	artifacts := regexp.MustCompile(`\n  artifacts: ` + regexp.QuoteMeta(dir+string(filepath.Separator)) +
		`(example\.com_holdfast_loadtest\.TestCheckLeavesArtifacts(?:-\d+)?)\.\*\n`) // a number when run again, by -count too
	nameIn := func(text string) string {
		found := artifacts.FindStringSubmatch(text)
		require.NotNil(t, found, text)
		return found[1]
	}
	name := nameIn(tb.logs[0])
	require.Equal(t, []string{name + ".html", name + ".json"}, filesIn(t, dir))
	var read Report
	text, err := os.ReadFile(filepath.Join(dir, name+".json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &read))
	require.Equal(t, r.String(), read.String())
	require.Equal(t, Pass, read.Verdict.Outcome)
	page, err := os.ReadFile(filepath.Join(dir, name+".html"))
	require.NoError(t, err)
	require.Contains(t, string(page), "</html>")

	tb, _ = checked(t, after(time.Second), calm, Budget{Latency: Limits{Max: time.Millisecond}})
	again := nameIn(tb.errors[0])
	require.NotEqual(t, name, again, "the same test once more")
	require.ElementsMatch(t, []string{
		name + ".html", name + ".json",
		again + ".goroutines.txt", again + ".heap.pprof", again + ".html", again + ".json", again + ".scene.txt",
	}, filesIn(t, dir))
	goroutines, err := os.ReadFile(filepath.Join(dir, again+".goroutines.txt"))
	require.NoError(t, err)
	require.Regexp(t, `^goroutine profile: total \d{3}`, string(goroutines))
}

func filesIn(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		info, err := e.Info()
		require.NoError(t, err)
		require.NotZero(t, info.Size(), e.Name())
		names = append(names, e.Name())
	}
	return names
}

func TestArtifactsThatCannotBeWritten(t *testing.T) {
	t.Setenv("TEST_UNDECLARED_OUTPUTS_DIR", filepath.Join(t.TempDir(), "missing"))
	tb, _ := checked(t, after(0), calm, Budget{})
	require.Contains(t, tb.logs[0], "\n  artifacts: not all could be written: open ")
}

// What the server uses is judged, so that the generator is elsewhere, without a word in the Config.
func TestCheckGivesTheServerItsProcess(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("generator processes need Linux")
	}
	cfg := brief(NewServer(t, nil), "", 20)
	tb := &fixtureTB{TB: t}
	for _, b := range []Budget{{CPUPerRequest: time.Minute}, {HeapPerConn: 1 << 20}, {StackPerConn: 1 << 20}, {GoroutinesPerConn: 3}} {
		r := checkOf(tb, cfg, b)
		require.Len(t, r.Processes, 1, "%v%v", tb.errors, tb.fatals)
		require.Equal(t, Pass, r.Verdict.Outcome, "%+v: %v", b, tb.errors)
	}

}
