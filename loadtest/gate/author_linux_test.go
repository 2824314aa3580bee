package gate

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"example.com/holdfast/internal/usermodule"
)

// An author has a repository with a server and its gates, as in testdata/author, and these branches:
//
//	work       the author's, checked out: the last commit of "base", and a change
//	base       where it left main
//	main       has gone on
//	broken     does not compile
//	unserved   has no package srv
//	main~      has no gates
type author struct {
	*clone
	binary string            // the test binary of work
	env    []string          // of what the author runs
	before map[string]string // all that is in the repository
}

// What the revisions' files say otherwise.
const (
	lighter = "package srv\n\nconst (\n\tdigests  = 100\n\tkept     = 8 << 10\n\twatchers = 0\n)\n"
	heavier = "package srv\n\nconst (\n\tdigests  = 10\n\tkept     = 1 << 10\n\twatchers = 1\n)\n"

	oldTests = `package srv

import "testing"

func TestMore(t *testing.T) { check(t, 20, 5) }

func TestNotYet(t *testing.T) { t.Log("some day") }

func TestFails(t *testing.T) { t.Fatal("no database") }

func TestNames(t *testing.T) {
	t.Run("plain", func(t *testing.T) { check(t, 30, 5) })
	t.Run("it's (50 %) of a.b|c/d $x", func(t *testing.T) { check(t, 40, 5) })
}
`
	newTests = `package srv

import (
	"testing"

	"example.com/holdfast/loadtest/gate"
)

func TestMore(t *testing.T) { check(t, 10, 5) }

func TestNotYet(t *testing.T) { check(t, 10, 5) }

func TestFails(t *testing.T) { check(t, 10, 5) }

func TestNames(t *testing.T) {
	t.Run("plain", func(t *testing.T) { check(t, 10, 5) })
	t.Run("it's (50 %) of a.b|c/d $x", func(t *testing.T) { check(t, 10, 5) })
}

func TestNovel(t *testing.T) { check(t, 10, 5) }

func TestTooFew(t *testing.T) { check(t, 10, 4) }

func TestOptions(t *testing.T) {
	cfg, budget := load(t, 10)
	gate.Check(t, cfg, budget, gate.Options{Base: "unserved"})
}
`
)

// An original is the first author's repository, of which all others are copies.
type original struct {
	top    string
	binary string
}

var theOriginal struct {
	sync.Mutex
	original
}

// newAuthor copies the author's repository, which is made once. The servers that are to be compared are built there by every gate,
// and this by all of them: go's own cache has the packages.
func newAuthor(t *testing.T) *author {
	t.Helper()
	needGit(t)
	theOriginal.Lock()
	defer theOriginal.Unlock()
	if theOriginal.top == "" {
		theOriginal.original = makeOriginal(t)
	}
	dir, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	c := &clone{t, filepath.Join(dir, "repository"), filepath.Join(dir, "tmp"), filepath.Join(dir, "cache")}
	require.NoError(t, os.CopyFS(c.top, os.DirFS(theOriginal.top)))
	require.NoError(t, os.Mkdir(c.temp, 0o755))
	c.git("status") // the index has other times
	cached, err := exec.CommandContext(t.Context(), "go", "env", "GOCACHE").Output()
	require.NoError(t, err)
	env := usermodule.Env(filepath.Join(c.top, "srv"), gitFree("TMPDIR="+c.temp, "XDG_CACHE_HOME="+c.keep,
		"GOCACHE="+strings.TrimSpace(string(cached)))[len(os.Environ()):]...)
	env = slices.DeleteFunc(env, func(v string) bool { return strings.HasPrefix(v, "HOLDFAST_BASE=") })
	a := &author{clone: c, binary: theOriginal.binary, env: env, before: c.seen()}
	t.Cleanup(a.leavesNothing)
	return a
}

