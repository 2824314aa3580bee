package gate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
)

// A recipe is how a test binary is built: as this process's own was, as far as that is known.
type recipe struct {
	flags []string // of go test -c
	env   []string
}

// recipeOf reads it from what the linker has noted in this process's binary. Not noted are -mod, -modfile, -overlay and -toolexec,
// and -ldflags beside -trimpath: who builds with those has them in GOFLAGS. Coverage is left out: what is measured is the code as
// it is shipped.
func recipeOf(settings []debug.BuildSetting) recipe {
	r := recipe{flags: []string{"-trimpath", "-buildvcs=false", "-cover=false"}}
	for _, s := range settings {
		standard := map[string]string{"-buildmode": "exe", "-compiler": "gc"}[s.Key]
		switch {
		case slices.Contains([]string{"-tags", "-race", "-msan", "-asan", "-gcflags", "-ldflags", "-asmflags", "-buildmode",
			"-compiler"}, s.Key):
			if s.Value != standard {
				r.flags = append(r.flags, s.Key+"="+s.Value)
			}
		case s.Key == "-pgo" && filepath.Base(s.Value) != "default.pgo": // that is found again, in each revision its own
			r.flags = append(r.flags, s.Key+"="+s.Value)
		case strings.HasPrefix(s.Key, "GO") || strings.HasPrefix(s.Key, "CGO_"):
			if s.Value != "" {
				r.env = append(r.env, s.Key+"="+s.Value)
			}
		}
	}
	return r
}

// goEnv is what go says of itself in a directory. Its toolchain is the one there is: another would be another comparison.
func goEnv(ctx context.Context, tools toolbox, dir string) (map[string]string, error) {
	out, err := tools.goTool(ctx, dir, "env", "-json")
	if errors.Is(err, exec.ErrNotFound) {
		return nil, errors.New("gate: the base is built by go, which is not installed, or not in PATH")
	}
	if err != nil {
		return nil, fmt.Errorf("gate: asking go how it builds here: %w", err)
	}
	var env map[string]string
	if err := json.Unmarshal([]byte(out), &env); err != nil {
		return nil, fmt.Errorf("gate: go env -json in %s: %w", dir, err)
	}
	return env, nil
}

var writesModule = regexp.MustCompile(`(^|\s)(--?mod)=mod(\s|$)`)

// readonly returns GOFLAGS without leave to write go.mod and go.sum: in head's directory they are the author's. The go test that
// runs this one had leave, and has written what is needed.
func readonly(goflags string) string {
	return writesModule.ReplaceAllString(goflags, "$1$2=readonly$3")
}

// sameToolchain refuses a go that did not build this process: the base would be compared with a head of another compiler.
func sameToolchain(env map[string]string, version string) error {
	number := func(s string) string {
		before, _, _ := strings.Cut(s, " X:") // experiments come after
		return before
	}
	if number(env["GOVERSION"]) == number(version) {
		return nil
	}
	return fmt.Errorf("gate: this test binary was built by %s, and the go in PATH is %s: run the test by go test, or put that go "+
		"first in PATH", version, env["GOVERSION"])
}

// samePackage refuses a directory that is not the one of the package: a compiled test binary can be run anywhere.
func samePackage(ctx context.Context, tools toolbox, where place, flags []string) error {
	args := []string{"list", "-json=false", "-find", "-f", "{{.ImportPath}}"} // GOFLAGS may say -json
	for _, f := range flags {
		if strings.HasPrefix(f, "-tags=") {
			args = append(args, f)
		}
	}
	out, err := tools.goTool(ctx, where.Dir, args...)
	switch found := strings.TrimSpace(out); {
	case err != nil && strings.Contains(said(err), "requires go >="):
		return tooOld(err)
	case err != nil:
		return fmt.Errorf("gate: the test binary has to run in its package's directory, as go test runs it: %w", err)
	case found != where.Package:
		return fmt.Errorf("gate: this is the test binary of %s, and it runs in the directory of %s: run it by go test, or in its "+
			"package's directory", where.Package, found)
	}
	return nil
}

func tooOld(err error) error {
	return fmt.Errorf("gate: base and head are built by one toolchain, and the one of this test is too old for one of them: install "+
		"the newer of the two, and run the test with it: %w", err)
}

// compile builds the test binary of the package in dir. It reports false if there is none to build.
func compile(ctx context.Context, tools toolbox, dir, binary string, flags ...string) (built bool, err error) {
	args := append([]string{"test", "-c", "-o", binary}, flags...)
	out, err := tools.goTool(ctx, dir, append(args, ".")...)
	switch {
	case err == nil:
		// No file is written where there is no test: [no test files].
		return fileExists(binary), nil
	case ctx.Err() != nil:
		return false, err
	}
	text := said(err) + out
	for _, nothing := range []string{"no Go files in", "build constraints exclude all Go files in"} {
		// Of this package, not of one that it imports: go has nothing else to say then.
		if strings.Contains(text, nothing+" "+dir) {
			return false, nil
		}
	}
	return false, err
}

// baseFailed says that a base does not build, and what that may come of.
func (r *repository) baseFailed(ctx context.Context, base revision, h *home, w workspace, outside []string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("gate: building the base %s (%s): %w", base.Name, short(base.Commit), err)
	}
	text := said(err)
	var hints []string
	hint := func(format string, args ...any) { hints = append(hints, fmt.Sprintf(format, args...)) }
	if strings.Contains(text, "requires go >=") {
		hint("base and head are built by one toolchain, and the one of this test is too old for the base")
	}
	if fileExists(filepath.Join(h.tree(), ".gitmodules")) {
		hint("the base has submodules, and they are not checked out for it")
	}
	if out, err := r.git(ctx, h.tree(), "config", "--bool", "core.sparseCheckout"); err == nil && strings.TrimSpace(out) == "true" {
		hint("the work tree is sparse (git sparse-checkout), and so is the base's")
	}
	if ignored := r.ignored(ctx); len(ignored) > 0 {
		hint("git ignores %s of the work tree, which the base is without", someOf(ignored, "Go file"))
	}
	if len(outside) > 0 {
		hint("the base takes modules from %s, outside the repository", someOf(outside, "directory"))
	}
	if w.outside {
		hint("it is built in the workspace %s, with the other modules as they are now", w.key)
	}
	told := fmt.Sprintf("gate: the base %s (%s %s) does not build, so that there is nothing to compare with: name one that does (%s). %v",
		base.Name, short(base.Commit), base.Title, baseVariable, err)
	for _, h := range hints {
		told += "\nnote: " + h
	}
	return errors.New(told)
}
