package netpoll

import (
	"bufio"
	"io"
	"maps"
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// burn uses CPU until the process's own account, kept by other means than its clock, has grown by d.
func burn(t *testing.T, d time.Duration) {
	used := func() time.Duration {
		user, system, ok := ProcessCPU()
		require.True(t, ok)
		return user + system
	}
	for end := used() + d; used() < end; {
	}
}

func TestCPUClockGrowsByWhatIsUsed(t *testing.T) {
	const spent = 100 * time.Millisecond
	before, ok := CPUClock(os.Getpid())
	require.True(t, ok)
	burn(t, spent)
	after, ok := CPUClock(os.Getpid())
	require.True(t, ok)
	require.InDelta(t, spent, after-before, float64(10*time.Millisecond), "used %v", after-before)
	for _, nobody := range []int{0, -1, 1 << 22} {
		_, ok := CPUClock(nobody)
		require.False(t, ok, "process %d", nobody)
	}
}

// Threads that outnumber the CPUs wait for one.
func TestRunDelayGrowsWhereThreadsOutnumberCPUs(t *testing.T) {
	m := NewMeter()
	before := m.RunDelay(os.Getpid())
	require.GreaterOrEqual(t, before, time.Duration(0))
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4 * runtime.NumCPU()))
	var all sync.WaitGroup
	for range 4 * runtime.NumCPU() {
		all.Go(func() {
			for end := time.Now().Add(200 * time.Millisecond); time.Now().Before(end); {
			}
		})
	}
	all.Wait()
	require.Greater(t, m.RunDelay(os.Getpid())-before, 100*time.Millisecond)
	require.EqualValues(t, -1, m.RunDelay(1<<22), "of nobody")
}

func TestMemoryOfThisProcess(t *testing.T) {
	m := NewMeter()
	rss, peak := m.Memory(os.Getpid())
	require.InDelta(t, RSS(), rss, 4<<20)
	require.InDelta(t, PeakRSS(), peak, 4<<20)
	rss, peak = m.Memory(1 << 22)
	require.Equal(t, [2]int64{-1, -1}, [2]int64{rss, peak})
}

func TestHostOfThisMachine(t *testing.T) {
	m := NewMeter()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	before, began := m.Host(), time.Now()
	burn(t, 200*time.Millisecond)
	after, span := m.Host(), time.Since(began)
	require.GreaterOrEqual(t, before.CPUs, 1)
	require.Positive(t, before.Sockets, "one listens")
	require.GreaterOrEqual(t, before.TimeWait, int64(0))
	require.Greater(t, before.Idle, time.Duration(0))
	require.GreaterOrEqual(t, min(before.Steal, before.Interrupts), time.Duration(0))
	idle := after.Idle - before.Idle
	require.LessOrEqual(t, idle, time.Duration(before.CPUs)*(span+2*userTick)-180*time.Millisecond,
		"%v idle on %d CPUs in %v, of which 200ms were used", idle, before.CPUs, span)
}

func TestKernelCountersOfThisHost(t *testing.T) {
	c := NewMeter().Kernel()
	for _, v := range []int64{c.ListenOverflows, c.ListenDrops, c.TCPSynRetrans, c.TCPRetransSegs, c.TCPTimeouts,
		c.TCPMemoryPressures, c.SoftnetDropped} {
		require.GreaterOrEqual(t, v, int64(0), "%+v", c)
	}
}

// A file that outgrows the buffer is read whole.
func TestTextOfAnyLength(t *testing.T) {
	want := strings.Repeat("0123456789", 5000)
	name := t.TempDir() + "/long"
	require.NoError(t, os.WriteFile(name, []byte(want), 0o600))
	m := NewMeter()
	require.Equal(t, want, string(m.text(name)))
	require.Empty(t, m.text(name+"r"))
}

// A shell carries out a script. It ends when its stdin is closed.
type shell struct {
	pid int
	in  io.WriteCloser
	out *bufio.Reader
	end func()
}

func startShell(t *testing.T, script string) *shell {
	cmd := exec.Command("sh", "-c", script)
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	s := &shell{pid: cmd.Process.Pid, in: in, out: bufio.NewReader(out)}
	s.end = sync.OnceFunc(func() {
		in.Close()
		_ = cmd.Wait()
	})
	t.Cleanup(s.end)
	return s
}

// says returns the next line.
func (s *shell) says(t *testing.T) string {
	line, err := s.out.ReadString('\n')
	require.NoError(t, err)
	return strings.TrimSpace(line)
}

func (s *shell) ask(t *testing.T, line string) string {
	_, err := io.WriteString(s.in, line+"\n")
	require.NoError(t, err)
	return s.says(t)
}

