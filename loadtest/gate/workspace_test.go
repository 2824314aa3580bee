package gate

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

// withLibrary has srv print what the module example.org/lib says, which is taken from a workspace alone.
func (c *clone) withLibrary() {
	c.write("go.mod", "module example.org/m\n\ngo 1.26\n\nrequire example.org/lib v0.0.0\n")
	c.write("srv/srv_test.go", "package srv\n\nimport (\n\t\"testing\"\n\n\t\"example.org/lib\"\n)\n\n"+
		"func TestServe(t *testing.T) { t.Log(\"library of\", lib.Word) }\n")
}

func library(word string) string { return "package lib\n\nconst Word = \"" + word + "\"\n" }

// A workspace that belongs to the repository is the revision's own.
func TestWorkspaceInTheRepository(t *testing.T) {
	t.Parallel()
	c := newClone(t)
	c.withLibrary()
	c.write("go.work", "go 1.26\n\nuse (\n\t.\n\t./lib\n)\n")
	c.write("lib/go.mod", "module example.org/lib\n\ngo 1.26\n")
	c.write("lib/lib.go", library("base"))
	c.commit("Workspace")
	c.write("lib/lib.go", library("head"))
	before := c.seen()
	r := c.prepare(c.place("srv", "HEAD"))
	require.Contains(t, says(t, r.BaseBinary, r.BaseDir), "library of base")
	require.Contains(t, says(t, r.HeadBinary, r.HeadDir), "library of head")
	require.NoError(t, r.Close())
	require.Empty(t, cmp.Diff(before, c.seen()))
	r = c.prepare(c.place("srv", "HEAD"))
	require.Equal(t, "from the cache", r.Base.Built)

	c.git("mv", "go.work", "other.work")
	c.commit("Elsewhere")
	r = c.prepare(c.place("srv", "HEAD^", "GOWORK="+filepath.Join(c.top, "other.work")))
	require.Contains(t, says(t, r.BaseBinary, r.BaseDir), "library of base", "the base has it elsewhere")
	require.NoError(t, r.Close())
	older := c.prepare(c.place("srv", "HEAD~2", "GOWORK="+filepath.Join(c.top, "other.work")))
	require.Contains(t, says(t, older.BaseBinary, older.BaseDir), "built of base", "the base has none")
}

// Of one that is about more than this repository both revisions have the other modules as they are.
func TestWorkspaceAroundTheRepository(t *testing.T) {
	t.Parallel()
	c := newClone(t)
	c.withLibrary()
	c.write("inner/go.mod", "module example.org/m/inner\n\ngo 1.26\n") // head's alone
	c.write("srv/testdata/page", "head")
	outer := filepath.Dir(c.top)
	write := func(path, text string) {
		path = filepath.Join(outer, path)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	c.git("add", "go.mod", "srv")
	c.git("commit", "-q", "-m", "With a library")
	write("go.work", "go 1.26\n\nuse (\n\t\"./author's repository\"\n\t\"./author's repository/inner\"\n)\n\n"+
		"replace example.org/lib v0.0.0 => ./lib\n")
	write("lib/go.mod", "module example.org/lib\n\ngo 1.26\n")
	for _, word := range []string{"today", "tomorrow"} {
		write("lib/lib.go", library(word))
		r := c.prepare(c.place("srv", "HEAD"))
		require.Contains(t, says(t, r.BaseBinary, r.BaseDir), "library of "+word, "not from the cache")
		require.Contains(t, says(t, r.HeadBinary, r.HeadDir), "library of "+word)
		require.Equal(t, r.Base.Binary, r.Head.Binary)
		require.Contains(t, r.Notes[len(r.Notes)-1], "with its other modules as they are now")
		require.NoError(t, r.Close())
	}
	require.Empty(t, c.homes())
}
