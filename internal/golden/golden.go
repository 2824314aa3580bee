// Package golden holds what is written for people against files in testdata. Tests use it, and nothing else.
package golden

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Want compares got with testdata/name.golden. On a difference it leaves testdata/name.got to look at; with
// HOLDFAST_UPDATE set it writes the golden file instead.
func Want(t *testing.T, name, got string) {
	t.Helper()
	golden := filepath.Join("testdata", name+".golden")
	if os.Getenv("HOLDFAST_UPDATE") != "" {
		write(t, golden, got)
		return
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		left := filepath.Join("testdata", name+".got")
		write(t, left, got)
		t.Errorf("%s differs from %s (-want +got):\n%s\nif %s is right, run again with HOLDFAST_UPDATE=1", name, golden, diff,
			left)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
