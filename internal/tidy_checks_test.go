package internal

import (
	"go/ast"
	"go/token"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

const module = "example.com/holdfast"

// arrows says which packages of the module a package imports: in its code, and in its tests besides.
var arrows = map[string]struct{ code, tests []string }{
	".": {tests: []string{"loadtest", "loadtest/gate", "internal/leaktest", "internal/faulty", "internal/peers",
		"internal/peers/standalone"}},

	// engine carries out the plan; http1 makes the request's bytes while a Config can still be refused; netpoll counts
	// what the process and the kernel have and used; memnet is the fixture's network "memory".
	"loadtest": {
		code: []string{"internal/engine", "internal/http1", "internal/netpoll", "internal/memnet", "internal/dialer",
			"internal/generator", "internal/handover", "internal/artifact", "internal/lines", "internal/rerun"},
		tests: []string{"internal/leaktest", "internal/golden", "internal/faulty", "internal/peers/clientjob"},
	},
	// How loadtest and gate tell a test what they found: files, lines of its log, the command that runs it again.
	"internal/artifact": {tests: []string{"internal/leaktest"}},
	"internal/lines":    {tests: []string{"internal/leaktest"}},
	"internal/rerun":    {tests: []string{"internal/leaktest"}},

	// A gate's generator loads two servers by plans of the engine. What loadtest knows of a Config comes by handover, because
	// its own face is for people.
	"loadtest/gate": {
		code: []string{"loadtest", "internal/handover", "internal/engine", "internal/generator", "internal/netpoll",
			"internal/spawn", "internal/artifact", "internal/lines", "internal/rerun"},
		tests: []string{"internal/leaktest", "internal/golden", "internal/peers", "internal/usermodule"}, // peers finds git
	},
	"internal/handover": {code: []string{"internal/engine", "internal/generator"}},

	"internal/engine": {
		code:  []string{"internal/http1", "internal/netpoll"},
		tests: []string{"internal/memnet", "internal/leaktest", "internal/faulty"},
	},
	// Both open conns for the engine's blocking driver: loadtest in the process of the tests, generator in its children.
	"internal/dialer": {
		code:  []string{"internal/engine", "internal/netpoll"},
		tests: []string{"internal/leaktest", "internal/faulty"},
	},
	"internal/generator": {
		code:  []string{"internal/engine", "internal/netpoll", "internal/dialer", "internal/spawn"},
		tests: []string{"internal/leaktest", "internal/faulty"},
	},
	// generator's children, and the servers that a gate compares.
	"internal/spawn": {code: []string{"internal/netpoll"}, tests: []string{"internal/leaktest"}},
	// The test binary that generator's tests run, and what is initialised before and after a child takes it over.
	"internal/generator/hostile": {
		tests: []string{"loadtest", "internal/generator/hostile/early", "internal/generator/hostile/late"},
	},
	"internal/generator/hostile/early": {},
	"internal/generator/hostile/late":  {},
	"internal/http1":                   {},
	"internal/memnet":                  {tests: []string{"internal/leaktest"}},
	"internal/netpoll":                 {tests: []string{"internal/leaktest"}},
	"internal/leaktest":                {},
	"internal/golden":                  {},

	// The server that misbehaves for the tests of others: its malformed responses are held against the rules of http1.
	"internal/faulty": {tests: []string{"internal/leaktest", "internal/memnet", "internal/http1"}},

	// netpoll reads what other processes use, here as there.
	"internal/peers": {
		code:  []string{"internal/netpoll"},
		tests: []string{"loadtest", "internal/leaktest", "internal/peers/clientjob"},
	},

	// The report's page in a real browser, which peers finds like the other programs that tests run.
	"internal/browser": {tests: []string{"loadtest", "internal/leaktest", "internal/peers"}},

	// What peers measures as a server author's test binary, and how that is told what to do.
	"internal/peers/clientjob": {},

	// What the root package's benchmarks print, and the tests of its compiled form.
	"internal/peers/standalone": {code: []string{"loadtest"}},
	"internal/peers/author":     {tests: []string{"loadtest", "internal/peers/clientjob"}},

	// What README.md shows is run as its readers do: by go test and bash, in a module of theirs.
	"internal/readme": {tests: []string{"internal/leaktest", "internal/usermodule"}},

	// The module of those readers, and of the authors whose gates are tested.
	"internal/usermodule": {},

	"internal": {tests: []string{"internal/golden"}},
}

func followArrows(all []*source) (found []string) {
	for _, s := range all {
		to, known := arrows[s.dir]
		if !known {
			found = append(found, s.at(s.file.Package, "%s has no row in arrows", s.dir))
			continue
		}
		for _, spec := range s.file.Imports {
			p, own := strings.CutPrefix(importPath(spec), module+"/")
			ofTest := s.test && (p == s.dir || slices.Contains(to.tests, p))
			if own && !ofTest && !slices.Contains(to.code, p) {
				found = append(found, s.at(spec.Pos(), "%s imports %s", s.dir, p))
			}
		}
	}
	return found
}

func topIsBare(s *source) []string {
	if s.dir == "." && s.path != "loadtest_test.go" && s.path != "example_test.go" {
		return []string{s.at(s.file.Package, "is at the top")}
	}
	return nil
}

// Modules whose packages a file may import, besides the standard library: each costs a user of loadtest lines in go.sum,
// and trust. What tests import, and tools, costs them nothing: standalone's TestUsersDoNotPayForTests. What the gate imports
// besides costs its own users alone.
var (
	codeDepends = []string{"golang.org/x/sys/...", "golang.org/x/net/...", "golang.org/x/text/...",
		"github.com/HdrHistogram/hdrhistogram-go/..."}
	gateDepends = []string{"golang.org/x/perf/benchfmt", "golang.org/x/perf/benchmath", "golang.org/x/perf/benchunit"}
	testsDepend = []string{"github.com/stretchr/testify/require", "github.com/google/go-cmp/...",
		"golang.org/x/perf/benchfmt", "golang.org/x/perf/benchunit", "go.yaml.in/yaml/v3"}
)

func dependsOnLittle(s *source) (found []string) {
	for _, spec := range s.file.Imports {
		p := importPath(spec)
		domain, _, _ := strings.Cut(p, "/")
		standard := !strings.Contains(domain, ".")
		if !standard && !matches(p, []string{module + "/..."}) && !matches(p, codeDepends) &&
			!((s.test || !code(s)) && matches(p, testsDepend)) && !(s.dir == "loadtest/gate" && matches(p, gateDepends)) {
			found = append(found, s.at(spec.Pos(), "imports %s", p))
		}
	}
	return found
}

func prints(s *source) (found []string) {
	forbidden := map[string][]string{
		"fmt": {"Print", "Printf", "Println"},
		"os":  {"Stdout", "Stderr"},
	}
	for p, names := range forbidden {
		found = append(found, s.uses(p, names)...)
	}
	ast.Inspect(s.file, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			if fn, ok := call.Fun.(*ast.Ident); ok && (fn.Name == "print" || fn.Name == "println") {
				found = append(found, s.at(fn.Pos(), "calls %s", fn.Name))
			}
		}
		return true
	})
	return found
}

