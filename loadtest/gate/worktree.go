package gate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"example.com/holdfast/internal/netpoll"
)

// A home is a temporary directory with all that a gate leaves on disk:
//
//	lock                 locked for as long as the gate, or a program that it runs, lives
//	repository           the path of the .git in which the work tree has an entry
//	holdfast-gate-base/  the work tree of the base
//	base.test, …         what is built
//
// So that whoever finds a home whose lock nobody holds can remove all of it, the entry in .git too.
type home struct {
	dir  string
	turn *netpoll.Turn
}

const (
	homePrefix = "holdfast-gate-"
	lockFile   = "lock"
	originFile = "repository"
	treeName   = "holdfast-gate-base" // git calls the entry after it, where authors see it
)

// tree is where the base's work tree is.
func (h *home) tree() string { return filepath.Join(h.dir, treeName) }

// openHome makes a directory and locks it. Whoever cleans up may take it for stale before it is locked: then another is made.
func openHome(temp string) (*home, error) {
	for range 10 {
		dir, err := os.MkdirTemp(temp, homePrefix)
		if err != nil {
			return nil, fmt.Errorf("gate: making a directory for the base: %w", err)
		}
		turn, err := lockHome(dir)
		switch {
		case turn != nil:
			return &home{dir, turn}, nil
		case err != nil && !errors.Is(err, os.ErrNotExist):
			os.RemoveAll(dir)
			return nil, fmt.Errorf("gate: locking %s, so that nobody removes it as left over: %w", dir, err)
		}
	}
	return nil, fmt.Errorf("gate: others have removed each directory that was made in %s", temp)
}

// lockHome returns nil if another has the lock, or has removed it meanwhile.
func lockHome(dir string) (*netpoll.Turn, error) {
	path := filepath.Join(dir, lockFile)
	turn, _, err := netpoll.TakeTurn(path, fmt.Sprint(os.Getpid()))
	if turn != nil && !turn.Lasts(path) {
		turn.End()
		return nil, nil
	}
	return turn, err
}

// addTree checks the commit out. No ref, index or file of the author's work tree changes: .git gets an entry in worktrees.
func (h *home) addTree(ctx context.Context, r *repository, commit string) error {
	if err := os.WriteFile(filepath.Join(h.dir, originFile), []byte(r.common), 0o600); err != nil {
		return fmt.Errorf("gate: noting whose work tree this will be: %w", err)
	}
	defer takeTurn(ctx, filepath.Dir(h.dir))()
	for try := 1; ; try++ {
		_, err := r.git(ctx, r.top, "worktree", "add", "--detach", h.tree(), commit)
		if err == nil {
			return nil
		}
		if try == addTries || ctx.Err() != nil || !strings.Contains(said(err), filepath.Base(r.common)+"/worktrees/") {
			return fmt.Errorf("gate: checking commit %s out into a temporary directory: %w", short(commit), err)
		}
	}
}

// addTries is how often git may stumble over entries of work trees that others, the author for one, are adding or removing: it reads
// all of them, and takes no lock.
const addTries = 5

// turnFile is what gates lock while they have git add or remove a work tree. Of four that did so all the time without it, 5 of 160
// additions failed, over entries that were half made (git 2.39, 2026-11).
const turnFile = "holdfast-gate.turn"

// takeTurn waits until no other gate adds or removes a work tree, until ctx ends at the longest, and returns what ends the turn. Where
// it cannot be had nobody waits.
func takeTurn(ctx context.Context, temp string) (end func()) {
	for {
		turn, _, err := netpoll.TakeTurn(filepath.Join(temp, turnFile), fmt.Sprint(os.Getpid()))
		switch {
		case turn != nil:
			return turn.End
		case err != nil:
			return func() {}
		}
		select {
		case <-ctx.Done():
			return func() {}
		case <-time.After(turnPause):
		}
	}
}

const turnPause = 5 * time.Millisecond

// removePatience bounds what removing takes; it is not cut short by a test's end.
const removePatience = 30 * time.Second

// close removes the home.
func (h *home) close(tools toolbox) error {
	defer h.turn.End()
	return removeHome(tools, h.dir)
}

// removeHome removes a home that this process has the lock of. What is in .git goes first: the directory says where that is.
func removeHome(tools toolbox, dir string) error {
	ctx, cancel := context.WithTimeout(context.Background(), removePatience)
	defer cancel()
	if common, err := os.ReadFile(filepath.Join(dir, originFile)); err == nil {
		defer takeTurn(ctx, filepath.Dir(dir))()
		// Twice --force: a work tree that was never finished is locked. It may also have no entry, or .git may be gone.
		_, _ = tools.git(ctx, dir, "--git-dir="+string(common), "worktree", "remove", "--force", "--force", filepath.Join(dir, treeName))
		if err := forget(string(common), filepath.Join(dir, treeName)); err != nil {
			return fmt.Errorf("gate: removing the entry of %s from %s: %w", dir, common, err)
		}
	}
	err := os.RemoveAll(dir)
	if err != nil { // tests may make directories that cannot be written
		_ = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
			if d != nil && d.IsDir() {
				_ = os.Chmod(path, 0o700)
			}
			return nil
		})
		err = os.RemoveAll(dir)
	}
	if err != nil {
		return fmt.Errorf("gate: removing a temporary directory: %w", err)
	}
	return nil
}

// forget removes the entry that names tree, where git has not: git is gone, or does not trust the repository. git worktree prune
// would remove those of others as well.
func forget(common, tree string) error {
	entries, _ := filepath.Glob(filepath.Join(escapeGlob(common), "worktrees", "*", "gitdir"))
	for _, entry := range entries {
		names, err := os.ReadFile(entry)
		if err == nil && string(bytes.TrimSpace(names)) == filepath.ToSlash(filepath.Join(tree, ".git")) {
			if err := os.RemoveAll(filepath.Dir(entry)); err != nil {
				return err
			}
		}
	}
	_ = os.Remove(filepath.Join(common, "worktrees")) // if it is empty: git leaves it after a check-out that failed
	return nil
}

func escapeGlob(path string) string {
	if filepath.Separator == '\\' {
		return path // there it cannot be escaped
	}
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(path)
}

// sweep removes the homes that gates of this user have left behind which were killed, in whichever repository. It returns what
// could not be removed.
func sweep(tools toolbox, temp string) (notes []string) {
	entries, _ := os.ReadDir(temp)
	for _, e := range entries {
		info, err := e.Info()
		// In a directory for all, another user might have us remove what we would not.
		if err != nil || !strings.HasPrefix(e.Name(), homePrefix) || !info.IsDir() || !netpoll.Private(info) {
			continue
		}
		dir := filepath.Join(temp, e.Name())
		turn, err := lockHome(dir)
		if turn == nil {
			if err != nil && !errors.Is(err, os.ErrNotExist) {
				notes = append(notes, fmt.Sprintf("%s may be left over from a gate that was killed, and cannot be locked: %v", dir, err))
			}
			continue
		}
		if err := removeHome(tools, dir); err != nil {
			notes = append(notes, fmt.Sprintf("%s is left over from a gate that was killed: %v", dir, err))
		}
		turn.End()
	}
	return notes
}
