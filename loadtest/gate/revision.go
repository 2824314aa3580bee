package gate

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
)

// baseVariable names the base in the environment.
const baseVariable = "HOLDFAST_BASE"

// mergeBase after a branch's name asks for the commit at which HEAD left the branch, as in "git diff main...".
const mergeBase = "..."

// deepen is what somebody does whose clone has no history.
const deepen = "this clone is shallow and lacks older commits: on GitHub Actions give actions/checkout fetch-depth: 0, on GitLab " +
	"set GIT_DEPTH: 0, elsewhere run git fetch --unshallow"

// base finds the revision to compare with.
func (r *repository) base(ctx context.Context, name string) (revision, error) {
	branch, merge := strings.CutSuffix(name, mergeBase)
	if err := plausible(name, branch); err != nil {
		return revision{}, err
	}
	commit, err := r.commit(ctx, branch)
	switch {
	case err != nil:
		return revision{}, err
	case commit == "":
		return revision{}, r.unknown(ctx, name, branch)
	}
	if merge {
		if commit, err = r.merged(ctx, branch, commit); err != nil {
			return revision{}, err
		}
	}
	title, err := r.title(ctx, commit)
	return revision{Name: name, Commit: commit, Title: title}, err
}

// plausible refuses what git would understand as something else than one revision.
func plausible(name, branch string) error {
	switch {
	case branch == "":
		return fmt.Errorf("gate: base %q: %s comes after the name of a branch, as in main... for main", name, mergeBase)
	case strings.HasPrefix(branch, "-"):
		return fmt.Errorf("gate: base %q is no name of a revision", name)
	case strings.Contains(branch, ".."):
		return fmt.Errorf("gate: base %q is a range: name one revision, or, as in main..., a branch with %s after it for the "+
			"commit at which HEAD left it", name, mergeBase)
	case len(branch) >= 40 && strings.Trim(branch, "0") == "":
		return fmt.Errorf("gate: base %s is what CI systems give where they know no commit before, as of a new branch, or of a merge "+
			"request on GitLab: set %s to a branch with %s after it, origin/main... for example", branch, baseVariable, mergeBase)
	}
	return nil
}

// unknown says what can be done about a name that git does not know.
func (r *repository) unknown(ctx context.Context, name, branch string) error {
	text := fmt.Sprintf("gate: base %q: git knows no revision %q here", name, branch)
	if remote := r.remote(ctx, branch); remote != "" {
		return fmt.Errorf("%s, but %s: set %s to that", text, remote, baseVariable)
	}
	if r.shallow {
		return fmt.Errorf("%s, and %s", text, deepen)
	}
	return fmt.Errorf("%s: is it spelled right? A branch that only the server has comes with git fetch, and is origin/%s then", text,
		strings.TrimPrefix(branch, "origin/"))
}

// merged returns the commit at which HEAD left branch.
func (r *repository) merged(ctx context.Context, branch, commit string) (string, error) {
	out, err := r.git(ctx, r.top, "merge-base", "HEAD", commit)
	var exit *exec.ExitError
	switch {
	case err == nil:
		return strings.TrimSpace(out), nil
	case ctx.Err() != nil, !errors.As(err, &exit), exit.ExitCode() != 1:
		return "", fmt.Errorf("gate: looking for the merge base of HEAD and %s: %w", branch, err)
	case r.shallow:
		return "", fmt.Errorf("gate: HEAD and %s have no common ancestor here (git merge-base), and %s", branch, deepen)
	default:
		return "", fmt.Errorf("gate: HEAD and %s have no common ancestor (git merge-base): name the revision to compare with itself, "+
			"without %s", branch, mergeBase)
	}
}

// head describes what the author has in the work tree, and says what of it is not committed.
func (r *repository) head(ctx context.Context) (head revision, note string, err error) {
	commit, err := r.commit(ctx, "HEAD")
	switch {
	case err != nil:
		return head, "", err
	case commit == "":
		return head, "", fmt.Errorf("gate: the repository %s has no commits yet: there is no base to compare with", r.top)
	}
	head = revision{Name: "HEAD", Commit: commit}
	if head.Title, err = r.title(ctx, commit); err != nil {
		return head, "", err
	}
	changed, err := r.changes(ctx)
	if err != nil || len(changed) == 0 {
		return head, "", err
	}
	head.Name, head.Dirty = "work tree", true
	return head, fmt.Sprintf("head is the work tree as it is, with %s that commit %s has not", someOf(changed, "change"),
		short(commit)), nil
}

// short is a commit's name as people read it.
func short(commit string) string { return commit[:min(len(commit), 12)] }

// someOf counts names, and gives the first of them.
func someOf(names []string, what string) string {
	if len(names) == 1 {
		return fmt.Sprintf("1 %s (%s)", what, names[0])
	}
	return fmt.Sprintf("%d %ss (%s, …)", len(names), what, names[0])
}
