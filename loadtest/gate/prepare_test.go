package gate

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

func TestBothRevisionsAreBuiltAndNothingElseChanges(t *testing.T) {
	t.Parallel()
	c := newClone(t)
	first := c.git("rev-parse", "HEAD")
	// What the author's repository would have happen on a check-out, is not ours to start.
	c.write(".git/hooks/post-checkout", "#!/bin/sh\ntouch '"+filepath.Join(c.top, "hooked")+"'\n")
	require.NoError(t, os.Chmod(filepath.Join(c.top, ".git/hooks/post-checkout"), 0o755))
	second := c.change()
	before := c.seen()

	r, err := prepare(t.Context(), c.place("srv", "HEAD^"))
	require.NoError(t, err)
	defer r.Close()
	require.Empty(t, r.New)
	require.Empty(t, r.Notes)
	require.Regexp(t, `^built in \d+\.\ds$`, r.Base.Built)
	require.Regexp(t, `^[0-9a-f]{64}$`, r.Base.Binary)
	require.NotEqual(t, r.Base.Binary, r.Head.Binary)
	require.Equal(t, revision{"HEAD^", first, "The first", false, r.Base.Built, r.Base.Binary}, r.Base)
	require.Equal(t, revision{"HEAD", second, "The second", false, r.Head.Built, r.Head.Binary}, r.Head)
	require.Contains(t, says(t, r.BaseBinary, r.BaseDir), "built of base, beside base")
	require.Contains(t, says(t, r.HeadBinary, r.HeadDir), "built of head, beside head")

	has, err := r.hasTest(t.Context(), place{Test: "TestServe/sub/more"})
	require.NoError(t, err)
	require.True(t, has)
	has, err = r.hasTest(t.Context(), place{Test: "TestServ"})
	require.NoError(t, err)
	require.False(t, has)
	_, err = r.hasTest(t.Context(), place{Test: "TestServe", Args: []string{"-novel=1"}})
	require.ErrorContains(t, err, "does not know the flag -novel, with which this test was run")

	require.NoError(t, r.Close())
	require.NoError(t, r.Close(), "again")
	require.Empty(t, cmp.Diff(before, c.seen()))
	require.Empty(t, c.homes())

	again := c.prepare(c.place("srv", first))
	require.Equal(t, "from the cache", again.Base.Built)
	require.Equal(t, r.Base.Binary, again.Base.Binary)
	require.Contains(t, says(t, again.BaseBinary, again.BaseDir), "built of base, beside base")
}

func TestTheWorkTreeIsWhatIsBuilt(t *testing.T) {
	t.Parallel()
	c := newClone(t)
	r := c.prepare(c.place("srv", "HEAD"))
	require.Equal(t, r.Base.Binary, r.Head.Binary, "the same code, built alike")
	require.Len(t, r.Notes, 1)
	require.Contains(t, r.Notes[0], "the same commit")
	require.NoError(t, r.Close())

	c.write("notes.txt", "no part of what is built")
	repo, err := openRepository(t.Context(), newToolbox(gitFree()), c.top)
	require.NoError(t, err)
	head, note, err := repo.head(t.Context())
	require.NoError(t, err)
	require.False(t, head.Dirty)
	require.Empty(t, note)

	c.write("srv/more_test.go", "package srv\n\nfunc init() { println(`untracked`) }\n")
	before := c.seen()
	r = c.prepare(c.place("srv", "HEAD"))
	require.Equal(t, "work tree", r.Head.Name)
	require.True(t, r.Head.Dirty)
	require.Len(t, r.Notes, 1)
	require.Regexp(t, `^head is the work tree as it is, with 1 change \(srv/more_test.go\) that commit [0-9a-f]{12} has not$`, r.Notes[0])
	require.Contains(t, says(t, r.HeadBinary, r.HeadDir), "untracked")
	require.NotContains(t, says(t, r.BaseBinary, r.BaseDir), "untracked")
	require.NoError(t, r.Close())
	require.Empty(t, cmp.Diff(before, c.seen()))
}

