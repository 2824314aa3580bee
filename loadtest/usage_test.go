package loadtest

import (
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestUsageIsWhatGrew(t *testing.T) {
	in := sampleInput()
	require.Equal(t, Usage{
		Wall: 31238 * time.Millisecond, CPUUser: 71 * time.Millisecond, CPUSystem: 137 * time.Millisecond,
		RSS: 8 << 20, PeakRSS: 9 << 20, Before: in.before.memory, After: in.after.memory,
	}, usageBetween(in.before, in.after))
	require.Equal(t, 208*time.Millisecond, usageBetween(in.before, in.after).CPU())
	in.after.kernel.ListenDrops += 2
	require.Equal(t, KernelCounters{ListenDrops: 2}, kernelBetween(in.before, in.after))
}

func TestUnknownStaysUnknown(t *testing.T) {
	in := sampleInput()
	in.before.user = -1
	in.after.kernel.TCPTimeouts, in.before.kernel.ListenDrops = -1, -1
	u := usageBetween(in.before, in.after)
	require.EqualValues(t, -1, u.CPUUser)
	require.EqualValues(t, -1, u.CPU())
	require.Equal(t, KernelCounters{ListenDrops: -1, TCPTimeouts: -1}, kernelBetween(in.before, in.after))
}

func TestMemoryCountsTheHeap(t *testing.T) {
	before := takeUsage()
	block := make([]byte, 64<<20)
	after := takeUsage()
	runtime.KeepAlive(block)
	u := usageBetween(before, after)
	require.Greater(t, u.After.Heap-u.Before.Heap, int64(32<<20))
	require.GreaterOrEqual(t, u.After.Mapped, u.After.Heap+u.After.Stack)
	require.Positive(t, u.Before.Stack)
	require.Positive(t, u.Wall)
}
