//go:build unix

package netpoll

import (
	"os"
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
