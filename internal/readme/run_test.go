package readme

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/holdfast/internal/usermodule"
)

// A workshop is where blocks are run: a module that uses this one as its users do, with a package for each block of Go.
type workshop struct {
	root, scratch, tmp string
	url, address       string
	packages           map[string]string // the directory of each block of Go, by its text
}

func newWorkshop(t *testing.T, url string) *workshop {
	t.Helper()
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	w := &workshop{root: root, scratch: t.TempDir(), tmp: t.TempDir(), url: url, address: freeAddress(t), packages: map[string]string{}}
	usermodule.Write(t, root, w.scratch, "example.org/shop")
	return w
}

// freeAddress is one that nobody listens on: it was free a moment ago.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

// command is a command as a user's, who has no network. What loads this machine takes turns with the other blocks alone: it
// is too little to disturb anybody, and need not wait for those who do.
func (w *workshop) command(t *testing.T, dir, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	cmd.Env = usermodule.Env(dir, "REPOSITORY="+w.root, "SCRATCH="+w.scratch, "URL="+w.url, "ADDRESS="+w.address, "TMPDIR="+w.tmp,
		"HOLDFAST_BASE=")
	return cmd
}

// prepare makes the package of a block of Go.
func (w *workshop) prepare(t *testing.T, m match) {
	t.Helper()
	if m.kind != golang {
		return
	}
	text, err := m.swapped()
	require.NoError(t, err)
	if m.wrap != "" {
		text = strings.Replace(m.wrap, "FRAGMENT", strings.TrimSpace(text), 1)
	}
	text, err = completed(strings.ReplaceAll(text, "$ADDRESS", w.address))
	require.NoError(t, err, "README.md:%d", m.line)
	dir := filepath.Join(w.scratch, fmt.Sprintf("line%d", m.line))
	require.NoError(t, os.Mkdir(dir, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "shop_test.go"), []byte(text), 0o644))
	w.packages[m.text] = dir
}

// completed makes a file of declarations: with a package clause, what they use of standIns, and the imports of both.
func completed(text string) (string, error) {
	if strings.HasPrefix(text, "package ") {
		return text, nil
	}
	own, err := used(text, standIns)
	if err != nil {
		return "", err
	}
	for _, declaration := range own {
		text += "\n" + declaration + "\n"
	}
	imports, err := used(text, packages)
	if err != nil {
		return "", err
	}
	clause := "package shop\n\n"
	for _, p := range imports {
		clause += fmt.Sprintf("import %q\n", p)
	}
	return clause + "\n" + text, nil
}

// used returns what known has of the names that declarations use and do not declare, sorted.
func used(declarations string, known map[string]string) (all []string, err error) {
	f, err := parser.ParseFile(token.NewFileSet(), "shop_test.go", "package shop\n"+declarations, 0)
	if err != nil {
		return nil, fmt.Errorf("%w:\n%s", err, declarations)
	}
	for _, id := range f.Unresolved {
		if what := known[id.Name]; what != "" {
			all = append(all, what)
		}
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// goTest runs the tests and benchmarks of a block.
func (w *workshop) goTest(t *testing.T, m match) {
	dir := w.packages[m.text]
	if m.before != "" {
		out, err := w.command(t, dir, "bash", "-c", "set -euo pipefail\n"+m.before).CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	cmd := w.command(t, dir, "go", "test", "-count=1", "-v", "-bench=.", "-benchtime=1x", "-timeout=2m", ".")
	out, err := cmd.CombinedOutput()
	require.NotContains(t, string(out), "cannot be told", "a budget that no run decides")
	if m.fails != "" {
		require.Error(t, err, "%s", out)
		require.Contains(t, string(out), m.fails)
		return
	}
	require.NoError(t, err, "%s", out)
	source := readFile(t, filepath.Join(dir, "shop_test.go"))
	results := resultsOf(t, source)
	require.NotEmpty(t, results, "no test or benchmark in\n%s", source)
	for _, want := range results {
		require.Regexp(t, want, string(out))
	}
}

// resultsOf returns what a run prints of each test and benchmark in a file.
func resultsOf(t *testing.T, source string) (patterns []string) {
	f, err := parser.ParseFile(token.NewFileSet(), "shop_test.go", source, parser.SkipObjectResolution)
	require.NoError(t, err)
	for _, d := range f.Decls {
		fn, ok := d.(*ast.FuncDecl)
		switch {
		case !ok || fn.Recv != nil || fn.Name.Name == "TestMain":
		case strings.HasPrefix(fn.Name.Name, "Test"), strings.HasPrefix(fn.Name.Name, "Example"):
			patterns = append(patterns, `(?m)^--- PASS: `+fn.Name.Name+` |^ +\S+: loadtest: invalid: this run proves nothing`)
		case strings.HasPrefix(fn.Name.Name, "Benchmark"):
			patterns = append(patterns, `(?m)^`+fn.Name.Name+`\S*\s+1\s.* conns/s`)
		}
	}
	return patterns
}

// bash runs the commands of a block, or parses them.
func (w *workshop) bash(t *testing.T, m match) {
	text, err := m.swapped()
	require.NoError(t, err)
	if m.kind == pipeline {
		text, err = scriptOf(text)
		require.NoError(t, err, "README.md:%d", m.line)
	}
	dir := t.TempDir()
	if m.at == repository {
		dir = w.root
	} else if m.at != "" {
		dir = w.packageOf(t, m.at)
	}
	script := filepath.Join(t.TempDir(), "block.sh")
	text = "set -euo pipefail\n" + m.before + "\n" + text
	require.NoError(t, os.WriteFile(script, []byte(text), 0o644))
	args := []string{script}
	if m.parsed != "" {
		args = []string{"-n", script}
	}
	out, err := w.command(t, dir, "bash", args...).CombinedOutput()
	require.NoError(t, err, "%s\n%s", text, out)
	if m.parsed == "" {
		require.NotEmpty(t, m.says, "the recipe of %q does not say what its commands print", m.has)
		require.Regexp(t, regexp.MustCompile(m.says), string(out))
	}
}

// packageOf returns the directory of the block of Go that has a piece of text.
func (w *workshop) packageOf(t *testing.T, has string) (dir string) {
	t.Helper()
	for text, of := range w.packages {
		if strings.Contains(text, has) {
			dir = cmp.Or(dir, of)
		}
	}
	require.NotEmpty(t, dir, "no block of Go has %q", has)
	return dir
}

func TestCompleted(t *testing.T) {
	got, err := completed("func TestIt(t *testing.T) { loadtest.NewServer(t, shop()) }\n")
	require.NoError(t, err)
	want := "package shop\n\nimport \"example.com/holdfast/loadtest\"\nimport \"net/http\"\nimport \"testing\"\n\n" +
		"func TestIt(t *testing.T) { loadtest.NewServer(t, shop()) }\n\n" + standIns["shop"] + "\n"
	require.Equal(t, want, got)
	for text, want := range map[string]string{
		"func shop() int { return 1 }":   "package shop\n\n\nfunc shop() int { return 1 }",
		"package main\n\nfunc main() {}": "package main\n\nfunc main() {}",
	} {
		got, err = completed(text)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	_, err = completed("v := 1")
	require.Error(t, err)
}
