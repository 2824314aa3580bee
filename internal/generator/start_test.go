package generator

import (
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// What cannot be run again is told, with where it was looked for and what came of it.
func TestExecutableThatIsNoneOfOurs(t *testing.T) {
	if !Supported {
		t.Skip("this system has no generator children")
	}
	for path, want := range map[string]string{
		"/does/not/exist": "no such file",
		"false":           "it ended before it took over: exit status 1",
	} {
		if found, err := exec.LookPath(path); err == nil {
			path = found
		}
		_, err := startFrom(t.Context(), path)
		var failed *StartError
		require.ErrorAs(t, err, &failed)
		require.Equal(t, path, failed.Path)
		require.ErrorContains(t, err, want)
	}
}

// The variable alone, or with a descriptor that is not a socket, makes no child of a program: its tests run.
func TestVariableAloneIsNoTakeover(t *testing.T) {
	file, err := os.Open(os.DevNull)
	require.NoError(t, err)
	defer file.Close()
	for _, extra := range [][]*os.File{nil, {file}} {
		executable, err := os.Executable()
		require.NoError(t, err)
		command := exec.CommandContext(t.Context(), executable, "-test.run=^TestWhatNoChildCanBeGiven$", "-test.v")
		command.Env = append(os.Environ(), variable+"=00112233445566778899aabbccddeeff")
		command.ExtraFiles = extra
		out, err := command.CombinedOutput()
		require.NoError(t, err, "%s", out)
		require.Contains(t, string(out), "--- PASS: TestWhatNoChildCanBeGiven")
	}
}