// The tree is a shell, two children, one of which has a child and the other a name that looks like the fields after it.
func TestTreeIsAProcessWithItsDescendants(t *testing.T) {
	odd := t.TempDir() + "/) S 1 2 ("
	sleep, err := exec.LookPath("sleep")
	require.NoError(t, err)
	require.NoError(t, os.Symlink(sleep, odd))
	s := startShell(t, `
		sh -c 'sleep 60 & echo $!; wait' & outer=$!
		"`+odd+`" 60 & odd=$!
		read grandchild; echo $outer; echo $odd; read line; kill $odd $grandchild; wait`)
	grandchild := s.says(t)
	outer := s.ask(t, grandchild)
	members := []int{s.pid}
	for _, word := range []string{grandchild, outer, s.says(t)} {
		pid, err := strconv.Atoi(word)
		require.NoError(t, err)
		members = append(members, pid)
	}
	tree, ok := NewTree(NewMeter(), s.pid)
	require.True(t, ok)
	cpu, rss := tree.Read()
	require.Positive(t, cpu)
	require.Positive(t, rss)
	require.ElementsMatch(t, members, slices.Collect(maps.Keys(tree.living)))

	s.end()
	last, rss := tree.Read()
	require.GreaterOrEqual(t, last, cpu, "what they were seen to have used stays")
	require.EqualValues(t, -1, rss)
	require.Zero(t, tree.Living())
	_, ok = NewTree(NewMeter(), s.pid)
	require.False(t, ok, "it has ended")
}

// Who comes later is found, with all that it has used; and that stays when it has gone.
func TestTreeChanges(t *testing.T) {
	s := startShell(t, `
		read line
		(i=0; while [ $i -lt 50000 ]; do i=$((i+1)); done; echo done; exec sleep 60) & child=$!
		read line; kill $child; wait $child; echo gone; read line`)
	tree, ok := NewTree(NewMeter(), s.pid)
	require.True(t, ok)
	alone, _ := tree.Read()
	require.Equal(t, 1, tree.Living())
	require.Equal(t, "done", s.ask(t, "start"))
	both, _ := tree.Read()
	require.Equal(t, 2, tree.Living())
	require.Greater(t, both-alone, 10*time.Millisecond)
	require.Equal(t, "gone", s.ask(t, "stop"))
	after, rss := tree.Read()
	require.Equal(t, 1, tree.Living())
	require.GreaterOrEqual(t, after, both)
	require.Positive(t, rss)
}

// A number that was given to another process is not the process that was watched.
func TestRecycledNumberIsAnotherProcess(t *testing.T) {
	family := NewFamily(NewMeter())
	require.True(t, family.Add(os.Getpid()))
	cpu, rss := family.Read()
	require.Positive(t, cpu)
	require.Positive(t, rss)
	family.living[os.Getpid()].start--
	last, rss := family.Read()
	require.Equal(t, cpu, last)
	require.EqualValues(t, -1, rss)
	require.True(t, family.Add(os.Getpid()), "the other one")
	both, _ := family.Read()
	require.GreaterOrEqual(t, both, 2*cpu)
	require.False(t, family.Add(1<<22))
}

// Who ends while the descriptors are counted has none, and does not make those of the others unknown.
func TestDescriptorsWhileOneEnds(t *testing.T) {
	for name, end := range map[string]func(t *testing.T, cmd *exec.Cmd, meter *Meter){
		"gone": func(t *testing.T, cmd *exec.Cmd, _ *Meter) { require.Error(t, cmd.Wait()) },
		"not waited for": func(t *testing.T, cmd *exec.Cmd, meter *Meter) {
			for p, ok := meter.Process(cmd.Process.Pid); ok && !p.Ended; p, ok = meter.Process(cmd.Process.Pid) {
				runtime.Gosched()
			}
			t.Cleanup(func() { _ = cmd.Wait() })
		},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), "sleep", "60")
			require.NoError(t, cmd.Start())
			family := NewFamily(NewMeter())
			require.True(t, family.Add(cmd.Process.Pid))
			require.True(t, family.Add(os.Getpid()))
			family.open = func(pid int) int64 {
				if pid == os.Getpid() {
					return 7
				}
				require.NoError(t, cmd.Process.Kill())
				end(t, cmd, NewMeter())
				return -1
			}
			require.EqualValues(t, 7, family.Descriptors())
			require.EqualValues(t, 7, family.Descriptors(), "nor afterwards")
			family.open = func(int) int64 { return -1 }
			require.EqualValues(t, -1, family.Descriptors(), "who lives and may not be looked at is unknown")
		})
	}
}

// One tree may be read by two, as by the monitor once a second and for what is held: to find its processes twice takes twice as
// long. The race detector looks on.
func TestFamilyOfTwo(t *testing.T) {
	tree, ok := NewTree(NewMeter(), os.Getpid())
	require.True(t, ok)
	var other sync.WaitGroup
	other.Go(func() {
		for range 20 {
			tree.Read()
			tree.RunDelay()
		}
	})
	for range 20 {
		require.Positive(t, tree.Descriptors())
		require.True(t, tree.Add(os.Getpid()))
		require.LessOrEqual(t, tree.Living(), tree.Ever())
	}
	other.Wait()
}
