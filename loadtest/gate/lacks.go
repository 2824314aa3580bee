package gate

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// lacksPackage says why the base has no tests in a directory; "" if it seems to have some.
func lacksPackage(dir, prefix string) (string, error) {
	entries, err := os.ReadDir(dir)
	if prefix == "" {
		prefix = "the repository's top"
	}
	if err != nil {
		if info, e := os.Stat(dir); e == nil && info.IsDir() {
			return "", fmt.Errorf("gate: looking into the base's directory %s: %w", prefix, err)
		}
		return "the base has no directory " + prefix, nil
	}
	if !slices.ContainsFunc(entries, func(e os.DirEntry) bool { return strings.HasSuffix(e.Name(), "_test.go") }) {
		return "the base has no tests in " + prefix, nil
	}
	return "", nil
}

// lacksModule says that the base's package is in no module of the base. env is what go says in its directory.
func lacksModule(env map[string]string, tree string) (string, error) {
	if env["GO111MODULE"] == "off" {
		return "", errors.New("gate: without modules (GO111MODULE=off) a revision in another directory is another package: nothing can " +
			"be compared")
	}
	if rel, err := filepath.Rel(tree, env["GOMOD"]); err != nil || !filepath.IsLocal(rel) {
		return "the base has no go.mod for the package", nil
	}
	return "", nil
}

// listPatience bounds what a test binary takes to list its tests: its packages' init and its TestMain run then.
const listPatience = time.Minute

// hasTest reports whether a test binary has a test: the one at the top level of name. What subtests there are shows when they run.
// Args are the author's own.
func hasTest(ctx context.Context, tools toolbox, binary, dir, name string, args []string) (bool, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, listPatience, fmt.Errorf("it took more than %v", listPatience))
	defer cancel()
	top, _, _ := strings.Cut(name, "/")
	list := append([]string{"-test.list=" + exactly(top)}, args...)
	out, err := tools.run(ctx, dir, binary, list...)
	if _, flag, is := strings.Cut(said(err), "flag provided but not defined: "); is {
		flag, _, _ = strings.Cut(flag, "\n")
		return false, fmt.Errorf("gate: the base's test binary does not know the flag %s, with which this test was run: run it without", flag)
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) || ctx.Err() != nil {
		return false, fmt.Errorf("gate: the base's test binary does not list its tests: its package's init or TestMain fails: %w", err)
	}
	if err != nil {
		return false, fmt.Errorf("gate: the base's test binary cannot be run: %w", err)
	}
	for line := range strings.Lines(out) {
		if strings.TrimSpace(line) == top {
			return true, nil
		}
	}
	return false, nil
}
