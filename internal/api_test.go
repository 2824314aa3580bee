package internal

import (
	"go/ast"
	"go/token"
	"go/types"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"example.com/holdfast/internal/golden"
)

// TestPublicFace holds the exported names of loadtest and gate against files in testdata, so that a change of what
// users may write is a decision that a reviewer sees, and not a by-product.
func TestPublicFace(t *testing.T) {
	sources, err := sourcesOf(os.DirFS(".."))
	require.NoError(t, err)
	for dir, name := range publicFace {
		var lines []string
		for _, s := range sources {
			if s.dir == dir && !s.test {
				lines = append(lines, exported(s.file)...)
			}
		}
		slices.Sort(lines)
		golden.Want(t, name, strings.Join(lines, "\n")+"\n")
	}
}

// publicFace are the packages that users import, and the golden files of their names.
var publicFace = map[string]string{"loadtest": "api", "loadtest/gate": "gate"}

// exported returns a line for each exported declaration of a file, and for each exported field and method.
func exported(f *ast.File) (lines []string) {
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			lines = append(lines, exportedFunc(d)...)
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch spec := spec.(type) {
				case *ast.TypeSpec:
					lines = append(lines, exportedType(spec)...)
				case *ast.ValueSpec:
					lines = append(lines, exportedValues(d.Tok, spec)...)
				}
			}
		}
	}
	return lines
}

func exportedFunc(d *ast.FuncDecl) []string {
	signature := strings.TrimPrefix(types.ExprString(d.Type), "func")
	switch {
	case !d.Name.IsExported():
		return nil
	case d.Recv == nil:
		return []string{"func " + d.Name.Name + signature}
	}
	receiver := types.ExprString(d.Recv.List[0].Type)
	if !ast.IsExported(strings.TrimPrefix(receiver, "*")) {
		return nil
	}
	return []string{"method (" + receiver + ") " + d.Name.Name + signature}
}

func exportedType(spec *ast.TypeSpec) (lines []string) {
	name := "type " + spec.Name.Name
	if !spec.Name.IsExported() {
		return nil
	}
	switch t := spec.Type.(type) {
	case *ast.StructType:
		return append([]string{name + " struct"}, members(name, t.Fields)...)
	case *ast.InterfaceType:
		return append([]string{name + " interface"}, members(name, t.Methods)...)
	}
	if spec.Assign.IsValid() {
		name += " ="
	}
	return []string{name + " " + types.ExprString(spec.Type)}
}

func members(of string, list *ast.FieldList) (lines []string) {
	for _, field := range list.List {
		typ := types.ExprString(field.Type)
		if len(field.Names) == 0 {
			embedded := typ[strings.LastIndexAny(typ, "*.")+1:]
			if ast.IsExported(embedded) {
				lines = append(lines, of+", embeds "+typ)
			}
		}
		for _, name := range field.Names {
			if name.IsExported() {
				lines = append(lines, of+", "+name.Name+" "+typ)
			}
		}
	}
	return lines
}

func exportedValues(tok token.Token, spec *ast.ValueSpec) (lines []string) {
	for i, name := range spec.Names {
		if !name.IsExported() {
			continue
		}
		line := tok.String() + " " + name.Name
		if spec.Type != nil {
			line += " " + types.ExprString(spec.Type)
		}
		if tok == token.CONST && i < len(spec.Values) {
			line += " = " + types.ExprString(spec.Values[i])
		}
		lines = append(lines, line)
	}
	return lines
}

// TestExported shows what of a file belongs to the face.
func TestExported(t *testing.T) {
	s, err := parse("loadtest/a.go", []byte(`package loadtest
type T struct {
	A, B int
	hidden string
	*Embedded
	unseen
}
type unseen struct{ A int }
type I interface { Do(n int) error; private() }
type F func(int) error
type Alias = T
func (*T) Method(n int) (err error) { return nil }
func (T) hiddenMethod() {}
func (unseen) Exported() {}
func New(names ...string) *T { return nil }
func helper() {}
const Kind, other = "kind", 1
var Default T
`))
	require.NoError(t, err)
	want := []string{
		"type T struct", "type T, A int", "type T, B int", "type T, embeds *Embedded",
		"type I interface", "type I, Do func(n int) error",
		"type F func(int) error",
		"type Alias = T",
		"method (*T) Method(n int) (err error)",
		"func New(names ...string) *T",
		`const Kind = "kind"`,
		"var Default T",
	}
	require.Empty(t, cmp.Diff(want, exported(s.file)))
}
