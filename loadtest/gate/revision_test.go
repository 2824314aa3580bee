package gate

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBaseIsFound(t *testing.T) {
	t.Parallel()
	c := newClone(t)
	fork := c.git("rev-parse", "HEAD")
	c.git("tag", "-a", "-m", "annotated", "v1")
	c.git("checkout", "-q", "-b", "topic")
	c.commit("On the topic: ½\n\nand more")
	c.git("checkout", "-q", "main")
	ahead := c.commit("Main goes on")
	c.git("update-ref", "refs/remotes/upstream/feature/x", ahead)
	c.git("checkout", "-q", "topic")
	r, err := openRepository(t.Context(), newToolbox(gitFree()), filepath.Join(c.top, "srv"))
	require.NoError(t, err)
	require.Equal(t, "srv", r.prefix)
	for name, want := range map[string]string{
		"main": ahead, "main...": fork, "topic^": fork, "v1": fork, "v1...": fork, fork[:10]: fork, "upstream/feature/x...": fork,
	} {
		got, err := r.base(t.Context(), name)
		require.NoError(t, err)
		require.Equal(t, want, got.Commit, name)
		require.Equal(t, name, got.Name)
	}
	head, note, err := r.head(t.Context())
	require.NoError(t, err)
	require.Empty(t, note)
	require.Equal(t, "On the topic: ½", head.Title)

	for name, want := range map[string]string{
		"...":                        "comes after the name of a branch",
		"-x":                         "is no name of a revision",
		"main..topic":                "is a range",
		"main..":                     "is a range",
		"main...topic":               "is a range",
		"nope":                       "git knows no revision \"nope\" here: is it spelled right? A branch that only the server has comes with git fetch",
		"HEAD:srv":                   "knows no revision", // a directory
		"feature/x...":               "knows no revision \"feature/x\" here, but upstream/feature/x: set HOLDFAST_BASE to that",
		strings.Repeat("0", 40):      "what CI systems give where they know no commit before",
		strings.Repeat("1", 40):      "knows no revision",
		"main\nmain":                 "knows no revision",
		"$(touch /tmp/x)":            "knows no revision",
		"--upload-pack=x":            "is no name of a revision",
		"[a-z":                       "knows no revision",
		strings.Repeat("long", 9999): "knows no revision",
	} {
		_, err := r.base(t.Context(), name)
		require.ErrorContains(t, err, want, "%.20s", name)
		require.True(t, strings.HasPrefix(err.Error(), "gate: base "), "%v", err)
	}
}

func TestHistoriesWithoutACommonCommit(t *testing.T) {
	t.Parallel()
	c := newClone(t)
	c.git("checkout", "-q", "--orphan", "other")
	c.commit("Another beginning")
	require.Contains(t, c.refused(c.place("srv", "main...")), "HEAD and main have no common ancestor (git merge-base): name the "+
		"revision to compare with itself, without ...")
}

func TestShallowClone(t *testing.T) {
	t.Parallel()
	c := newClone(t)
	c.git("branch", "old")
	c.change()
	far := *c
	far.top = filepath.Join(filepath.Dir(c.top), "far")
	c.git("clone", "-q", "--depth=1", "--no-single-branch", "file://"+c.top, far.top)
	for _, base := range []string{"HEAD^", "HEAD^...", strings.Repeat("1", 40)} {
		require.Contains(t, far.refused(far.place("srv", base)), "this clone is shallow and lacks older commits: on GitHub Actions give "+
			"actions/checkout fetch-depth: 0, on GitLab set GIT_DEPTH: 0, elsewhere run git fetch --unshallow")
	}
	require.Contains(t, far.refused(far.place("srv", "old")), "but origin/old: set HOLDFAST_BASE to that")
	far.git("commit", "-q", "--allow-empty", "-m", "Without its past")
	require.Contains(t, far.refused(far.place("srv", "origin/old...")), "have no common ancestor here (git merge-base), and this clone is shallow")
	r := far.prepare(far.place("srv", "main..."))
	require.Len(t, r.Notes, 2)
	require.Contains(t, r.Notes[0], "the same commit")
	require.Contains(t, r.Notes[1], "this clone is shallow: the merge base is that of the commits that it has")
}

func TestNoRepositoryToAsk(t *testing.T) {
	t.Parallel()
	c := newClone(t)
	require.Contains(t, c.refused(c.place("srv", "HEAD", "GIT_TEST_ASSUME_DIFFERENT_OWNER=1")),
		"belongs to another user, as in containers of CI systems. It says:\nfatal: detected dubious ownership in repository at '")
	require.Contains(t, c.refused(c.place("srv", "HEAD", "GIT_TEST_ASSUME_DIFFERENT_OWNER=1")), "git config --global --add safe.directory")

	outside := c.place("srv", "HEAD")
	outside.Dir = filepath.Dir(c.top)
	require.Contains(t, c.refused(outside), "is in no work tree of git, so that there is no base to compare with: run the test in a clone, "+
		"or name no base (HOLDFAST_BASE). git says:\nfatal: not a git repository")
	outside.Dir = filepath.Join(c.top, ".git")
	require.Contains(t, c.refused(outside), "is in no work tree of git")

	unborn := *c
	unborn.top = filepath.Join(filepath.Dir(c.top), "unborn")
	c.git("init", "-q", unborn.top)
	unborn.write("srv/x", "")
	require.Contains(t, unborn.refused(unborn.place("srv", "main")), "has no commits yet")
}

func TestGitIsNotInstalled(t *testing.T) {
	c := newClone(t)
	place := c.place("srv", "HEAD")
	t.Setenv("PATH", t.TempDir())
	_, err := prepare(t.Context(), place)
	require.EqualError(t, err, "gate: the base is taken from the repository by git, which is not installed, or not in PATH: install it, "+
		"or name no base (HOLDFAST_BASE)")
}
