//go:build unix

package netpoll

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// A link that somebody put into a directory for all must not have us write elsewhere.
func TestTurnFollowsNoLink(t *testing.T) {
	dir := t.TempDir()
	victim, link := filepath.Join(dir, "victim"), filepath.Join(dir, "link")
	require.NoError(t, os.WriteFile(victim, []byte("precious"), 0o600))
	require.NoError(t, os.Symlink(victim, link))
	_, _, err := TakeTurn(link, "me")
	require.Error(t, err)
	text, err := os.ReadFile(victim)
	require.NoError(t, err)
	require.Equal(t, "precious", string(text))
}

// A file that another user made can be read alone, and that is enough.
func TestTurnOnAFileThatCannotBeWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "turn")
	require.NoError(t, os.WriteFile(path, []byte("theirs"), 0o444))
	turn, _, err := TakeTurn(path, "me")
	require.NoError(t, err)
	require.NotNil(t, turn)
	_, by, err := TakeTurn(path, "another")
	require.NoError(t, err)
	require.NotEmpty(t, by)
	turn.End()
}

// A child has what its parent has open, at least until it executes something: the turn ends all the same.
func TestTurnEndsAlthoughAChildHasTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "turn")
	turn, _, err := TakeTurn(path, "me")
	require.NoError(t, err)
	child := exec.Command("cat")
	child.ExtraFiles = []*os.File{turn.Open()}
	end, err := child.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	turn.End()
	next, by, err := TakeTurn(path, "the next")
	require.NoError(t, err)
	require.NotNil(t, next, "%s has it", by)
	next.End()
	require.NoError(t, end.Close())
	require.NoError(t, child.Wait())
}
