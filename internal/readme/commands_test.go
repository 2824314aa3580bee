package readme

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestCommandsNameWhatExists looks at each go test that the running text of README.md and of the map mentions: its package
// exists, as do the functions that it is to run, and the flags behind -args. To run them all would take hours.
func TestCommandsNameWhatExists(t *testing.T) {
	for path, least := range map[string]int{"../../README.md": 4, "../README.md": 12} {
		commands := commandsOf(readFile(t, path))
		require.GreaterOrEqual(t, len(commands), least, "commands in %s", path)
		for _, c := range commands {
			if problem := newCommand(c).problem("../.."); problem != "" {
				t.Errorf("%s says `%s`: %s", path, c, problem)
			}
		}
	}
}

var (
	fenced = regexp.MustCompile("(?ms)^```.*?^```$")
	inline = regexp.MustCompile("`((?:[A-Z_]+=\\S* )*go test\\s[^`]*)`")
)

// commandsOf returns the commands between backquotes, which may go on on the next line. Blocks are not running text.
func commandsOf(markdown string) (all []string) {
	for _, m := range inline.FindAllStringSubmatch(fenced.ReplaceAllString(markdown, ""), -1) {
		all = append(all, strings.Join(strings.Fields(m[1]), " "))
	}
	return all
}

// A command is what a go test names.
type command struct {
	packages []string
	patterns map[string]string // of -run, -bench and -fuzz, by the beginning of the functions' names
	args     []string          // the names of flags behind -args
}

var kinds = map[string]string{"run": "Test", "bench": "Benchmark", "fuzz": "Fuzz"}

// newCommand takes a command apart; of a word's quotes nothing is needed.
func newCommand(text string) (c command) {
	c.patterns = map[string]string{}
	_, text, _ = strings.Cut(strings.ReplaceAll(text, "'", ""), "go test ")
	words, args, _ := strings.Cut(text, "-args")
	for _, word := range strings.Fields(words) {
		name, value, _ := strings.Cut(strings.TrimLeft(word, "-"), "=")
		switch {
		case !strings.HasPrefix(word, "-"):
			c.packages = append(c.packages, word)
		case kinds[name] != "" && value != "^$":
			c.patterns[kinds[name]] = value
		}
	}
	for _, word := range strings.Fields(args) {
		name, _, _ := strings.Cut(strings.TrimLeft(word, "-"), "=")
		c.args = append(c.args, name)
	}
	if len(c.packages) == 0 {
		c.packages = []string{"."}
	}
	return c
}

// problem says what c names and the module below root does not have; "": nothing.
func (c command) problem(root string) string {
	var functions, flags []string
	for _, p := range c.packages {
		if p == "./..." {
			continue
		}
		inIt, ofIt, err := declared(filepath.Join(root, p))
		if err != nil || len(inIt) == 0 {
			return fmt.Sprintf("there is no package with tests in %s", p)
		}
		functions, flags = append(functions, inIt...), append(flags, ofIt...)
	}
	for kind, pattern := range c.patterns {
		first, _, _ := strings.Cut(pattern, "/") // what follows names a part of one of them
		re, err := regexp.Compile(first)
		if err != nil {
			return err.Error()
		}
		if !slices.ContainsFunc(functions, func(f string) bool { return strings.HasPrefix(f, kind) && re.MatchString(f) }) {
			return fmt.Sprintf("%s has no %s function that matches %s", c.packages, kind, first)
		}
	}
	for _, name := range c.args {
		if !slices.Contains(flags, name) {
			return fmt.Sprintf("%s have no flag %s", c.packages, name)
		}
	}
	return ""
}

// declared returns the functions of the test files in a directory, and the flags that these declare.
func declared(dir string) (functions, flags []string, err error) {
	names, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		return nil, nil, err
	}
	for _, name := range names {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, nil, err
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				functions = append(functions, n.Name.Name)
			case *ast.CallExpr:
				flags = append(flags, flagOf(n)...)
			}
			return true
		})
	}
	return functions, flags, nil
}

// flagOf returns the name in a call such as flag.Int("conns", …).
func flagOf(call *ast.CallExpr) []string {
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || len(call.Args) != 3 {
		return nil
	}
	of, isName := sel.X.(*ast.Ident)
	name, isText := call.Args[0].(*ast.BasicLit)
	if !isName || of.Name != "flag" || !isText || name.Kind != token.STRING {
		return nil
	}
	text, err := strconv.Unquote(name.Value)
	if err != nil {
		panic(err) // the parser has accepted it
	}
	return []string{text}
}

// TestCommandProblem shows what of a command is looked at.
func TestCommandProblem(t *testing.T) {
	root := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(root, "shop"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(root, "shop", "a_test.go"), []byte(`package shop
var n = flag.Int("conns", 1, "how many")
func TestHolds(t *testing.T) {}
func BenchmarkHold(b *testing.B) {}
`), 0o644))
	require.Equal(t, []string{"go test ./...", "A=1 go test -v ./shop"},
		commandsOf("With `go test ./...` and `A=1 go test\n-v ./shop`, `go vet`.\n```sh\n`go test .`\n```\n"))
	for text, want := range map[string]string{
		"go test ./...":                    "",
		"HOLDFAST_UPDATE=1 go test ./shop": "",
		"go test -run='^$' -bench=Hold/conns=10 ./shop -args -conns=3": "",
		"go test ./store":                    "there is no package with tests in ./store",
		"go test -run=TestLost ./shop":       "[./shop] has no Test function that matches TestLost",
		"go test -bench=Holds ./shop":        "[./shop] has no Benchmark function that matches Holds",
		"go test ./shop -args -keepalive=1s": "[./shop] have no flag keepalive",
	} {
		require.Equal(t, want, newCommand(text).problem(root), text)
	}
}