// makeOriginal makes it in a directory that is removed after all tests.
func makeOriginal(t *testing.T) original {
	dir, err := os.MkdirTemp("", "holdfast-author-")
	require.NoError(t, err)
	afterAll = append(afterAll, func() { os.RemoveAll(dir) })
	o := original{top: filepath.Join(dir, "repository"), binary: filepath.Join(dir, "srv.test")}
	c := &clone{t: t, top: o.top}
	require.NoError(t, os.Mkdir(c.top, 0o755))
	c.git("init", "-q", "-b", "main", ".")
	usermodule.Write(t, "../..", c.top, "example.org/m")
	c.write("README", "to come\n")
	c.commit("The first")
	c.git("branch", "unserved")
	for _, name := range []string{"srv.go", "srv_test.go"} {
		text, err := os.ReadFile(filepath.Join("testdata", "author", name))
		require.NoError(t, err)
		c.write("srv/"+name, string(text))
	}
	c.write("srv/weight.go", lighter)
	c.write("srv/more_test.go", oldTests)
	c.commit("The server")
	c.git("branch", "base")
	c.write("README", "read on\n")
	c.commit("Something else")
	c.git("checkout", "-q", "-b", "broken", "base")
	c.write("srv/weight.go", "package srv\n\nconst digests = many\n")
	c.commit("Not yet")
	c.git("checkout", "-q", "-b", "work", "base")
	c.write("srv/weight.go", heavier)
	c.write("srv/more_test.go", newTests)
	c.commit("Watch each conn")
	cmd := exec.CommandContext(t.Context(), "go", "test", "-c", "-o", o.binary, "./srv")
	cmd.Dir, cmd.Env = c.top, usermodule.Env(c.top)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return o
}

// leavesNothing makes sure that nothing is left of the author's gates, and that the repository is what it was.
func (a *author) leavesNothing() {
	require.Empty(a.t, cmp.Diff(a.before, a.seen()))
	entries, err := os.ReadDir(a.temp)
	require.NoError(a.t, err)
	for _, e := range entries {
		require.Contains(a.t, []string{turnFile, "holdfast.turn"}, e.Name(), "is left")
	}
	a.requireNoProcess()
}

// requireNoProcess waits for the processes of gates, which end by themselves, and briefly.
func (a *author) requireNoProcess() {
	a.t.Helper()
	for end := time.Now().Add(20 * time.Second); len(a.processes()) > 0; time.Sleep(10 * time.Millisecond) {
		require.True(a.t, time.Now().Before(end), "processes are left: %v", a.processes())
	}
}

// processes returns the programs that run in the author's environment, by process.
func (a *author) processes() map[int]string {
	found := map[int]string{}
	all, err := filepath.Glob("/proc/[0-9]*/environ")
	require.NoError(a.t, err)
	for _, path := range all {
		env, err := os.ReadFile(path) // of a zombie it is empty
		if err != nil || !bytes.Contains(env, []byte("\x00TMPDIR="+a.temp+"\x00")) {
			continue
		}
		dir := filepath.Dir(path)
		pid, err := strconv.Atoi(filepath.Base(dir))
		require.NoError(a.t, err)
		if found[pid], err = os.Readlink(filepath.Join(dir, "exe")); err != nil {
			delete(found, pid) // it has ended meanwhile
		}
	}
	return found
}

// A gateRun is what came of a test with a gate.
type gateRun struct {
	code int
	out  string
}

// has requires each of the texts in what was printed.
func (r gateRun) has(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		require.Contains(t, strings.Join(strings.Fields(r.out), " "), text, "of\n%s", r.out)
	}
}

// runs runs the compiled test binary where its package is, for one test.
func (a *author) runs(test, base string, more ...string) gateRun {
	a.t.Helper()
	return a.outcome(a.command(test, base, more...))
}

func (a *author) command(test, base string, more ...string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(a.t.Context(), 3*time.Minute)
	a.t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, a.binary, append([]string{"-test.v", "-test.run=" + patternOf(test)}, more...)...)
	cmd.Dir = filepath.Join(a.top, "srv")
	cmd.Env = a.with(base)
	return cmd
}

// with returns the environment with a base, or, of "", with none.
func (a *author) with(base string) []string {
	if base == "" {
		return a.env
	}
	return append(slices.Clip(a.env), "HOLDFAST_BASE="+base)
}

func (a *author) outcome(cmd *exec.Cmd) gateRun {
	a.t.Helper()
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		require.NoError(a.t, err, "%s", out)
	}
	return gateRun{cmd.ProcessState.ExitCode(), string(out)}
}
