package internal

import (
	"bytes"
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// A source is one Go file, whatever platform it is built for.
type source struct {
	path string // from the root of the module, with slashes
	dir  string // "." is the root
	test bool
	text []byte
	fset *token.FileSet
	file *ast.File
}

func parse(name string, text []byte) (*source, error) {
	s := &source{path: name, dir: path.Dir(name), text: text, fset: token.NewFileSet()}
	s.test = strings.HasSuffix(name, "_test.go")
	var err error
	s.file, err = parser.ParseFile(s.fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
	return s, err
}

// sourcesOf parses all Go files below root that belong to the module.
func sourcesOf(root fs.FS) ([]*source, error) {
	var all []*source
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		switch hidden := len(name) > 1 && strings.HasPrefix(d.Name(), "."); {
		case err != nil:
			return err
		case d.IsDir() && (hidden || d.Name() == "testdata"):
			return fs.SkipDir
		case d.IsDir() || path.Ext(name) != ".go":
			return nil
		}
		text, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		s, err := parse(name, text)
		all = append(all, s)
		return err
	})
	return all, err
}

// at says what was found where.
func (s *source) at(pos token.Pos, format string, args ...any) string {
	return fmt.Sprintf("%s:%d: ", s.path, s.line(pos)) + fmt.Sprintf(format, args...)
}

func (s *source) line(pos token.Pos) int { return s.fset.Position(pos).Line }

func (s *source) lines() int { return bytes.Count(s.text, []byte("\n")) }

func importPath(spec *ast.ImportSpec) string {
	p, err := strconv.Unquote(spec.Path.Value)
	if err != nil {
		panic(err) // the parser has accepted it
	}
	return p
}

// localName returns what package p is called in s; "" if s does not import it.
func (s *source) localName(p string) string {
	for _, spec := range s.file.Imports {
		if importPath(spec) != p {
			continue
		}
		if spec.Name != nil {
			return spec.Name.Name
		}
		return path.Base(p)
	}
	return ""
}

// selectors calls visit for each p.Name in the tree below n.
func (s *source) selectors(n ast.Node, p string, visit func(sel *ast.SelectorExpr)) {
	local := s.localName(p)
	ast.Inspect(n, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok && local != "" {
			if x, ok := sel.X.(*ast.Ident); ok && x.Name == local {
				visit(sel)
			}
		}
		return true
	})
}

// A where says which files a rule is about.
type where func(*source) bool

// in is about directories, and about files if a pattern ends in .go.
func in(patterns ...string) where {
	return func(s *source) bool {
		return slices.ContainsFunc(patterns, func(p string) bool {
			if path.Ext(p) != ".go" {
				return s.dir == p
			}
			ok, err := path.Match(p, s.path)
			if err != nil {
				panic(err)
			}
			return ok
		})
	}
}

var (
	everything where = func(*source) bool { return true }

	// code is what users link. internal/peers, faulty, golden, leaktest and usermodule have parts that are not in _test.go files,
	// yet only tests use them.
	code where = func(s *source) bool {
		return !s.test && !matches(s.dir, []string{"internal/peers/...", "internal/faulty", "internal/golden",
			"internal/leaktest", "internal/usermodule"})
	}
)

// codeIn is in, tests aside.
func codeIn(patterns ...string) where {
	return func(s *source) bool { return !s.test && in(patterns...)(s) }
}

func (w where) but(patterns ...string) where {
	return func(s *source) bool { return w(s) && !in(patterns...)(s) }
}

// A check returns what breaks a rule.
type check func(all []*source) []string

// each looks at files one by one.
func each(w where, look func(s *source) []string) check {
	return func(all []*source) []string {
		var found []string
		for _, s := range all {
			if w(s) {
				found = append(found, look(s)...)
			}
		}
		return found
	}
}

// noImport refuses packages; a pattern that ends in /... stands for a package and all below it.
func noImport(w where, patterns ...string) check {
	return each(w, func(s *source) (found []string) {
		for _, spec := range s.file.Imports {
			if p := importPath(spec); matches(p, patterns) {
				found = append(found, s.at(spec.Pos(), "imports %s", p))
			}
		}
		return found
	})
}

func matches(p string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		root, tree := strings.CutSuffix(pattern, "/...")
		return p == root || tree && strings.HasPrefix(p, root+"/")
	})
}

// noUse refuses names of package p.
func noUse(w where, p string, names ...string) check {
	return each(w, func(s *source) []string { return s.uses(p, names) })
}

// uses finds names of package p.
func (s *source) uses(p string, names []string) (found []string) {
	s.selectors(s.file, p, func(sel *ast.SelectorExpr) {
		if slices.Contains(names, sel.Sel.Name) {
			found = append(found, s.at(sel.Pos(), "uses %s.%s", p, sel.Sel.Name))
		}
	})
	return found
}

// byPackage returns the files of each directory, tests aside.
func byPackage(all []*source) [][]*source {
	files := map[string][]*source{}
	for _, s := range all {
		if !s.test {
			files[s.dir] = append(files[s.dir], s)
		}
	}
	var packages [][]*source
	for _, p := range files {
		packages = append(packages, p)
	}
	slices.SortFunc(packages, func(a, b []*source) int { return cmp.Compare(a[0].dir, b[0].dir) })
	return packages
}
