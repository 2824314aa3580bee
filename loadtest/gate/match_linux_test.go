package gate

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/holdfast/internal/generator"
	"example.com/holdfast/internal/spawn"
	"example.com/holdfast/loadtest"
)

func quickMatch(t *testing.T, base, head handicap) *match {
	m := matchOf(t, base, head)
	m.pace = hasty
	return m
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func TestPair(t *testing.T) {
	m := quickMatch(t, handicap{conns: 70}, handicap{conns: 70})
	p, err := m.pair(within(t))
	require.NoError(t, err)

	require.Len(t, p.Slices, 8)
	heads := 0
	for _, s := range p.Slices {
		require.GreaterOrEqual(t, s.Took, hasty.slice)
		require.Positive(t, s.Requests)
		if s.Head {
			heads++
		}
	}
	require.Equal(t, 4, heads)
	require.NotEqual(t, p.Base.PID, p.Head.PID)
	for _, s := range []side{p.Base, p.Head} {
		require.EqualValues(t, 70, s.Conns)
		require.Zero(t, s.Dropped, s.Drops)
		require.Zero(t, s.Failed)
		require.Positive(t, s.CPU)
		require.LessOrEqual(t, s.Fewest, s.Requests/4)
		require.LessOrEqual(t, s.P50, s.P99)
		require.LessOrEqual(t, s.P999, s.Max)
		require.Positive(t, s.P50)
		requireGone(t, s.PID)
	}
}

func requireGone(t *testing.T, pid int) {
	t.Helper()
	require.ErrorIs(t, syscall.Kill(pid, 0), syscall.ESRCH, "process %d is still there", pid)
}

// TestDropsAreCounted: of 70 conns each thirty-fifth is closed by its server, in each pair.
func TestDropsAreCounted(t *testing.T) {
	m := quickMatch(t, handicap{conns: 70}, handicap{conns: 70, drop: 35})
	for range 2 { // head is the generator's second, and its first
		p, err := m.pair(within(t))
		require.NoError(t, err)
		require.Zero(t, p.Base.Dropped, p.Base.Drops)
		require.EqualValues(t, 2, p.Head.Dropped, p.Head.Drops)
		require.Len(t, p.Head.Drops, 1)
		require.Contains(t, p.Head.Drops[0], "2 × ")
	}
}

// TestTurnedOutcome is that of base first, whoever was the generator's first.
func TestTurnedOutcome(t *testing.T) {
	out := &generator.Outcome{Turns: []generator.Turn{{Of: 0, Answered: 1}, {Of: 1, Answered: 2}}}
	out.Sides[0].Conns.Requested, out.Sides[1].Conns.Requested = 1, 2
	turn(out)
	require.Equal(t, []generator.Turn{{Of: 1, Answered: 1}, {Of: 0, Answered: 2}}, out.Turns)
	require.EqualValues(t, 2, out.Sides[0].Conns.Requested)
	require.EqualValues(t, 1, out.Sides[1].Conns.Requested)
}

// TestSecondCallOfCheck would have the first one's server compared again.
func TestSecondCallOfCheck(t *testing.T) {
	path, err := os.Executable()
	require.NoError(t, err)
	again := exec.CommandContext(within(t), path, "-test.run=^TestRole$")
	again.Env = append(os.Environ(), roleVariable+"=calls again", baseVariable+"=HEAD^")
	out, err := again.CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "gate: this test calls Check a second time")
}

// TestOrderIsTheSeeds, and each server has the first turn as often as the other.
func TestOrderIsTheSeeds(t *testing.T) {
	m := &match{seed: 7, pace: usualPace}
	require.Equal(t, m.order(3), (&match{seed: 7, pace: usualPace}).order(3))
	require.NotEqual(t, m.order(3), m.order(4))
	require.NotEqual(t, m.order(3), (&match{seed: 8, pace: usualPace}).order(3))
	heads := 0
	for _, first := range m.order(0) {
		heads += first
	}
	require.Equal(t, usualPace.slicePairs/2, heads)
}

func TestServerThatEndsUnderLoad(t *testing.T) {
	m := quickMatch(t, handicap{conns: 10}, handicap{conns: 10, endAfter: 50})
	_, err := m.pair(within(t))
	require.ErrorContains(t, err, "the server process of head ended while it was loaded: exit status 7: ")
	require.ErrorContains(t, err, "this server ends")
}

