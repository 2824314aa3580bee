package peers

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/holdfast/internal/peers/clientjob"
)

func TestProcessUsageOfSelf(t *testing.T) {
	before, err := ProcessUsage(os.Getpid())
	require.NoError(t, err)
	block := make([]byte, 32<<20)
	for i := 0; i < len(block); i += 4096 {
		block[i] = 1
	}
	after, err := ProcessUsage(os.Getpid())
	require.NoError(t, err)
	require.Equal(t, byte(1), block[len(block)-4096])
	require.Greater(t, after.PeakRSS, int64(len(block)))
	require.GreaterOrEqual(t, after.PeakRSS, after.RSS)
	require.Greater(t, after.CPU, before.CPU)
	require.NotZero(t, (after.CPU-before.CPU)%(10*time.Millisecond), "finer than a tick")
}

func TestCPUClockAgreesWithTheKernelsAccount(t *testing.T) {
	cmd := exec.Command("sh", "-c", "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; echo done; read line")
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	cmd.Stdout = w
	p, err := start(cmd, syscall.SIGKILL)
	w.Close()
	require.NoError(t, err)
	defer p.kill()
	line, err := readLine(r, 30*time.Second)
	require.NoError(t, err)
	require.Equal(t, "done\n", string(line))

	u, err := ProcessUsage(p.pid())
	require.NoError(t, err)
	stdin.Close()
	require.True(t, p.ended(10*time.Second))
	account := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	require.InDelta(t, account.Seconds(), u.CPU.Seconds(), 0.005)

	_, err = ProcessUsage(p.pid())
	require.Error(t, err, "it has ended")
}

// What exec keeps in ru_maxrss is why the peak is read from VmHWM.
func TestPeakRSSIsTheChildsOwn(t *testing.T) {
	block := make([]byte, 96<<20)
	for i := 0; i < len(block); i += 4096 {
		block[i] = 1
	}
	cmd := exec.Command("sh", "-c", `echo '{"opened":7}'; read line; exit 0`)
	o, u, err := converse(cmd, 30*time.Second, func(*process) {})
	require.NoError(t, err)
	require.Equal(t, clientjob.Outcome{Opened: 7}, o)
	require.Less(t, u.PeakRSS, int64(len(block))/2)
	require.Equal(t, byte(1), block[len(block)-4096])
}

func TestConverseSaysWhatWentWrong(t *testing.T) {
	for script, want := range map[string]string{
		"echo trouble >&2; exit 3":     "exit status 3; it wrote:\ntrouble",
		"echo gibberish; read line":    `outcome "gibberish\n"`,
		`echo '{}'; read line; exit 4`: "exit status 4",
	} {
		_, _, err := converse(exec.Command("sh", "-c", script), 10*time.Second, func(*process) {})
		require.ErrorContains(t, err, want, script)
	}
	// A child that says nothing, and has a child of its own.
	_, _, err := converse(exec.Command("sh", "-c", "sleep 60; :"), 100*time.Millisecond, func(*process) {})
	require.ErrorContains(t, err, "no outcome within 100ms: ")
	require.ErrorContains(t, err, "signal: killed")
}
