package netpoll

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestParseNetstat(t *testing.T) {
	const other = "IpExt: InNoRoutes ListenDrops\nIpExt: 1 2\n"
	with := func(overflows, drops, syns, timeouts, pressures int64) KernelCounters {
		return KernelCounters{overflows, drops, syns, -1, timeouts, pressures, -1}
	}
	tests := map[string]struct {
		text string
		want KernelCounters
	}{
		"empty": {"", UnknownCounters},
		"all": {
			"TcpExt: SyncookiesSent ListenOverflows ListenDrops TCPTimeouts TCPSynRetrans TCPMemoryPressures\n" +
				"TcpExt: 9 1 2 4 3 5\n" + other,
			with(1, 2, 3, 4, 5),
		},
		"after another": {
			other + "TcpExt: ListenOverflows ListenDrops TCPTimeouts TCPSynRetrans\nTcpExt: 1 2 4 3",
			with(1, 2, 3, 4, -1),
		},
		"old kernel":      {"TcpExt: ListenOverflows\nTcpExt: 7\n", with(7, -1, -1, -1, -1)},
		"names only":      {"TcpExt: ListenOverflows ListenDrops\n", UnknownCounters},
		"a prefix only":   {"TcpExt:\nTcpExt:\n", UnknownCounters},
		"a value short":   {"TcpExt: ListenOverflows ListenDrops\nTcpExt: 7\n", with(7, -1, -1, -1, -1)},
		"a name short":    {"TcpExt: ListenOverflows\nTcpExt: 7 8\n", with(7, -1, -1, -1, -1)},
		"no number":       {"TcpExt: ListenOverflows\nTcpExt: many\n", UnknownCounters},
		"negative":        {"TcpExt: ListenOverflows\nTcpExt: -5\n", UnknownCounters},
		"beyond 64 bits":  {"TcpExt: ListenOverflows\nTcpExt: 18446744073709551615\n", UnknownCounters},
		"another prefix":  {other, UnknownCounters},
		"not text at all": {"\x00\xff\n\n\nTcpExt: \x00", UnknownCounters},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := UnknownCounters
			got.parseNetstat([]byte(test.text))
			require.Equal(t, test.want, got)
		})
	}
}

func TestParseSNMP(t *testing.T) {
	got := UnknownCounters
	got.parseSNMP([]byte("Ip: RetransSegs\nIp: 3\nTcp: OutSegs RetransSegs InErrs\nTcp: 999 17 0\n"))
	want := UnknownCounters
	want.TCPRetransSegs = 17
	require.Equal(t, want, got)
	got = UnknownCounters
	got.parseSNMP([]byte("Tcp: RetransSegs\n"))
	require.Equal(t, UnknownCounters, got)
}

func TestParseSoftnet(t *testing.T) {
	for text, want := range map[string]int64{
		"":                                     -1,
		"09eac9c7 000030ff 0000000e\n":         0x30ff,
		"00000001 00000000 0\n00000002 a1 0\n": 0xa1,
		"00000001\n":                           -1,
		"1 x\n":                                -1,
		"1 -1\n":                               -1,
		"1 1ffffffff\n":                        -1,
	} {
		require.Equal(t, want, parseSoftnet([]byte(text)), "%q", text)
	}
}

func TestParseStatus(t *testing.T) {
	const text = "Name:\tVmRSS: 5 kB x\nVmHWM:\t    3060 kB\nVmRSS:\t    1696 kB\nThreads:\t8\nVmSwap:\t7\nVmLck:\t-4 kB\n" +
		"VmPin:\t9999999999999999 kB\nVmX\n"
	for field, want := range map[string]int64{
		"VmHWM": 3060 << 10, "VmRSS": 1696 << 10, "Threads": -1, "VmSwap": -1, "VmPeak": -1, "VmLck": -1, "VmPin": -1,
		"VmX": -1,
	} {
		require.Equal(t, want, parseStatusKB([]byte(text), field), field)
	}
	require.EqualValues(t, -1, parseStatusKB(nil, "VmRSS"))
}

