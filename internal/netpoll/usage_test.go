package netpoll

import (
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestParseNetstat(t *testing.T) {
	const other = "IpExt: InNoRoutes ListenDrops\nIpExt: 1 2\n"
	tests := map[string]struct {
		text string
		want KernelCounters
	}{
		"empty": {"", KernelCounters{-1, -1, -1, -1}},
		"all": {
			"TcpExt: SyncookiesSent ListenOverflows ListenDrops TCPTimeouts TCPSynRetrans\nTcpExt: 9 1 2 4 3\n" + other,
			KernelCounters{1, 2, 3, 4},
		},
		"after another": {
			other + "TcpExt: ListenOverflows ListenDrops TCPTimeouts TCPSynRetrans\nTcpExt: 1 2 4 3",
			KernelCounters{1, 2, 3, 4},
		},
		"old kernel":     {"TcpExt: ListenOverflows\nTcpExt: 7\n", KernelCounters{7, -1, -1, -1}},
		"names only":     {"TcpExt: ListenOverflows ListenDrops\n", KernelCounters{-1, -1, -1, -1}},
		"a value short":  {"TcpExt: ListenOverflows ListenDrops\nTcpExt: 7\n", KernelCounters{7, -1, -1, -1}},
		"a name short":   {"TcpExt: ListenOverflows\nTcpExt: 7 8\n", KernelCounters{7, -1, -1, -1}},
		"no number":      {"TcpExt: ListenOverflows\nTcpExt: many\n", KernelCounters{-1, -1, -1, -1}},
		"negative":       {"TcpExt: ListenOverflows\nTcpExt: -5\n", KernelCounters{-1, -1, -1, -1}},
		"another prefix": {other, KernelCounters{-1, -1, -1, -1}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { require.Equal(t, test.want, parseNetstat([]byte(test.text))) })
	}
}

func TestParseStatus(t *testing.T) {
	const text = "Name:\tVmRSS: 5 kB x\nVmHWM:\t    3060 kB\nVmRSS:\t    1696 kB\nThreads:\t8\nVmSwap:\t7\n"
	for field, want := range map[string]int64{
		"VmHWM": 3060 << 10, "VmRSS": 1696 << 10, "Threads": -1, "VmSwap": -1, "VmPeak": -1,
	} {
		require.Equal(t, want, parseStatusKB([]byte(text), field), field)
	}
}

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

func TestKernelCountersOfThisHost(t *testing.T) {
	c := ReadKernelCounters()
	if runtime.GOOS != "linux" {
		require.Equal(t, unknownCounters, c)
		return
	}
	for _, v := range []int64{c.ListenOverflows, c.ListenDrops, c.TCPSynRetrans, c.TCPTimeouts} {
		require.GreaterOrEqual(t, v, int64(0), "%+v", c)
	}
	require.NotEmpty(t, KernelRelease())
}
