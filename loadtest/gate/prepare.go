package gate

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"example.com/holdfast/internal/netpoll"
)

// Revisions are the two that are compared, ready to run: test binaries, and the directories to run them in.
type revisions struct {
	Base, Head             revision
	BaseBinary, HeadBinary string
	BaseDir, HeadDir       string // the package's, in each work tree
	Notes                  []string
	New                    string // why the base has nothing to compare with: then nothing is built

	repo *repository
	home *home
}

// prepare finds base and head, checks the base out and builds both. The author's work tree, index and refs stay as they are. Close it.
func prepare(ctx context.Context, where place) (*revisions, error) {
	r := &revisions{HeadDir: where.Dir}
	if err := r.prepare(ctx, where); err != nil {
		_ = r.Close() // what went wrong before is what matters; what is left goes at the next start
		return nil, err
	}
	return r, nil
}

func (r *revisions) prepare(ctx context.Context, where place) error {
	recipe := recipeOf(where.Settings)
	tools := newToolbox(where.Env).with(recipe.env...).with("GOTOOLCHAIN=local")
	if err := r.find(ctx, tools, where); err != nil {
		return err
	}
	headEnv, err := goEnv(ctx, tools, where.Dir)
	if err != nil {
		return err
	}
	if err := sameToolchain(headEnv, where.Go); err != nil {
		return err
	}
	forHead := tools.with("GOFLAGS=" + readonly(headEnv["GOFLAGS"]))
	if err := samePackage(ctx, forHead, where, recipe.flags); err != nil {
		return err
	}
	if where.Covered {
		r.note("coverage is counted in this process alone: both servers are built without it")
	}
	if err := r.checkOut(ctx, tools, where); err != nil || r.New != "" {
		return err
	}
	if err := r.buildBase(ctx, where, recipe, headEnv["GOWORK"]); err != nil || r.New != "" {
		return err
	}
	forHead.hold = r.repo.hold
	return r.buildHead(ctx, forHead, recipe)
}

func (r *revisions) note(format string, args ...any) {
	r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
}

// find finds out what is to be compared.
func (r *revisions) find(ctx context.Context, tools toolbox, where place) (err error) {
	if r.repo, err = openRepository(ctx, tools, where.Dir); err != nil {
		return err
	}
	var dirt string
	if r.Head, dirt, err = r.repo.head(ctx); err != nil {
		return err
	}
	if r.Base, err = r.repo.base(ctx, where.Base); err != nil {
		return err
	}
	switch {
	case dirt != "":
		r.note("%s", dirt)
	case r.Base.Commit == r.Head.Commit:
		r.note("base and head are the same commit, %s, and nothing is changed: this shows what the gate finds where there is nothing",
			short(r.Head.Commit))
	}
	if r.repo.shallow && strings.HasSuffix(where.Base, mergeBase) {
		r.note("this clone is shallow: the merge base is that of the commits that it has")
	}
	return nil
}

// checkOut gives the base a work tree, after those are gone that were left behind.
func (r *revisions) checkOut(ctx context.Context, tools toolbox, where place) error {
	temp, err := filepath.EvalSymlinks(where.Temp) // git names the work tree so
	if err != nil {
		return fmt.Errorf("gate: the directory for temporary files: %w", err)
	}
	r.Notes = append(r.Notes, sweep(tools, temp)...)
	if r.home, err = openHome(temp); err != nil {
		return err
	}
	r.repo.hold = r.home.turn.Open()
	if err := r.home.addTree(ctx, r.repo, r.Base.Commit); err != nil {
		return err
	}
	r.BaseDir = filepath.Join(r.home.tree(), filepath.FromSlash(r.repo.prefix))
	if r.New, err = lacksPackage(r.BaseDir, r.repo.prefix); err == nil && r.New == "" && !sameFileSystem(r.BaseDir, r.HeadDir) {
		r.note("base's files are on another file system (%s) than head's (%s): if the server reads files when it is asked, set TMPDIR to "+
			"a directory where head's are", r.home.tree(), r.HeadDir)
	}
	return err
}