func TestServersAtOneAddress(t *testing.T) {
	of := func(address string, says map[string]string) *server {
		s := &server{}
		s.hello.Served.Address, s.hello.Served.Says = address, says
		return s
	}
	err := canCompare(of("127.0.0.1:80", nil), of("127.0.0.1:80", nil))
	require.ErrorContains(t, err, "both tests say that their server is at 127.0.0.1:80")

	err = canCompare(of("a", map[string]string{"Connections": "10", "path": "/"}),
		of("b", map[string]string{"Connections": "20", "path": "/", "Request.Header[X]": "3 bytes"}))
	var nothing *newError
	require.ErrorAs(t, err, &nothing)
	require.ErrorContains(t, err, "Connections 10 at base, 20 at head, Request.Header[X] none at base, 3 bytes at head")
	require.NotContains(t, err.Error(), "path")
	require.NoError(t, canCompare(of("a", map[string]string{"path": "/"}), of("b", map[string]string{"path": "/"})))
}

// TestLoadsThatDiffer are found by what the tests say, not by what the gate asked them.
func TestLoadsThatDiffer(t *testing.T) {
	_, err := quickMatch(t, handicap{conns: 10}, handicap{conns: 20}).pair(within(t))
	var nothing *newError
	require.ErrorAs(t, err, &nothing)
	require.ErrorContains(t, err, "Connections 10 at base, 20 at head")
}

// program returns what runs a test of this binary as a server process.
func program(t *testing.T, pattern string, env ...string) serverProgram {
	path, err := os.Executable()
	require.NoError(t, err)
	return serverProgram{"base", spawn.Program{Path: path, Args: []string{"-test.run=" + pattern}, Env: append(os.Environ(), env...),
		Variable: variable, Stdout: true}}
}

func TestTestThatIsNotThere(t *testing.T) {
	_, err := program(t, "^TestNobodyWroteThis$").start(within(t))
	var nothing *newError
	require.ErrorAs(t, err, &nothing)
	require.ErrorContains(t, err, "base has no test of this name, or that does not come to gate.Check. It printed: ")
	require.ErrorContains(t, err, "no tests to run")
}

const roleVariable = "HOLDFAST_GATE_TEST_ROLE"

// TestRole is run in server processes, as tests of an author that go wrong.
func TestRole(t *testing.T) {
	switch os.Getenv(roleVariable) {
	case "backend":
		beBackend(t, 0)
	case "backend that ends":
		beBackend(t, 50)
	case "calls again":
		gated.Store(t, true)
		Check(t, loadtest.Config{}, loadtest.Budget{}, Options{})
	}
	if master == nil {
		t.Skip("other tests run it, in processes of their own")
	}
	if cfg, is := configOf(t, os.Getenv(roleVariable)); is {
		Check(t, cfg, loadtest.Budget{}, Options{})
	}
	switch os.Getenv(roleVariable) {
	case "fails":
		t.Fatal("no database")
	case "memory":
		Check(t, loadtest.Config{Server: loadtest.Serve(t, "memory", (&handicap{}).serve)}, loadtest.Budget{}, Options{})
	case "stuck":
		<-t.Context().Done()
	case "twice":
		s := loadtest.NewServer(t, nil)
		t.Run("first", func(t *testing.T) { Check(t, loadtest.Config{Server: s}, loadtest.Budget{}, Options{}) })
		Check(t, loadtest.Config{Server: s}, loadtest.Budget{}, Options{})
		println("behind Check")
	case "hangs":
		t.Cleanup(func() { select {} })
		Check(t, loadtest.Config{Server: loadtest.NewServer(t, nil)}, loadtest.Budget{}, Options{})
	}
}

func TestTestThatFailsBefore(t *testing.T) {
	_, err := program(t, "^TestRole$", roleVariable+"=fails").start(within(t))
	require.ErrorContains(t, err, "the test of base failed before it came to gate.Check: exit status 1")
	require.ErrorContains(t, err, "no database")
}

func TestServerThatCannotBeReached(t *testing.T) {
	_, err := program(t, "^TestRole$", roleVariable+"=memory").start(within(t))
	require.ErrorContains(t, err, "the server of base cannot be compared: ")
	require.ErrorContains(t, err, "the Server is on memory, which only its own process reaches")
}

func TestTestThatDoesNotComeToCheck(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := program(t, "^TestRole$", roleVariable+"=stuck").start(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, "the test of base did not come to gate.Check")
}