func asksTheProgram(s *source) []string {
	found := noImport(everything, "flag", "os/signal")([]*source{s})
	return append(found, s.uses("os", []string{"Args", "Getenv", "LookupEnv", "Environ", "ExpandEnv"})...)
}

var errno = regexp.MustCompile(`^(Errno|E[A-Z0-9]+)$`)

func syscallForErrnoOnly(s *source) (found []string) {
	s.selectors(s.file, "syscall", func(sel *ast.SelectorExpr) {
		if !errno.MatchString(sel.Sel.Name) {
			found = append(found, s.at(sel.Pos(), "uses syscall.%s", sel.Sel.Name))
		}
	})
	return found
}

// readsClock finds readings of the clock. To start one, clock{time.Now()}, is what each driver does once.
func readsClock(s *source) (found []string) {
	start := map[ast.Node]bool{}
	ast.Inspect(s.file, func(n ast.Node) bool {
		if lit, ok := n.(*ast.CompositeLit); ok && len(lit.Elts) == 1 {
			if name, ok := lit.Type.(*ast.Ident); ok && name.Name == "clock" {
				s.selectors(lit, "time", func(sel *ast.SelectorExpr) { start[sel] = true })
			}
		}
		return true
	})
	s.selectors(s.file, "time", func(sel *ast.SelectorExpr) {
		if slices.Contains([]string{"Now", "Since", "Until"}, sel.Sel.Name) && !start[sel] {
			found = append(found, s.at(sel.Pos(), "reads the clock by time.%s", sel.Sel.Name))
		}
	})
	return found
}

