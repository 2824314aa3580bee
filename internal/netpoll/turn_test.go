package netpoll

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTurnsAreTakenOneAtATime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "turn")
	first, _, err := TakeTurn(path, "the first, a long name")
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip("this system does not lock files")
	}
	require.NoError(t, err)
	require.NotNil(t, first)
	second, by, err := TakeTurn(path, "the second")
	require.NoError(t, err)
	require.Nil(t, second)
	require.Equal(t, "the first, a long name", by)

	first.End()
	second, _, err = TakeTurn(path, "the second")
	require.NoError(t, err)
	require.NotNil(t, second)
	_, by, _ = TakeTurn(path, "a third")
	require.Equal(t, "the second", by, "nothing is left of a longer name")
	second.End()
}

func TestTurnWithoutAFile(t *testing.T) {
	_, _, err := TakeTurn(filepath.Join(t.TempDir(), "no", "such", "directory"), "me")
	require.ErrorIs(t, err, os.ErrNotExist)
}
