//go:build unix

package netpoll

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPrivateIsOursAlone(t *testing.T) {
	dir := t.TempDir()
	private := func(path string) bool {
		info, err := os.Lstat(path)
		require.NoError(t, err)
		return Private(info)
	}
	require.NoError(t, os.Chmod(dir, 0o700))
	require.True(t, private(dir))
	require.NoError(t, os.Chmod(dir, 0o777))
	require.False(t, private(dir), "everybody may write to it")
	require.NoError(t, os.Chmod(dir, 0o700))
	if os.Geteuid() != 0 {
		require.False(t, private("/"), "it is root's")
		return
	}
	require.NoError(t, os.Chown(dir, 1, -1))
	require.False(t, private(dir), "it is another user's")
}

// A turn on a file that was removed meanwhile keeps nobody out: who took it finds out.
func TestTurnOnAFileThatIsGone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "turn")
	turn, _, err := TakeTurn(path, "me")
	require.NoError(t, err)
	defer turn.End()
	require.True(t, turn.Lasts(path))
	require.NoError(t, os.Remove(path))
	require.False(t, turn.Lasts(path))
	other, _, err := TakeTurn(path, "another")
	require.NoError(t, err)
	require.NotNil(t, other)
	defer other.End()
	require.False(t, turn.Lasts(path), "the path names another's")
}
