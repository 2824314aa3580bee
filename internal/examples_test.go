package internal

import (
	"fmt"
	"go/ast"
	"go/doc"
	"go/types"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// plumbing are methods that people do not call by their names: fmt, errors, encoding/json and go-cmp do.
var plumbing = []string{"Error", "Unwrap", "String", "MarshalJSON", "UnmarshalJSON", "Equal"}

// TestExamples: whoever looks up a function, a type or a method finds beside it what it is for, in a few lines that run.
// Documentation tools show an example with what it is named after, if it is in a test file of the same directory.
func TestExamples(t *testing.T) {
	sources, err := sourcesOf(os.DirFS(".."))
	require.NoError(t, err)
	for _, problem := range withoutExample(sources) {
		t.Error(problem)
	}
}

// withoutExample returns what is wrong with the examples of the packages that users import.
func withoutExample(all []*source) (found []string) {
	for _, dir := range slices.Sorted(maps.Keys(publicFace)) {
		found = append(found, withoutExampleIn(dir, all)...)
	}
	return found
}

func withoutExampleIn(dir string, all []*source) (found []string) {
	names, shown := map[string]string{}, map[string]bool{}
	for _, s := range all {
		switch {
		case s.dir != dir:
		case !s.test:
			maps.Copy(names, namesToShow(s))
		case strings.HasPrefix(path.Base(s.path), "example"):
			for _, example := range doc.Examples(s.file) {
				shown[shownBy(example.Name)] = true
				if example.Output == "" {
					found = append(found, fmt.Sprintf("%s: Example%s has no // Output:, so that it is compiled and never run", s.path,
						example.Name))
				}
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if !shown[name] {
			found = append(found, fmt.Sprintf("%s: there is no Example%s in %s/example*_test.go", names[name], name, dir))
		}
	}
	return found
}

// namesToShow returns each name that needs an example, as it is written behind Example, with where it is declared.
func namesToShow(s *source) map[string]string {
	names := map[string]string{}
	for _, d := range s.file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if name := nameOfFunc(d); name != "" {
				names[name] = s.at(d.Pos(), "%s", d.Name.Name)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				if spec, ok := spec.(*ast.TypeSpec); ok && spec.Name.IsExported() {
					names[spec.Name.Name] = s.at(spec.Pos(), "%s", spec.Name.Name)
				}
			}
		}
	}
	return names
}

// nameOfFunc returns F or T_Method; "" where no example is needed.
func nameOfFunc(d *ast.FuncDecl) string {
	if d.Recv == nil || !d.Name.IsExported() {
		return exportedOnly(d.Name.Name)
	}
	receiver := strings.TrimPrefix(types.ExprString(d.Recv.List[0].Type), "*")
	if !ast.IsExported(receiver) || slices.Contains(plumbing, d.Name.Name) {
		return ""
	}
	return receiver + "_" + d.Name.Name
}

func exportedOnly(name string) string {
	if ast.IsExported(name) {
		return name
	}
	return ""
}

// shownBy returns what an example is named after: that of several has a suffix, which begins with a small letter.
func shownBy(example string) string {
	name, suffix := example, ""
	if i := strings.LastIndexByte(example, '_'); i >= 0 {
		name, suffix = example[:i], example[i+1:]
	}
	if first, _ := utf8.DecodeRuneInString(suffix); unicode.IsLower(first) {
		return name
	}
	return example
}

// TestWithoutExample shows what is an example, and of what.
func TestWithoutExample(t *testing.T) {
	var all []*source
	for name, text := range map[string]string{
		"loadtest/a.go": `
			type T struct{}; type hidden int
			func F() {}; func f() {}; func Gone() {}
			func (*T) Do() {}; func (T) String() string { return "" }; func (T) do() {}; func (hidden) Do() {}`,
		"loadtest/example_b_test.go":    "func ExampleF_twice() {\n\t// Output: a\n}\nfunc ExampleT() {\n\t// Unordered output: b\n}\nfunc ExampleGone() {}",
		"loadtest/gate/a.go":            "func F() {}\nfunc Check() {}",
		"loadtest/gate/example_test.go": "func ExampleCheck() {\n\t// Output: a\n}",
		"internal/engine/a.go":          "type Elsewhere int",
	} {
		s, err := parse(name, []byte("package p\n"+text))
		require.NoError(t, err)
		all = append(all, s)
	}
	found := strings.Join(withoutExample(all), "\n")
	require.Equal(t, strings.Join([]string{
		"loadtest/example_b_test.go: ExampleGone has no // Output:, so that it is compiled and never run",
		"loadtest/a.go:5: Do: there is no ExampleT_Do in loadtest/example*_test.go",
		"loadtest/gate/a.go:2: F: there is no ExampleF in loadtest/gate/example*_test.go",
	}, "\n"), found)
}