// TestServerProcessEndsInOrder: what stands behind Check is not run, nor a second Check.
func TestServerProcessEndsInOrder(t *testing.T) {
	s, err := program(t, "^TestRole$", roleVariable+"=twice").start(within(t))
	require.NoError(t, err)
	require.Equal(t, "TestRole", s.hello.Test, "it was started for this, and not for a test below it")
	require.True(t, strings.HasPrefix(s.served().Address, "127.0.0.1:"), s.served().Address)
	s.Close(cleanupPatience)
	require.Zero(t, s.ExitCode(), s.Output())
	require.NotContains(t, s.Output(), "behind Check")
}

// TestServerProcessesEndWithTheirParent: with its socket, wherever their test is.
func TestServerProcessesEndWithTheirParent(t *testing.T) {
	p := program(t, "^TestRole$", roleVariable+"=stuck")
	process, err := spawn.Start(p.Program)
	require.NoError(t, err)
	process.Conn.Close()
	select {
	case <-process.Exited():
	case <-within(t).Done():
		process.Kill()
		t.Fatal("it runs on: ", process.Output())
	}
}

func TestOtherProtocol(t *testing.T) {
	for text, want := range map[string]string{
		"holdfast gate 7\n":       "speaks protocol 7 of gates, and this one 1",
		"hello, world\n":          "it does not begin as a server process does",
		"holdfast gate 1":         "EOF",
		strings.Repeat("x", 1000): "it does not begin as a server process does",
	} {
		n, err := readGreeting(strings.NewReader(text))
		if err == nil {
			err = spoken("base", n)
			require.ErrorAs(t, err, new(*newError))
		}
		require.ErrorContains(t, err, want)
	}
	n, err := readGreeting(strings.NewReader("holdfast gate 1\n"))
	require.NoError(t, err)
	require.NoError(t, spoken("base", n))
}

// TestCostOfAHeavierConn is what it was made heavier by.
func TestCostOfAHeavierConn(t *testing.T) {
	m := quickMatch(t, handicap{conns: 100}, handicap{conns: 100, heap: 4096, goroutine: 1})
	p, why, err := m.cost(within(t))
	require.NoError(t, err)
	require.Empty(t, why)
	require.InDelta(t, 4096, p.Head.Heap.PerConn-p.Base.Heap.PerConn, 800) // with what a goroutine has on the heap
	require.InDelta(t, 1, p.Head.Goroutines.PerConn-p.Base.Goroutines.PerConn, .1)
	require.InDelta(t, 0, p.Head.Descriptors.PerConn-p.Base.Descriptors.PerConn, .1)
}

func TestCostThatCannotBeMeasured(t *testing.T) {
	p, why, err := quickMatch(t, handicap{conns: 10}, handicap{conns: 10}).cost(within(t))
	require.NoError(t, err)
	require.Nil(t, p.Base)
	require.Nil(t, p.Head)
	require.Contains(t, why, "what a conn costs is not known: base: ")
	require.Contains(t, why, "a slope takes 100 or more")
}

// TestServerThatEndsWhenItIsMeasured fails the gate, as one that ends under load.
func TestServerThatEndsWhenItIsMeasured(t *testing.T) {
	_, _, err := quickMatch(t, handicap{conns: 100}, handicap{conns: 100, endAfter: 50}).cost(within(t))
	require.ErrorContains(t, err, "measuring what a conn costs: ")
	require.ErrorContains(t, err, "the server process of head ended: exit status 7: ")
}

func TestProfiles(t *testing.T) {
	extras, err := quickMatch(t, handicap{conns: 10}, handicap{conns: 10}).profiles(within(t))
	require.NoError(t, err)
	for i, suffix := range []string{".base.cpu.pprof", ".head.cpu.pprof"} {
		require.Equal(t, suffix, extras[i].suffix)
		require.Equal(t, "\x1f\x8b", string(extras[i].data[:2]), "a profile is a gzipped protocol buffer")
	}
}

func TestDisturbed(t *testing.T) {
	quiet := slice{Foreign: mostForeign, Steal: mostSteal}
	unknownOnes := slice{Foreign: -1, Steal: -1}
	for name, c := range map[string]struct {
		slices []slice
		want   string
	}{
		"none":            {[]slice{quiet, quiet, unknownOnes}, ""},
		"two":             {[]slice{{Foreign: .9}, quiet, {Steal: .9}, quiet}, ""},
		"three":           {[]slice{{Foreign: .3}, quiet, {Steal: .2}, {Foreign: .43}}, "in 3 of 4 slices the machine was busy with something else: other processes, or other tests of this one, used up to 43 % of its CPUs, and the hypervisor took up to 20 %"},
		"more than known": {[]slice{unknownOnes, unknownOnes, unknownOnes}, ""},
	} {
		require.Equal(t, c.want, disturbed(c.slices), name)
	}
}
