package gate

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

// victimVariable has this test binary be a gate that will be killed: in the package's directory that it gives.
const victimVariable = "HOLDFAST_TEST_VICTIM"

// victim checks the base out, starts a program that outlives it, tells of it, and waits to be killed.
func victim(t *testing.T, dir string) {
	h, err := openHome(os.Getenv("HOLDFAST_TEST_TEMP"))
	require.NoError(t, err)
	r, err := openRepository(t.Context(), newToolbox(os.Environ()), dir)
	require.NoError(t, err)
	r.hold = h.turn.Open()
	commit, err := r.commit(t.Context(), "HEAD")
	require.NoError(t, err)
	require.NoError(t, h.addTree(t.Context(), r, commit))
	_, err = r.run(t.Context(), dir, "sh", "-c", "echo $$ >&9; exec sleep 60 9>&- >/dev/null 2>&1")
	t.Fatalf("it was not killed: %v", err)
}

func TestWhatAKilledGateLeavesIsRemovedByTheNext(t *testing.T) {
	if dir := os.Getenv(victimVariable); dir != "" {
		victim(t, dir)
	}
	t.Parallel()
	c := newClone(t)
	before := c.seen()
	pids, theirs, err := os.Pipe()
	require.NoError(t, err)
	defer pids.Close()
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.timeout=60s")
	cmd.Env = gitFree(victimVariable+"="+filepath.Join(c.top, "srv"), "HOLDFAST_TEST_TEMP="+c.temp)
	cmd.ExtraFiles = []*os.File{nil, nil, nil, nil, nil, nil, theirs} // descriptor 9
	require.NoError(t, cmd.Start())
	theirs.Close()
	line, err := bufio.NewReader(pids).ReadString('\n')
	require.NoError(t, err)
	orphan, err := strconv.Atoi(strings.TrimSpace(line))
	require.NoError(t, err)
	require.NotEqual(t, before, c.seen(), "git has an entry")
	require.Len(t, c.homes(), 1)

	tools := newToolbox(gitFree())
	require.Empty(t, sweep(tools, c.temp))
	require.Len(t, c.homes(), 1, "it lives")
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait()
	require.Empty(t, sweep(tools, c.temp))
	require.Len(t, c.homes(), 1, "what it has started lives")
	require.NoError(t, syscall.Kill(orphan, syscall.SIGKILL))

	// Its end is told to nobody here: the lock is free soon after.
	for end := time.Now().Add(30 * time.Second); len(c.homes()) > 0 && time.Now().Before(end); time.Sleep(time.Millisecond) {
		require.Empty(t, sweep(tools, c.temp))
	}
	require.Empty(t, c.homes())
	require.Empty(t, cmp.Diff(before, c.seen()))
}

// leave makes a home as a killed gate leaves it: nobody has its lock.
func (c *clone) leave() *home {
	c.t.Helper()
	h, err := openHome(c.temp)
	require.NoError(c.t, err)
	r, err := openRepository(c.t.Context(), newToolbox(gitFree()), c.top)
	require.NoError(c.t, err)
	require.NoError(c.t, h.addTree(c.t.Context(), r, c.git("rev-parse", "HEAD")))
	h.turn.End()
	return h
}

func TestLeftoversOfAllKinds(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(c *clone, h *home){
		"as it was":             func(*clone, *home) {},
		"without its work tree": func(c *clone, h *home) { require.NoError(c.t, os.RemoveAll(h.tree())) },
		// git names the entry and locks it before it makes the work tree.
		"not finished": func(c *clone, h *home) {
			require.NoError(c.t, os.RemoveAll(h.tree()))
			c.write(".git/worktrees/"+treeName+"/locked", "initializing")
		},
		"of a git that cannot remove it": func(c *clone, h *home) {
			require.NoError(c.t, os.Remove(filepath.Join(c.top, ".git/worktrees", treeName, "HEAD")))
		},
		"with directories that nobody may write": func(c *clone, h *home) {
			dir := filepath.Join(h.tree(), "made", "by a test")
			require.NoError(c.t, os.MkdirAll(dir, 0o700))
			require.NoError(c.t, os.WriteFile(filepath.Join(dir, "file"), nil, 0o400))
			require.NoError(c.t, os.Chmod(dir, 0o500))
		},
		"without a lock": func(c *clone, h *home) { require.NoError(c.t, os.Remove(filepath.Join(h.dir, lockFile))) },
	} {
		t.Run(name, func(t *testing.T) {
			c := newClone(t)
			author := filepath.Join(filepath.Dir(c.top), "the author's second work tree")
			c.git("worktree", "add", "-q", "--detach", author)
			require.NoError(t, os.RemoveAll(author)) // whether it comes back, is the author's matter
			before := c.seen()
			spoil(c, c.leave())
			require.NotEqual(t, before, c.seen())
			require.Empty(t, sweep(newToolbox(gitFree()), c.temp))
			require.Empty(t, c.homes())
			require.Empty(t, cmp.Diff(before, c.seen()))
		})
	}
}

