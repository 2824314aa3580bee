package netpoll

import (
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// A parent that was killed has ended before anybody has waited for it: a child that is just then being started must know
// it, or it would go on as the program that it was made from.
func TestHasEnded(t *testing.T) {
	cmd := exec.Command("sleep", "60")
	require.NoError(t, cmd.Start())
	pid := cmd.Process.Pid
	require.False(t, hasEnded(pid), "it runs")
	require.NoError(t, cmd.Process.Kill())
	require.NoError(t, unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil))
	require.True(t, hasEnded(pid), "it is a zombie")
	require.Error(t, cmd.Wait())
	require.True(t, hasEnded(pid), "it is gone")
}