func TestParseStat(t *testing.T) {
	const tick = userTick
	unknown := Host{Idle: -1, Interrupts: -1, Steal: -1}
	tests := map[string]struct {
		text     string
		want     Host
		measured bool
	}{
		"empty": {"", unknown, false},
		"interrupts measured": {
			"cpu  100 0 50 700 30 7 90 11 0 0\ncpu0 50 0 25 350 15 3 45 6 0 0\ncpu1 50 0 25 350 15 4 45 5 0 0\nintr 7\n",
			Host{CPUs: 2, Idle: 730 * tick, Interrupts: 97 * tick, Steal: 11 * tick}, true,
		},
		"interrupts sampled": {
			"cpu  100 0 50 700 30 0 90 11 0 0\ncpu0 50 0 25 350 15 0 45 6 0 0\ncpuidle 4\n",
			Host{CPUs: 2, Idle: 730 * tick, Interrupts: 90 * tick, Steal: 11 * tick}, false,
		},
		"no steal":    {"cpu 100 0 50 700 30 7 90\ncpu0 1\n", Host{CPUs: 1, Idle: -1, Interrupts: -1, Steal: -1}, false},
		"garbage":     {"cpu 1 2 3 x 5 6 7 8\n", unknown, false},
		"negative":    {"cpu 1 2 3 -4 5 6 7 8\n", unknown, false},
		"not the CPU": {"intr 1 2 3 4 5 6 7 8 9\n", unknown, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var got Host
			require.Equal(t, test.measured, got.parseStat([]byte(test.text)))
			require.Equal(t, test.want, got)
		})
	}
}

func TestParsePressure(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"some avg10=0.27 avg60=0.75 avg300=2.01 total=3835783171\nfull avg10=0.00 total=5\n": 3835783171 * time.Microsecond,
		"":                                -1,
		"full avg10=0.00 total=5\n":       -1,
		"some avg10=0.27 avg60=0.75\n":    -1,
		"some total=-1\n":                 -1,
		"some total=x total=7\n":          -1,
		"some avg10=0.00 total=0\n":       0,
		"some total= \nsome total=9\n":    -1,
		"something total=7\nsome total=9": -1,
	} {
		require.Equal(t, want, parsePressure([]byte(text)), "%q", text)
	}
}

func TestParseSockstat(t *testing.T) {
	const text = "sockets: used 12\nTCP: inuse 71 orphan 0 tw 9 alloc 1 mem\nUDP: inuse 5 mem 0\nTCP6: inuse x\n"
	for of, want := range map[[2]string]int64{
		{"TCP:", "inuse"}: 71, {"TCP:", "tw"}: 9, {"TCP:", "mem"}: -1, {"TCP:", "used"}: -1, {"UDP:", "inuse"}: 5,
		{"TCP6:", "inuse"}: -1, {"RAW:", "inuse"}: -1,
	} {
		require.Equal(t, want, parseSockstat([]byte(text), of[0], of[1]), "%v", of)
	}
}

func TestParseProcess(t *testing.T) {
	const rest = " S 17 1 1 0 -1 4194560 300 0 0 0 5 6 7 8 20 0 1 0 987654 1000 2000"
	for text, want := range map[string]Process{
		"42 (nginx)" + rest:          {PID: 42, Parent: 17, Start: 987654},
		"42 (a b) S 1 2 (c)" + rest:  {PID: 42, Parent: 17, Start: 987654},
		"42 (gone) Z" + rest[2:]:     {PID: 42, Parent: 17, Start: 987654, Ended: true},
		"42 (\n)" + rest + "\n":      {PID: 42, Parent: 17, Start: 987654},
		"":                           {},
		"42":                         {},
		"42 (nginx)":                 {},
		"42 (nginx) S 17 1 1 0 -1 4": {},
		"x (nginx)" + rest:           {},
		"42 (nginx) S x" + rest[5:]:  {},
		"42 (nginx) S 1 1 0 0 -1 419 30 0 0 0 5 6 7 8 20 0 1 0 soon 1": {},
	} {
		got, ok := parseProcess([]byte(text))
		require.Equal(t, want != Process{}, ok, "%q: %+v", text, got)
		if ok {
			require.Equal(t, want, got, "%q", text)
		}
	}
}

