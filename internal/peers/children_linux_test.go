package peers

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/holdfast/internal/peers/clientjob"
	"example.com/holdfast/loadtest"
)

// Generator children, as the machine sees them.

// byChildren is a run of ten thousand in two children, each conn asking every 2 s in the mean.
func byChildren() loadtest.Config {
	return loadtest.Config{
		Connections: 10_000, Ramp: loadtest.Ramp{Conns: 100}, Processes: 2,
		IdleTimeout: 8 * time.Second, Cadence: loadtest.Uniform(time.Second, 3*time.Second), Hold: 3 * time.Second,
		ConnectTimeout: 30 * time.Second, ResponseTimeout: 30 * time.Second,
	}
}

func TestTenThousandByChildren(t *testing.T) {
	cfg := byChildren()
	cfg.Server = loadtest.NewServer(t, nil)
	r := run(t, cfg)
	require.EqualValues(t, 10_000, r.Conns.Held, "\n%s", r)
	require.Zero(t, r.Requests.Failed(), "\n%s", r)
	require.Len(t, r.Processes, 2)
	f := r.Fixture
	require.NotNil(t, f)
	require.EqualValues(t, 10_000, f.Accepted, "\n%s", r)
	require.EqualValues(t, 10_000, f.Peak, "\n%s", r)
	require.Equal(t, r.Requests.Answered, f.Requests, "\n%s", r)
	require.Positive(t, r.ServerUse.CPU, "the server's, which is alone in this process\n%s", r)
	require.False(t, r.ServerUse.Shared, "\n%s", r)
	require.Positive(t, r.Generator.CPU, "the children's\n%s", r)
	require.False(t, r.Generator.Shared, "\n%s", r)
}

// One of two children is killed: what it held is the generator's loss, counted and named, and no verdict rests on the rest.
func TestKilledChild(t *testing.T) {
	cfg := byChildren()
	cfg.Server = loadtest.NewServer(t, nil)
	before := childrenOf(os.Getpid())
	var killed int
	r := runAnd(t, cfg, func() {
		now := slices.DeleteFunc(childrenOf(os.Getpid()), func(pid int) bool { return slices.Contains(before, pid) })
		require.Len(t, now, 2, "generator children")
		killed = now[0]
		require.NoError(t, syscall.Kill(killed, syscall.SIGKILL))
	})
	require.EqualValues(t, 5000, r.Conns.Held, "those of the other\n%s", r)
	require.EqualValues(t, 5000, r.Conns.Dropped, "\n%s", r)
	for _, d := range r.Drops {
		require.True(t, d.Cause.ByGenerator(), "%+v", d)
	}
	require.Len(t, r.Processes, 2)
	require.Contains(t, r.String(), fmt.Sprintf("process %d, which had slots", killed))
	v := r.Judge(loadtest.Budget{Held: 1, Drops: -1, Failed: -1})
	require.Equal(t, loadtest.Invalid, v.Outcome, "%v\n%s", v.Err(), r)
	require.ErrorContains(t, v.Err(), fmt.Sprint(killed))
	t.Log(v.Err())
}

// A test process that is killed cannot end its children. They end by themselves: those that hold conns, and those that
// have just begun.
func TestNothingOutlivesAKilledTest(t *testing.T) {
	t.Parallel()
	const conns = 100
	for state, descriptors := range map[string]int{"holding": conns / 2, "starting": 0} {
		t.Run(state, func(t *testing.T) {
			p := startGenerating(t, startTruth(t).URL, conns)
			var children []int
			require.True(t, poll(startBound, func() (ready bool) {
				children = childrenOf(p.pid())
				return len(children) == 2 && !slices.ContainsFunc(children, func(pid int) bool { return openFiles(pid) < descriptors })
			}), "generator children: %v", children)

			require.NoError(t, syscall.Kill(p.pid(), syscall.SIGKILL)) // it alone, not its group
			alive := func() bool { return slices.ContainsFunc(children, isAlive) }
			require.True(t, poll(time.Second, func() bool { return !alive() }), "of %v some live", children)
		})
	}
}

// startGenerating starts a test binary that loads url from two children for a minute.
func startGenerating(t *testing.T, url string, conns int) *process {
	t.Helper()
	path, err := loadtestBinary()
	require.NoError(t, err)
	cmd := exec.Command(path)
	cmd.Env = clientjob.Job{Client: "holdfast", URL: url, Conns: conns, IdleTimeout: time.Minute, Hold: time.Minute,
		ClosedLoop: true, Processes: 2}.Environ()
	p, err := start(cmd, syscall.SIGKILL)
	require.NoError(t, err)
	t.Cleanup(p.kill)
	return p
}

// openFiles counts a process's descriptors; 0 if it has ended.
func openFiles(pid int) int {
	open, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	return len(open)
}

// isAlive says whether a process runs: one that has ended and that nobody has waited for does not.
func isAlive(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	return !strings.HasPrefix(rest, "Z")
}
