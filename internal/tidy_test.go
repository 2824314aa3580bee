// Package internal is tests alone: they hold the code to the shape that README.md beside them describes.
package internal

import (
	"go/ast"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A rule is one arrow or fence of the house; rules is the table of them.
type rule struct {
	name   string
	why    string // told to whoever breaks it
	check  check
	breaks map[string]string // files by path; each of them alone breaks the rule
}

// TestTidy holds the module to all rules.
func TestTidy(t *testing.T) {
	sources, err := sourcesOf(os.DirFS(".."))
	require.NoError(t, err)
	require.Greater(t, len(sources), 100, "Go files found below the module's root")
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			if found := r.check(sources); len(found) > 0 {
				t.Errorf("%s\nwhy: %s", strings.Join(found, "\n"), r.why)
			}
		})
	}
}

// TestEachRuleCanBreak proves that no rule lets everything through.
func TestEachRuleCanBreak(t *testing.T) {
	for _, r := range rules {
		require.NotEmpty(t, r.breaks, r.name)
		require.NotEmpty(t, r.why, r.name)
		for name, text := range r.breaks {
			if !strings.Contains(text, "package ") {
				text = "// Package p is made up.\npackage p\n" + text
			}
			s, err := parse(name, []byte(text))
			require.NoError(t, err, "%s: %s", r.name, name)
			require.NotEmpty(t, r.check([]*source{s}), "%s: %s is let through:\n%.300s", r.name, name, text)
		}
	}
}

// TestSourcesAreFound makes sure that no file of any platform or test escapes.
func TestSourcesAreFound(t *testing.T) {
	sources, err := sourcesOf(os.DirFS(".."))
	require.NoError(t, err)
	found := map[string]bool{}
	for _, s := range sources {
		found[s.path] = true
	}
	for _, want := range []string{
		"internal/tidy_test.go", "internal/engine/conn.go", "internal/netpoll/usage_windows.go",
		"internal/netpoll/limits_darwin.go", "loadtest/run_linux_test.go",
	} {
		require.True(t, found[want], "%s in %d files", want, len(sources))
	}
}

// TestMapIsCurrent looks for each file and each name of the code that README.md mentions.
func TestMapIsCurrent(t *testing.T) {
	text, err := os.ReadFile("README.md")
	require.NoError(t, err)
	sources, err := sourcesOf(os.DirFS(".."))
	require.NoError(t, err)
	names, files := map[string]bool{}, map[string]bool{}
	for _, s := range sources {
		files[path.Base(s.path)] = true
		names[path.Base(s.dir)] = true
		ast.Inspect(s.file, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok {
				names[id.Name] = true
			}
			return true
		})
	}
	mentioned := func(pattern string) [][]string {
		found := regexp.MustCompile(pattern).FindAllStringSubmatch(string(text), -1)
		require.Greater(t, len(found), 10, "README.md mentions %s", pattern)
		return found
	}
	for _, m := range mentioned(`\b(\w+\.go)\b`) {
		require.True(t, files[m[1]], "README.md sends readers to %s, which does not exist", m[1])
	}
	for _, m := range mentioned("`(?:\\w+\\.)*([a-z]*[A-Z]\\w*|[a-z]+\\d?)`") {
		require.True(t, names[m[1]], "README.md mentions %s, which is no name in the code", m[1])
	}
}