func TestParseSchedstat(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"123456 789 12\n": 789, "": -1, "123": -1, "1 x 3": -1, "0 0 0\n": 0,
	} {
		require.Equal(t, want, parseSchedstat([]byte(text)), "%q", text)
	}
}

func TestCPUStatsOfControlGroups(t *testing.T) {
	const groups, v1, v2 = "proc/self/cgroup", "sys/fs/cgroup/cpu/", "sys/fs/cgroup/"
	cases := map[string]struct {
		files map[string]string
		want  []cpuStat
		known bool
	}{
		"nothing": {nil, nil, false},
		"version 2": {
			map[string]string{groups: "0::/a/b\n", v2 + "a/b/cpu.stat": "", v2 + "a/cpu.stat": "", v2 + "cgroup.controllers": ""},
			[]cpuStat{{"/" + v2 + "a/b/cpu.stat", "throttled_usec", time.Microsecond},
				{"/" + v2 + "a/cpu.stat", "throttled_usec", time.Microsecond}}, true,
		},
		"the root of version 2, old": {map[string]string{groups: "0::/\n", v2 + "cgroup.controllers": "cpu"}, nil, true},
		"version 1, beside 2, its path not mounted": {
			map[string]string{groups: "4:memory:/m\n3:cpu,cpuacct:/docker/0123\n0::/\n", v1 + "cpu.stat": ""},
			[]cpuStat{{"/" + v1 + "cpu.stat", "throttled_time", time.Nanosecond}}, true,
		},
		"not mounted": {map[string]string{groups: "0::/a\n"}, nil, false},
	}
	for name, tc := range cases {
		got, known := cpuStats(files(tc.files))
		require.Equal(t, tc.want, got, name)
		require.Equal(t, tc.known, known, name)
	}
	const text = "nr_periods 5\nnr_throttled 3\nthrottled_usec 77\nthrottled_time x\n"
	require.EqualValues(t, 77, parseKeyed([]byte(text), "throttled_usec"))
	require.EqualValues(t, -1, parseKeyed([]byte(text), "throttled_time"))
	require.EqualValues(t, -1, parseKeyed([]byte(text), "throttled"))
}

func TestGovernor(t *testing.T) {
	const cpu = "sys/devices/system/cpu/cpu"
	for want, content := range map[string]map[string]string{
		"":            {cpu + "0/online": "1\n"},
		"performance": {cpu + "0/cpufreq/scaling_governor": "performance\n", cpu + "1/cpufreq/scaling_governor": "performance"},
		"powersave":   {cpu + "0/cpufreq/scaling_governor": "performance\n", cpu + "1/cpufreq/scaling_governor": "powersave\n"},
	} {
		require.Equal(t, want, governor(files(content)))
	}
}

func TestKernelMemory(t *testing.T) {
	require.Positive(t, KernelMemory())
	meminfo := []byte("MemTotal:       24689144 kB\nSlab:             206524 kB\nSReclaimable:     171452 kB\n")
	sockstat := []byte("sockets: used 39\nTCP: inuse 26 orphan 0 tw 133 alloc 26 mem 3\nUDP: inuse 0 mem 9\n")
	require.EqualValues(t, 206524<<10+3*os.Getpagesize(), parseKernelMemory(meminfo, sockstat))
	require.EqualValues(t, -1, parseKernelMemory(nil, sockstat))
	require.EqualValues(t, -1, parseKernelMemory(meminfo, nil))
}
