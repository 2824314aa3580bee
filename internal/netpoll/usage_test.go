package netpoll

import (
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestProcessCPUGrows(t *testing.T) {
	user, system, ok := ProcessCPU()
	require.True(t, ok)
	before, after := user+system, time.Duration(0)
	for t.Context().Err() == nil && after < before+10*time.Millisecond {
		user, system, ok = ProcessCPU()
		require.True(t, ok)
		after = user + system
	}
	require.GreaterOrEqual(t, after, before+10*time.Millisecond)
}

func TestThreadCPUIsOfOneThread(t *testing.T) {
	if runtime.GOOS != "linux" {
		require.Zero(t, ThreadCPU())
		return
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	other := make(chan time.Duration) // what another thread used, at least
	before := ThreadCPU()
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		for ThreadCPU() < 50*time.Millisecond {
		}
		other <- ThreadCPU()
	}()
	require.GreaterOrEqual(t, <-other, 50*time.Millisecond)
	waited := ThreadCPU()
	require.Less(t, waited-before, 50*time.Millisecond, "this one waited for it")
	for ThreadCPU() < waited+10*time.Millisecond {
	}
	used, ok := CPUClock(os.Getpid())
	require.True(t, ok)
	require.LessOrEqual(t, ThreadCPU(), used)
}

func TestResidentMemoryGrows(t *testing.T) {
	if runtime.GOOS != "linux" {
		require.EqualValues(t, -1, RSS(), "RSS is known on Linux only")
		return
	}
	before := RSS()
	block := make([]byte, 64<<20)
	for i := 0; i < len(block); i += os.Getpagesize() {
		block[i] = 1
	}
	after, peak := RSS(), PeakRSS()
	runtime.KeepAlive(block)
	require.Positive(t, before)
	require.Greater(t, after-before, int64(32<<20))
	require.GreaterOrEqual(t, peak, after-1<<20)
}

func TestKernelReleaseIsKnown(t *testing.T) {
	if runtime.GOOS != "windows" {
		require.NotEmpty(t, KernelRelease())
	}
}

// What is unknown is never 0, which would be a finding.
func TestElsewhereNothingIsKnown(t *testing.T) {
	if runtime.GOOS == "linux" {
		t.Skip("on Linux it is")
	}
	m := NewMeter()
	require.Equal(t, UnknownCounters, m.Kernel())
	require.Equal(t, UnknownHost, m.Host())
	_, ok := CPUClock(os.Getpid())
	require.False(t, ok)
	_, ok = NewTree(m, os.Getpid())
	require.False(t, ok)
	require.EqualValues(t, -1, m.RunDelay(os.Getpid()))
}
