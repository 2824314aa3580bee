package artifact

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFilesOfEachRunHaveNamesOfTheirOwn(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TEST_UNDECLARED_OUTPUTS_DIR", dir)
	names = register{} // whatever ran before, by -count too
	for _, of := range []struct{ kind, want string }{
		{"", "a_b.TestFilesOfEachRunHaveNamesOfTheirOwn"},
		{".more", "a_b.TestFilesOfEachRunHaveNamesOfTheirOwn.more"},
		{"", "a_b.TestFilesOfEachRunHaveNamesOfTheirOwn-2"},
	} {
		p := Of(t, "a/b", of.kind)
		require.True(t, p.Kept())
		where, err := p.Keep(Bytes(".txt", []byte(of.want)))
		require.NoError(t, err)
		require.Equal(t, filepath.Join(dir, of.want+".*"), where)
		text, err := os.ReadFile(filepath.Join(dir, of.want+".txt"))
		require.NoError(t, err)
		require.Equal(t, of.want, string(text))
	}
}

func TestWhatCannotBeWritten(t *testing.T) {
	broken := errors.New("no figures")
	fails := File{".txt", func(io.Writer) error { return broken }}
	dir := t.TempDir()
	_, err := Place{dir, "a"}.Keep(fails, Bytes(".json", []byte("{}")))
	require.ErrorIs(t, err, broken)
	require.FileExists(t, filepath.Join(dir, "a.json"), "the others are written")
	require.ErrorContains(t, err, filepath.Join(dir, "a.txt")+": ")
	_, err = Place{filepath.Join(dir, "missing"), "a"}.Keep(Bytes(".txt", nil))
	require.ErrorIs(t, err, os.ErrNotExist)
	where, err := Place{}.Keep(fails)
	require.NoError(t, err, "none are kept")
	require.Empty(t, where)
}

func TestFileNames(t *testing.T) {
	require.Equal(t, "example.com_a.TestX_a_b_0_1", fileName("example.com/a.TestX/a b:0/1"))
	long := strings.Repeat("a", 200)
	require.Len(t, fileName(long), 159)
	require.NotEqual(t, fileName(long), fileName(long+"b"), "they differ by what is cut off")
}