// A hook's git is told by variables which repository and index it is about.
func TestGateInAHook(t *testing.T) {
	t.Parallel()
	c, other := newClone(t), newClone(t)
	c.change()
	before := other.seen()
	r := c.prepare(c.place("srv", "HEAD^", "GIT_DIR="+filepath.Join(other.top, ".git"), "GIT_WORK_TREE="+other.top,
		"GIT_INDEX_FILE="+filepath.Join(other.top, ".git", "index"), "GIT_PREFIX=x/"))
	require.Equal(t, "The second", r.Head.Title)
	require.Contains(t, says(t, r.BaseBinary, r.BaseDir), "built of base, beside base")
	require.NoError(t, r.Close())
	require.Empty(t, cmp.Diff(before, other.seen()))
}

func TestGatesAtTheSameTime(t *testing.T) {
	t.Parallel()
	c := newClone(t)
	c.change()
	before := c.seen()
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			r, err := prepare(t.Context(), c.place("srv", "HEAD^"))
			if err == nil {
				err = r.Close()
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	require.Empty(t, cmp.Diff(before, c.seen()))
	require.Empty(t, c.homes())
	kept, err := os.ReadDir(c.keep)
	require.NoError(t, err)
	require.Len(t, kept, 1, "one binary, whoever built it last")
}

func TestModuleInASubdirectory(t *testing.T) {
	t.Parallel()
	c := newClone(t)
	c.git("mv", "srv", "services srv")
	c.write("go/go.mod", "module example.org/m/go\n\ngo 1.26\n")
	c.git("mv", "services srv", "go/srv")
	c.git("rm", "-q", "go.mod")
	c.commit("A module of its own")
	c.write("go/srv/testdata/page", "dirty")
	r := c.prepare(c.place("go/srv", "HEAD"))
	require.Contains(t, says(t, r.BaseBinary, r.BaseDir), "built of base, beside base")
	require.Contains(t, says(t, r.HeadBinary, r.HeadDir), "built of base, beside dirty")

	c.git("checkout", "-q", "--", ".")
	older := c.prepare(c.place("go/srv", "HEAD^"))
	require.Equal(t, "the base has no directory go/srv", older.New)
}

// The base may be in no module, although head is, and whatever lies above the directory for temporary files is none.
func TestBaseWithoutAnything(t *testing.T) {
	t.Parallel()
	c := newClone(t)
	c.git("rm", "-q", "go.mod")
	bare := c.commit("No module")
	require.NoError(t, os.WriteFile(filepath.Join(c.temp, "go.mod"), []byte("module stray\n"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(c.temp, "go.work"), []byte("go 1.26\n"), 0o644))
	c.write("go.mod", "module example.org/m\n\ngo 1.26\n")
	c.write("srv/srv_test.go", "//go:build never\n\npackage srv\n")
	never := c.commit("Not for this system")
	c.git("rm", "-q", "-r", "srv")
	c.write("srv/srv.go", "package srv\n")
	untested := c.commit("No tests")
	c.write("srv/srv_test.go", testSource("head"))
	c.commit("The head")
	for base, want := range map[string]string{
		bare:     "the base has no go.mod for the package",
		never:    "the base has no tests in the package for this system and these build tags",
		untested: "the base has no tests in srv",
	} {
		r := c.prepare(c.place("srv", base))
		require.Equal(t, want, r.New)
		require.Empty(t, r.BaseBinary+r.Head.Built, "nothing is built: %s", want)
		require.NoError(t, r.Close())
	}
}

func TestCancelledGateLeavesNothing(t *testing.T) {
	t.Parallel()
	c := newClone(t)
	before := c.seen()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := prepare(ctx, c.place("srv", "HEAD"))
	require.ErrorIs(t, err, context.Canceled)
	require.Empty(t, cmp.Diff(before, c.seen()))
	require.Empty(t, c.homes())
}
