// Package readme is tests alone: what README.md shows, works. Each of its blocks of Go and of commands is run, as the table
// of recipes says (recipes_test.go), and each command that it or the map mentions names what exists.
package readme

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/holdfast/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// TestBlocks runs each block of README.md.
func TestBlocks(t *testing.T) {
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("the commands of README.md are bash's, which is not installed")
	}
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("some commands of README.md compare revisions of a repository of git, which is not installed")
	}
	blocks := blocksOf(readFile(t, "../../README.md"))
	matched, problems := matchesOf(blocks, recipes)
	require.Empty(t, problems, strings.Join(problems, "\n"))

	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(server.Close)
	w := newWorkshop(t, server.URL)
	for _, m := range matched {
		w.prepare(t, m)
	}
	for _, m := range matched {
		t.Run(m.has, func(t *testing.T) {
			t.Parallel()
			switch {
			case m.kind == golang:
				w.goTest(t, m)
			case m.ci:
				requireInCI(t, m.block)
			default:
				w.bash(t, m)
			}
		})
	}
}

// A match is a block that is to be run, and how.
type match struct {
	block
	recipe
}

// matchesOf gives each block that is to be run its recipe.
func matchesOf(blocks []block, recipes []recipe) (all []match, problems []string) {
	found := make([]int, len(recipes))
	for _, b := range blocks {
		if why := b.refused(); why != "" {
			problems = append(problems, fmt.Sprintf("README.md:%d: %s", b.line, why))
			continue
		}
		var fit []recipe
		for i, r := range recipes {
			if b.kind != output && strings.Contains(b.text, r.has) {
				fit = append(fit, r)
				found[i]++
			}
		}
		switch {
		case b.kind == output:
		case len(fit) == 1:
			all = append(all, match{b, fit[0]})
		default:
			problems = append(problems, fmt.Sprintf("README.md:%d: %d recipes are for this block, want 1: see recipes_test.go\n%s", b.line,
				len(fit), b.text))
		}
	}
	for i, n := range found {
		if n != 1 {
			problems = append(problems, fmt.Sprintf("%d blocks of README.md have %q, want 1", n, recipes[i].has))
		}
	}
	return all, problems
}

func TestMatches(t *testing.T) {
	one, two := block{line: 1, kind: shell, text: "one"}, block{line: 2, kind: golang, text: "two"}
	for _, of := range []struct {
		name     string
		blocks   []block
		recipes  []recipe
		problems int
	}{
		{"each has one", []block{one, two, {kind: output, text: "one"}}, []recipe{{has: "one"}, {has: "two"}}, 0},
		{"a block without", []block{one, two}, []recipe{{has: "one"}}, 1},
		{"a recipe without", []block{one}, []recipe{{has: "one"}, {has: "two"}}, 1},
		{"a block with two", []block{one}, []recipe{{has: "one"}, {has: "on"}}, 1},
		{"a recipe with two", []block{one, two}, []recipe{{has: "o"}}, 1},
		{"a block of no kind", []block{{kind: indented, text: "one"}}, nil, 1},
	} {
		_, problems := matchesOf(of.blocks, of.recipes)
		require.Len(t, problems, of.problems, "%s: %q", of.name, problems)
	}
}

// swapped returns the text of the block with its recipe's replacements.
func (m match) swapped() (string, error) {
	text := m.text
	if len(m.swap)%2 != 0 {
		return "", fmt.Errorf("the recipe of %q has half a pair in swap", m.has)
	}
	for pair := range slices.Chunk(m.swap, 2) {
		if !strings.Contains(text, pair[0]) {
			return "", fmt.Errorf("README.md:%d: the block has no %q, which its recipe replaces:\n%s", m.line, pair[0], text)
		}
		text = strings.ReplaceAll(text, pair[0], pair[1])
	}
	return text, nil
}

func TestSwapped(t *testing.T) {
	b := block{kind: shell, text: "go test -conns=10000 -count=10\n"}
	got, err := match{b, recipe{swap: []string{"-conns=10000", "-conns=20", "-count=10", "-count=1"}}}.swapped()
	require.NoError(t, err)
	require.Equal(t, "go test -conns=20 -count=1\n", got)
	for _, r := range []recipe{{swap: []string{"-keepalive=60s", ""}}, {swap: []string{"-count=10"}}} {
		_, err := match{b, r}.swapped()
		require.Error(t, err, "%q", r.swap)
	}
}

// ciCommand is how .ci/run runs a command of README.md.
var ciCommand = regexp.MustCompile(`(?m)^step .* readme ('([^']*)'|"((?:[^"\\]|\\.)*)")$`)

// requireInCI looks for each command in .ci/run, which looks for it here.
func requireInCI(t *testing.T, b block) {
	t.Helper()
	var run []string
	for _, m := range ciCommand.FindAllStringSubmatch(readFile(t, filepath.Join("..", "..", ".ci", "run")), -1) {
		run = append(run, m[2]+strings.ReplaceAll(m[3], `\`, ""))
	}
	for line := range strings.Lines(b.text) {
		command, _, _ := strings.Cut(line, "#")
		if command = strings.TrimSpace(command); command != "" {
			require.Contains(t, run, command, "the commands of README.md that .ci/run runs")
		}
	}
}
