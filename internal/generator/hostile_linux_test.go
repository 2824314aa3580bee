package generator

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// hostile compiles the test binary of package hostile, and returns its path from the directory of this package.
func hostile(t *testing.T, flags ...string) (relative string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "hostile.test")
	args := append(append([]string{"test", "-c"}, flags...), "-o", path, "./hostile")
	out, err := exec.CommandContext(t.Context(), "go", args...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	wd, err := os.Getwd()
	require.NoError(t, err)
	relative, err = filepath.Rel(wd, path)
	require.NoError(t, err)
	return relative
}

// Children are found whatever the test binary is: with the race detector or coverage in it, started by a relative path and
// gone elsewhere since, with packages that do much before it is theirs.
func TestHostileBinary(t *testing.T) {
	for name, flags := range map[string][]string{
		"plain": nil, "race": {"-race"}, "cover": {"-cover", "-coverpkg=example.com/holdfast/..."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			command := exec.CommandContext(t.Context(), hostile(t, flags...), "-test.run=^TestHolds$", "-test.v", "-test.timeout=1m")
			out, err := command.CombinedOutput()
			require.NoError(t, err, "%s", out)
			require.Contains(t, string(out), "--- PASS: TestHolds")
		})
	}
}

// Nothing outlives the parent, even if that is killed.
func TestParentIsKilled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, hostile(t), "-test.run=^TestUntilKilled$")
	command.Env = append(os.Environ(), "HOSTILE_HOLD=1h")
	stdout, err := command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	lines := bufio.NewScanner(stdout)
	require.True(t, lines.Scan(), "it ended before it held anything")
	require.Equal(t, "holds 20", lines.Text())
	children := childrenOf(t, command.Process.Pid)
	require.Len(t, children, 2)
	require.NoError(t, command.Process.Kill())
	killed := time.Now()
	for len(children) > 0 && time.Since(killed) < 30*time.Second {
		if exists(children[0]) {
			time.Sleep(time.Millisecond)
		} else {
			children = children[1:]
		}
	}
	took := time.Since(killed)
	require.Empty(t, children)
	require.Less(t, took, time.Second)
	t.Logf("the last child ended %v after its parent", took)
	require.Error(t, command.Wait())
}

// childrenOf returns the children of a process.
func childrenOf(t *testing.T, pid int) (children []int) {
	t.Helper()
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	require.NoError(t, err)
	for _, file := range files {
		text, _ := os.ReadFile(file) // that of a thread that has ended is gone
		for _, field := range strings.Fields(string(text)) {
			child, err := strconv.Atoi(field)
			require.NoError(t, err)
			children = append(children, child)
		}
	}
	return children
}

// exists reports whether a process runs: not whether somebody has yet to wait for it.
func exists(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, state, found := strings.Cut(string(text), ") ")
	return err == nil && found && !strings.HasPrefix(state, "Z")
}
