// Package artifact keeps the files that a test leaves: beside the others of go test -artifacts, or where Bazel keeps what
// is not declared.
package artifact

import (
	"flag"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"testing"
)

// A Place is where the files of one run go. The zero Place keeps none.
type Place struct {
	dir  string
	name string // what their names begin with
}

// Of says where the files of a test of package pkg go: their names begin with both, and kind. Without -artifacts the test's
// ArtifactDir is gone when the test is, and writing there a waste.
func Of(tb testing.TB, pkg, kind string) Place {
	p := Place{dir: os.Getenv("TEST_UNDECLARED_OUTPUTS_DIR")}
	if f := flag.Lookup("test.artifacts"); p.dir == "" && f != nil && f.Value.String() == "true" {
		p.dir = tb.ArtifactDir()
	}
	if p.dir != "" {
		p.name = names.unique(fileName(pkg+"."+tb.Name()) + kind)
	}
	return p
}

// A File is one of the files.
type File struct {
	Suffix string
	Write  func(io.Writer) error
}

// Bytes is a file of what there is already.
func Bytes(suffix string, b []byte) File {
	return File{suffix, func(w io.Writer) error { _, err := w.Write(b); return err }}
}

// Kept says whether files are kept: what nobody keeps need not be made.
func (p Place) Kept() bool { return p.dir != "" }

// Keep writes the files, if any are kept: all that can be, and the first error is returned. It returns where they are, as a
// pattern.
func (p Place) Keep(files ...File) (string, error) {
	if !p.Kept() {
		return "", nil
	}
	var first error
	for _, f := range files {
		if err := write(filepath.Join(p.dir, p.name+f.Suffix), f.Write); first == nil {
			first = err
		}
	}
	return filepath.Join(p.dir, p.name+".*"), first
}

func write(path string, content func(io.Writer) error) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := content(f); err != nil {
		f.Close()
		return fmt.Errorf("%s: %w", path, err)
	}
	return f.Close()
}

var unsafeInNames = regexp.MustCompile(`[^A-Za-z0-9._=+-]+`)

// fileName makes a name that every file system and every archive takes of a package and a test. (The directory of T.ArtifactDir
// has neither of them in its name.)
func fileName(s string) string {
	const most = 150
	name := unsafeInNames.ReplaceAllString(s, "_")
	if len(name) <= most {
		return name
	}
	h := fnv.New32a()
	io.WriteString(h, s)
	return fmt.Sprintf("%s-%08x", name[:most], h.Sum32())
}

// names are those that this process has used: the same test may run twice, by -count too.
var names register

type register struct {
	mu   sync.Mutex
	used map[string]int
}

func (r *register) unique(name string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.used == nil {
		r.used = map[string]int{}
	}
	r.used[name]++
	if n := r.used[name]; n > 1 {
		return fmt.Sprintf("%s-%d", name, n)
	}
	return name
}
