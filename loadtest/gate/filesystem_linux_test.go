package gate

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSameFileSystem(t *testing.T) {
	dir := t.TempDir()
	require.True(t, sameFileSystem(dir, t.TempDir()))
	require.False(t, sameFileSystem(dir, "/proc"))
	require.True(t, sameFileSystem(dir, dir+"/is not there"))
}
