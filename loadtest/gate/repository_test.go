package gate

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"example.com/holdfast/internal/peers"
)

// A clone is a server author's repository: a module without dependencies, and a package "srv" with a test.
type clone struct {
	t    *testing.T
	top  string
	temp string // of the gates on it
	keep string // their cache
}

// gitFree is an environment in which no configuration of whoever runs these tests counts.
func gitFree(more ...string) []string {
	env := append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1", "GIT_AUTHOR_NAME=a",
		"GIT_AUTHOR_EMAIL=a@example.org", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.org", "HOLDFAST_GATE=")
	return append(env, more...)
}

func needGit(t *testing.T) {
	t.Helper()
	peers.RequireBinary(t, "git", "git")
	if runtime.GOOS != "linux" {
		t.Skip("gates are of Linux")
	}
}

// newClone makes a repository with one commit on main.
func newClone(t *testing.T) *clone {
	t.Helper()
	needGit(t)
	dir, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	c := &clone{t, filepath.Join(dir, "author's repository"), filepath.Join(dir, "tmp"), filepath.Join(dir, "cache")}
	for _, d := range []string{c.top, c.temp} {
		require.NoError(t, os.Mkdir(d, 0o755))
	}
	c.git("init", "-q", "-b", "main", ".")
	c.write("go.mod", "module example.org/m\n\ngo 1.26\n")
	c.write("srv/srv_test.go", testSource("base"))
	c.write("srv/testdata/page", "base")
	c.commit("The first")
	return c
}

// testSource is a test that says which revision it is of, by what it was built with and by what lies in its directory.
func testSource(word string) string {
	return fmt.Sprintf(`package srv

import (
	"os"
	"testing"
)

func TestServe(t *testing.T) {
	page, err := os.ReadFile("testdata/page")
	t.Log("built of %s, beside", string(page), err)
}
`, word)
}

func (c *clone) write(path, text string) {
	c.t.Helper()
	path = filepath.Join(c.top, path)
	require.NoError(c.t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(c.t, os.WriteFile(path, []byte(text), 0o644))
}

func (c *clone) git(args ...string) string {
	c.t.Helper()
	out, err := newToolbox(gitFree()).run(c.t.Context(), c.top, "git", args...)
	require.NoError(c.t, err)
	return strings.TrimSpace(out)
}

// commit commits all there is, and returns the commit's name.
func (c *clone) commit(title string) string {
	c.t.Helper()
	c.git("add", "-A")
	c.git("commit", "-q", "--allow-empty", "-m", title)
	return c.git("rev-parse", "HEAD")
}

// change commits another srv on top.
func (c *clone) change() (commit string) {
	c.write("srv/srv_test.go", testSource("head"))
	c.write("srv/testdata/page", "head")
	return c.commit("The second")
}

// place is the one of a gate in a package's directory.
func (c *clone) place(dir, base string, env ...string) place {
	pkg := strings.TrimSuffix("example.org/m/"+dir, "/")
	return place{Dir: filepath.Join(c.top, dir), Package: pkg, Base: base, Test: "TestServe/sub", Env: gitFree(env...),
		Go: runtime.Version(), Temp: c.temp, Cache: c.keep}
}

// prepare prepares a gate which must succeed, and closes it with the test.
func (c *clone) prepare(where place) *revisions {
	c.t.Helper()
	r, err := prepare(c.t.Context(), where)
	require.NoError(c.t, err)
	c.t.Cleanup(func() { require.NoError(c.t, r.Close()) })
	return r
}

// refused returns why a gate cannot be prepared, and makes sure that nothing is left of it.
func (c *clone) refused(where place) string {
	c.t.Helper()
	before := c.seen()
	_, err := prepare(c.t.Context(), where)
	require.Error(c.t, err)
	require.Empty(c.t, cmp.Diff(before, c.seen()))
	require.Empty(c.t, c.homes())
	require.True(c.t, strings.HasPrefix(err.Error(), "gate: "), "%v", err)
	return err.Error()
}

// homes lists what gates have in the directory for temporary files.
func (c *clone) homes() (names []string) {
	c.t.Helper()
	entries, err := os.ReadDir(c.temp)
	require.NoError(c.t, err)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), homePrefix) {
			names = append(names, e.Name())
		}
	}
	return names
}

// seen is all of a repository that its author could see changed: each file and link of the work tree and of .git, with its time and
// content. What git keeps of other work trees is in it, too.
func (c *clone) seen() map[string]string {
	c.t.Helper()
	found := map[string]string{}
	require.NoError(c.t, filepath.WalkDir(c.top, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			found[strings.TrimPrefix(path, c.top)] = "directory"
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		text, err := os.ReadFile(path)
		found[strings.TrimPrefix(path, c.top)] = fmt.Sprintf("%v %v %x", info.Mode(), info.ModTime(), sha256.Sum256(text))
		return err
	}))
	return found
}

// says runs what was built where it belongs.
func says(t *testing.T, binary, dir string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), binary, "-test.v", "-test.run="+patternOf("TestServe"))
	c.Dir = dir
	out, err := c.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return string(out)
}
