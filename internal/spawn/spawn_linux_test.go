package spawn

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/holdfast/internal/netpoll"
)

const patience = 20 * time.Second // for a machine that is busy

func start(t *testing.T, stdout bool, env ...string) *Process {
	t.Helper()
	path, err := os.Executable()
	require.NoError(t, err)
	p, err := Start(Program{Path: path, Env: append(os.Environ(), env...), Variable: variable, Stdout: stdout})
	require.NoError(t, err)
	t.Cleanup(func() { p.Close(0) })
	return p
}

func TestChildTalksAndEndsWithItsSocket(t *testing.T) {
	p := start(t, true)
	_, err := io.WriteString(p.Conn, "hello")
	require.NoError(t, err)
	answer := make([]byte, 5)
	_, err = io.ReadFull(p.Conn, answer)
	require.NoError(t, err)
	require.Equal(t, "hello", string(answer))
	p.Close(patience)
	require.Equal(t, exitEnded, p.ExitCode())
	require.Equal(t, "out: a child\nerr: a child", p.Output())
	require.Equal(t, "exit status 10: out: a child\nerr: a child", p.Fate(0))
}

func TestStdoutIsKeptOnDemand(t *testing.T) {
	p := start(t, false)
	p.Close(patience)
	require.NotContains(t, p.Output(), "out: a child")
}

func TestChildThatDoesNotEndIsKilled(t *testing.T) {
	p := start(t, true, role+"=deaf")
	said := make([]byte, 5)
	_, err := io.ReadFull(p.Conn, said)
	require.NoError(t, err)
	require.Contains(t, p.Fate(0), "still runs")
	p.Close(50 * time.Millisecond)
	require.Equal(t, -1, p.ExitCode())
	require.Contains(t, p.Fate(0), "signal: killed")
}

// TestStrangersAreNotObeyed starts a child by hand, and tells it another nonce than its environment has, or none.
func TestStrangersAreNotObeyed(t *testing.T) {
	for name, c := range map[string]struct {
		told string
		exit int
	}{
		"another nonce": {"0123456789abcdef", exitStranger},
		"none":          {"", exitOrphaned},
		"half of one":   {"01234567", exitOrphaned},
	} {
		t.Run(name, func(t *testing.T) {
			own, theirs, err := netpoll.SocketPair()
			require.NoError(t, err)
			defer theirs.Close()
			path, err := os.Executable()
			require.NoError(t, err)
			command := exec.CommandContext(t.Context(), path)
			command.Env = append(os.Environ(), variable+"=00112233445566778899aabbccddeeff")
			command.ExtraFiles = []*os.File{theirs}
			require.NoError(t, command.Start())
			_, err = io.WriteString(own, c.told)
			require.NoError(t, err)
			require.NoError(t, own.Close())
			_ = command.Wait()
			require.Equal(t, c.exit, command.ProcessState.ExitCode())
		})
	}
}

func TestProgramThatIsNotThere(t *testing.T) {
	_, err := Start(Program{Path: "/nowhere/at/all", Variable: variable})
	require.ErrorContains(t, err, "/nowhere/at/all")
}

func TestTailKeepsTheEnd(t *testing.T) {
	var last tail
	for range 3 {
		n, err := last.Write(bytes.Repeat([]byte("x"), tailSize-1))
		require.NoError(t, err)
		require.Equal(t, tailSize-1, n)
	}
	last.Write([]byte("panic: the reason\n"))
	require.Len(t, last.last, tailSize)
	require.Contains(t, last.text(), "panic: the reason")
}