// What lies in a directory for all is removed only if this user made it.
func TestSweepTouchesNothingOfOthers(t *testing.T) {
	t.Parallel()
	c := newClone(t)
	open := c.leave()
	require.NoError(t, os.Chmod(open.dir, 0o777))
	require.NoError(t, os.Symlink(c.top, filepath.Join(c.temp, homePrefix+"link")))
	require.NoError(t, os.WriteFile(filepath.Join(c.temp, homePrefix+"file"), nil, 0o600))
	require.NoError(t, os.Mkdir(filepath.Join(c.temp, "another's"), 0o700))
	before, homes := c.seen(), c.homes()
	require.Empty(t, sweep(newToolbox(gitFree()), c.temp))
	require.Empty(t, cmp.Diff(before, c.seen()))
	require.Equal(t, homes, c.homes())
	if os.Geteuid() != 0 {
		return
	}
	require.NoError(t, os.Chmod(open.dir, 0o700))
	require.NoError(t, os.Chown(open.dir, 1, -1))
	require.Empty(t, sweep(newToolbox(gitFree()), c.temp))
	require.Equal(t, homes, c.homes(), "of user 1")
}

func TestRepositoryThatIsGone(t *testing.T) {
	t.Parallel()
	c := newClone(t)
	c.leave()
	require.NoError(t, os.RemoveAll(c.top))
	require.Empty(t, sweep(newToolbox(gitFree()), c.temp))
	require.Empty(t, c.homes())
}

// A submodule's .git is within that of the repository around it.
func TestPackageInASubmodule(t *testing.T) {
	t.Parallel()
	inner, outer := newClone(t), newClone(t)
	outer.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", "file://"+inner.top, "sub")
	outer.commit("With a submodule")
	before := outer.seen()
	sub := *outer
	sub.top = filepath.Join(outer.top, "sub")
	h := sub.leave()
	require.FileExists(t, filepath.Join(h.tree(), "srv/srv_test.go"))
	require.NotEqual(t, before, outer.seen())
	require.Empty(t, sweep(newToolbox(gitFree()), outer.temp))
	require.Empty(t, outer.homes())
	require.Empty(t, cmp.Diff(before, outer.seen()))
}

// What git says where it cannot check out is passed on: here a filter is missing, as Git LFS may be.
func TestBaseThatCannotBeCheckedOut(t *testing.T) {
	t.Parallel()
	c := newClone(t)
	c.git("config", "filter.big.smudge", "no-such-filter")
	c.git("config", "filter.big.clean", "cat") // git status may run it
	c.git("config", "filter.big.required", "true")
	c.write(".git/info/attributes", "page filter=big\n")
	text := c.refused(c.place("srv", "HEAD"))
	require.Contains(t, text, "gate: checking commit")
	require.Contains(t, text, "smudge filter big failed")
}

// git reads the entries of all work trees whenever it adds one, and fails over one that is half made.
func TestWorkTreesComeAndGoAtTheSameTime(t *testing.T) {
	t.Parallel()
	c := newClone(t)
	commit, tools, before := c.git("rev-parse", "HEAD"), newToolbox(gitFree()), c.seen()
	r, err := openRepository(t.Context(), tools, c.top)
	require.NoError(t, err)
	round := func() error {
		h, err := openHome(c.temp)
		if err != nil {
			return err
		}
		return errors.Join(h.addTree(t.Context(), r, commit), h.close(tools))
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 5 {
				if err := round(); err != nil {
					t.Error(err)
				}
				for _, note := range sweep(tools, c.temp) {
					t.Error(note)
				}
			}
		})
	}
	wg.Wait()
	require.Empty(t, c.homes())
	require.Empty(t, cmp.Diff(before, c.seen()))
}