// sameFileSystem reports whether two directories are on the same one, or nothing is known of them. Of a file in memory, where temporary
// directories may be, a request costs less.
func sameFileSystem(a, b string) bool {
	one, err := os.Stat(a)
	other, err2 := os.Stat(b)
	return err != nil || err2 != nil || netpoll.SameDevice(one, other)
}

// buildBase takes the base's binary from the cache, or builds it.
func (r *revisions) buildBase(ctx context.Context, where place, recipe recipe, headWork string) error {
	work, err := workspaceOf(ctx, r.repo, r.home, headWork)
	if err != nil {
		return err
	}
	tools := r.repo.with("GOWORK=" + work.path)
	env, err := goEnv(ctx, tools, r.BaseDir)
	if err != nil {
		return err
	}
	if r.New, err = lacksModule(env, r.home.tree()); err != nil || r.New != "" {
		return err
	}
	outside := r.repo.replacedOutside(ctx, r.home.tree(), env["GOMOD"])
	if work.path != "off" && !work.outside {
		outside = append(outside, r.repo.replacedOutside(ctx, r.home.tree(), work.path)...)
	}
	keep := cache{where.Cache}
	key := keyOf(r.Base.Commit, r.repo.prefix, work.key, recipe.flags, env)
	cached := where.NoCache == nil && !work.outside && len(outside) == 0 && cacheable(recipe.flags, env)
	if where.NoCache != nil {
		r.note("the base is built each time, because there is no directory for caches: %v", where.NoCache)
	}
	if work.outside {
		r.note("the base is built in the workspace %s, with its other modules as they are now", work.key)
	}
	r.BaseBinary = filepath.Join(r.home.dir, "base.test")
	if cached {
		if r.Base.Binary = keep.take(key, r.BaseBinary); r.Base.Binary != "" {
			r.Base.Built = "from the cache"
			return nil
		}
	}
	began := time.Now()
	built, err := compile(ctx, tools, r.BaseDir, r.BaseBinary, recipe.flags...)
	if err != nil {
		return r.repo.baseFailed(ctx, r.Base, r.home, work, outside, err)
	}
	if !built {
		r.BaseBinary, r.New = "", "the base has no tests in the package for this system and these build tags"
		return nil
	}
	if err := finish(&r.Base, r.BaseBinary, began); err != nil || !cached {
		return err
	}
	if err := keep.put(key, r.BaseBinary, r.Base.Binary); err != nil {
		r.note("the base is built each time, because its binary cannot be kept: %v", err)
	}
	return nil
}

// buildHead builds what the author has. go's own cache has most of it.
func (r *revisions) buildHead(ctx context.Context, tools toolbox, recipe recipe) error {
	r.HeadBinary = filepath.Join(r.home.dir, "head.test")
	began := time.Now()
	built, err := compile(ctx, tools, r.HeadDir, r.HeadBinary, recipe.flags...)
	switch {
	case err != nil:
		return fmt.Errorf("gate: head does not build as the base does, by go test -c in the package's directory: flags of go test that "+
			"it was built with, such as -modfile, are known here only if they are in GOFLAGS: %w", err)
	case !built:
		return fmt.Errorf("gate: building head: there are no tests in %s any more", r.HeadDir)
	}
	return finish(&r.Head, r.HeadBinary, began)
}

func finish(of *revision, binary string, began time.Time) (err error) {
	of.Built = fmt.Sprintf("built in %.1fs", time.Since(began).Seconds())
	if of.Binary, err = sumOf(binary); err != nil {
		return fmt.Errorf("gate: reading what was built: %w", err)
	}
	return nil
}

// hasTest reports whether the base has the test at the top level of the one that this place is of.
func (r *revisions) hasTest(ctx context.Context, where place) (bool, error) {
	tools := r.repo.toolbox
	tools.hold = nil // a test binary may be told what its descriptor 3 is
	return hasTest(ctx, tools, r.BaseBinary, r.BaseDir, where.Test, where.Args)
}

// Close removes all that prepare has made. Calling it again does nothing.
func (r *revisions) Close() error {
	if r == nil || r.home == nil {
		return nil
	}
	h := r.home
	r.home = nil
	tools := r.repo.toolbox
	tools.hold = nil
	return h.close(tools)
}
