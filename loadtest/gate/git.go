package gate

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
)

// A repository is the one that the package under test is in.
type repository struct {
	toolbox
	top     string // of the author's work tree
	prefix  string // of the package's directory, in slashes; "": it is the top
	common  string // .git, which all work trees share
	shallow bool
}

// openRepository asks git about the repository that dir is in.
func openRepository(ctx context.Context, tools toolbox, dir string) (*repository, error) {
	out, err := tools.git(ctx, dir, "rev-parse", "--show-toplevel", "--git-common-dir", "--is-shallow-repository", "--show-prefix")
	if err != nil {
		return nil, noRepository(dir, err)
	}
	lines := strings.Split(out, "\n")
	if len(lines) < 4 {
		return nil, fmt.Errorf("gate: git rev-parse in %s said %q, which is not understood", dir, out)
	}
	r := &repository{toolbox: tools, top: filepath.FromSlash(lines[0]), common: filepath.FromSlash(lines[1]),
		shallow: lines[2] == "true", prefix: strings.TrimSuffix(lines[3], "/")}
	if !filepath.IsAbs(r.common) {
		r.common = filepath.Join(dir, r.common)
	}
	return r, nil
}

func noRepository(dir string, err error) error {
	switch text := said(err); {
	case errors.Is(err, exec.ErrNotFound):
		return fmt.Errorf("gate: the base is taken from the repository by git, which is not installed, or not in PATH: install "+
			"it, or name no base (%s)", baseVariable)
	case strings.Contains(text, "dubious ownership"):
		return fmt.Errorf("gate: git does not trust the repository of %s, because it belongs to another user, as in containers of "+
			"CI systems. It says:\n%s", dir, text)
	case strings.Contains(text, "not a git repository"), strings.Contains(text, "must be run in a work tree"):
		return fmt.Errorf("gate: %s is in no work tree of git, so that there is no base to compare with: run the test in a clone, "+
			"or name no base (%s). git says:\n%s", dir, baseVariable, text)
	default:
		return fmt.Errorf("gate: looking for the repository of %s: %w", dir, err)
	}
}

// commit returns the commit that a revision names; "" if there is none.
func (r *repository) commit(ctx context.Context, name string) (string, error) {
	out, err := r.git(ctx, r.top, "rev-parse", "--verify", "--quiet", "--end-of-options", name+"^{commit}")
	var exit *exec.ExitError
	switch {
	case err == nil:
		return strings.TrimSpace(out), nil
	case ctx.Err() == nil && errors.As(err, &exit):
		return "", nil
	default:
		return "", fmt.Errorf("gate: looking for revision %q: %w", name, err)
	}
}

// title returns the first line of a commit's message.
func (r *repository) title(ctx context.Context, commit string) (string, error) {
	out, err := r.git(ctx, r.top, "log", "-1", "--no-show-signature", "--format=%s", commit)
	if err != nil {
		return "", fmt.Errorf("gate: reading commit %s: %w", commit, err)
	}
	return strings.TrimSpace(strings.ToValidUTF8(out, "?")), nil
}

// changes lists the files that the work tree has otherwise than the commit that is checked out, as far as they can be in what is
// built: all that git tracks, and Go files that it does not.
func (r *repository) changes(ctx context.Context) ([]string, error) {
	out, err := r.git(ctx, r.top, "status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=all")
	if err != nil {
		return nil, fmt.Errorf("gate: asking what the work tree has changed: %w", err)
	}
	var changed []string
	for entry := range strings.SplitSeq(out, "\x00") {
		if len(entry) < 4 {
			continue
		}
		status, path := entry[:2], entry[3:]
		if status != "??" || strings.HasSuffix(path, ".go") {
			changed = append(changed, path)
		}
	}
	return changed, nil
}

// ignored lists the Go files that git ignores: a base has none of them.
func (r *repository) ignored(ctx context.Context) []string {
	out, err := r.git(ctx, r.top, "ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--", "*.go")
	if err != nil || out == "" {
		return nil // it would have been a hint
	}
	return strings.Split(strings.TrimSuffix(out, "\x00"), "\x00")
}

// remote returns the name of a remote's branch of that name; "" if there is none.
func (r *repository) remote(ctx context.Context, branch string) string {
	if strings.ContainsAny(branch, "*?[\\") {
		return ""
	}
	out, err := r.git(ctx, r.top, "for-each-ref", "--format=%(refname)", "refs/remotes/*/"+branch)
	if err != nil {
		return ""
	}
	first, _, _ := strings.Cut(out, "\n")
	return strings.TrimPrefix(first, "refs/remotes/")
}
