package loadtest

import (
	"encoding/json"
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

// artifacts are the files that a test leaves: beside the others of go test -artifacts, or where Bazel keeps what is not
// declared.
type artifacts struct {
	dir  string // "": none are kept
	name string // what their names begin with
}

// artifactsOf says where a test's files go. Without -artifacts the test's ArtifactDir is gone when the test is, and
// writing there a waste.
func artifactsOf(tb testing.TB) artifacts {
	a := artifacts{dir: os.Getenv("TEST_UNDECLARED_OUTPUTS_DIR")}
	if f := flag.Lookup("test.artifacts"); a.dir == "" && f != nil && f.Value.String() == "true" {
		a.dir = tb.ArtifactDir()
	}
	if a.dir != "" {
		a.name = names.unique(fileName(packagePath() + "." + tb.Name()))
	}
	return a
}

// An artifact is one of the files.
type artifact struct {
	suffix string
	write  func(io.Writer) error
}

func bytesOf(b []byte) func(io.Writer) error {
	return func(w io.Writer) error { _, err := w.Write(b); return err }
}

// keep writes the report, and of a test that failed what was seen in it. It returns a line that says where they are.
func (a artifacts) keep(r *Report, s *scene) string {
	if a.dir == "" {
		return ""
	}
	files := []artifact{
		{".html", r.WriteHTML},
		{".json", func(w io.Writer) error { return json.NewEncoder(w).Encode(r) }},
	}
	if s != nil && s.seen {
		files = append(files, artifact{".goroutines.txt", bytesOf(s.goroutines)}, artifact{".heap.pprof", bytesOf(s.heap)},
			artifact{".scene.txt", bytesOf([]byte(s.String()))})
	}
	for _, f := range files {
		if err := writeFile(filepath.Join(a.dir, a.name+f.suffix), f.write); err != nil {
			return fmt.Sprintf("\n  artifacts: not all could be written: %v", err)
		}
	}
	return "\n  artifacts: " + filepath.Join(a.dir, a.name+".*")
}

func writeFile(path string, write func(io.Writer) error) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := write(f); err != nil {
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

// names are those that this process has used: the same test may call Check twice, or run again by -count.
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