const (
	mostLinesOfFile     = 400
	mostLinesOfFunction = 70
)

func fileFits(s *source) []string {
	if n := s.lines(); n > mostLinesOfFile {
		return []string{s.at(s.file.Package, "has %d lines, more than %d", n, mostLinesOfFile)}
	}
	return nil
}

func functionsFit(s *source) (found []string) {
	for _, d := range s.file.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Body != nil {
			n := s.line(fn.End()) - s.line(fn.Pos()) + 1 - s.linesOfTables(fn)
			if n > mostLinesOfFunction {
				found = append(found, s.at(fn.Pos(), "%s has %d lines, more than %d", fn.Name.Name, n, mostLinesOfFunction))
			}
		}
	}
	return found
}

// linesOfTables counts the lines of a test's tables of cases: they are data.
func (s *source) linesOfTables(fn *ast.FuncDecl) (n int) {
	if !s.test {
		return 0
	}
	for _, stmt := range fn.Body.List {
		ast.Inspect(stmt, func(node ast.Node) bool {
			lit, ok := node.(*ast.CompositeLit)
			if ok {
				n += s.line(lit.End()) - s.line(lit.Pos())
			}
			return !ok
		})
	}
	return n
}

var unfinished = regexp.MustCompile(`\b(TODO|FIXME|XXX|HACK)\b`)

func isFinished(s *source) (found []string) {
	for _, group := range s.file.Comments {
		for _, c := range group.List {
			if word := unfinished.FindString(c.Text); word != "" {
				found = append(found, s.at(c.Pos(), "%s", word))
			}
		}
	}
	return found
}

func importsByName(s *source) (found []string) {
	for _, spec := range s.file.Imports {
		if spec.Name != nil && spec.Name.Name == "." {
			found = append(found, s.at(spec.Pos(), "dot import of %s", importPath(spec)))
		}
	}
	return found
}

// readsAsItLooks finds names that are not ASCII, and characters that are not seen or change the order of others.
// Comments and strings may have any others: ≤, Σ, RFC's §.
func readsAsItLooks(s *source) (found []string) {
	ast.Inspect(s.file, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		if ok && strings.ContainsFunc(id.Name, func(r rune) bool { return r > unicode.MaxASCII }) {
			found = append(found, s.at(id.Pos(), "name %q", id.Name))
		}
		return true
	})
	file := s.fset.File(s.file.Pos())
	for i, r := range string(s.text) {
		if r != '\n' && r != '\t' && r != ' ' && !unicode.IsGraphic(r) || unicode.Is(unicode.Zs, r) && r != ' ' {
			found = append(found, s.at(token.Pos(file.Base()+i), "character %U", r))
		}
	}
	return found
}

func packagesAreDocumented(all []*source) (found []string) {
	for _, files := range byPackage(all) {
		name := files[0].file.Name.Name
		if !slices.ContainsFunc(files, func(s *source) bool {
			return strings.HasPrefix(s.file.Doc.Text(), "Package "+name+" ")
		}) {
			found = append(found, files[0].at(files[0].file.Package, "no comment says what package %s is", name))
		}
	}
	return found
}

func packagesSayWhatTheyDo(s *source) []string {
	vague := []string{"util", "utils", "helper", "helpers", "common", "misc", "shared", "base", "lib", "types"}
	for _, name := range []string{path.Base(s.dir), s.file.Name.Name} {
		if slices.Contains(vague, name) {
			return []string{s.at(s.file.Package, "package %s", name)}
		}
	}
	return nil
}
