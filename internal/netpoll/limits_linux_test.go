package netpoll

import (
	"io/fs"
	"os"
	"os/exec"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

func TestDescriptorsCountsOpenOnes(t *testing.T) {
	before, soft, hard, err := Descriptors()
	require.NoError(t, err)
	require.LessOrEqual(t, soft, hard)
	for range 10 {
		f, err := os.Open(os.DevNull)
		require.NoError(t, err)
		t.Cleanup(func() { f.Close() })
	}
	after, _, _, err := Descriptors()
	require.NoError(t, err)
	require.Equal(t, before+10, after)
}

func TestRaiseDescriptors(t *testing.T) {
	require.NoError(t, RaiseDescriptors())
	_, soft, hard, err := Descriptors()
	require.NoError(t, err)
	require.Equal(t, hard, soft)
}

// files is a root directory with these files.
func files(content map[string]string) fs.FS {
	root := fstest.MapFS{}
	for name, text := range content {
		root[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return root
}

func TestPortRange(t *testing.T) {
	const name = "proc/sys/net/ipv4/ip_local_port_range"
	lowest, highest, ok := portRange(files(map[string]string{name: "32768\t60999\n"}))
	require.True(t, ok)
	require.Equal(t, [2]int{32768, 60999}, [2]int{lowest, highest})

	for _, text := range []string{"", "32768", "60999 32768", "0 5", "a b"} {
		_, _, ok := portRange(files(map[string]string{name: text}))
		require.False(t, ok, "%q", text)
	}
	_, _, ok = portRange(files(nil))
	require.False(t, ok)
}

func TestInContainer(t *testing.T) {
	cases := map[string]struct {
		files map[string]string
		want  bool
	}{
		"a machine":    {map[string]string{"proc/self/cgroup": "0::/user.slice/session-1.scope\n"}, false},
		"no proc":      {nil, false},
		"docker":       {map[string]string{".dockerenv": ""}, true},
		"podman":       {map[string]string{"run/.containerenv": ""}, true},
		"kubernetes":   {map[string]string{"run/secrets/kubernetes.io/serviceaccount/namespace": "x"}, true},
		"by its group": {map[string]string{"proc/self/cgroup": "5:memory:/docker/0123\n"}, true},
	}
	for name, tc := range cases {
		require.Equal(t, tc.want, inContainer(files(tc.files)), name)
	}
}

func TestMemoryAvailable(t *testing.T) {
	const meminfo, groups = "proc/meminfo", "proc/self/cgroup"
	const machine = "MemTotal: 4096 kB\nMemFree: 1024 kB\nMemAvailable: 2048 kB\n"
	const v2, v1 = "sys/fs/cgroup/", "sys/fs/cgroup/memory/"
	cases := map[string]struct {
		files map[string]string
		want  Memory
	}{
		"no group": {map[string]string{meminfo: machine}, Memory{Available: 2 << 20}},
		"without a limit": {map[string]string{
			meminfo: machine, groups: "0::/\n", v2 + "memory.max": "max\n", v2 + "memory.current": "7\n",
		}, Memory{Available: 2 << 20}},
		"version 2, cache is given back": {map[string]string{
			meminfo: machine, groups: "0::/a\n", v2 + "a/memory.max": "1000000\n", v2 + "a/memory.current": "600000\n",
			v2 + "a/memory.stat": "anon 5\nactive_file 100000\ninactive_file 200000\n",
		}, Memory{Available: 700_000, Group: true}},
		"the group above": {map[string]string{
			meminfo: machine, groups: "0::/a/b\n", v2 + "a/memory.max": "1000\n", v2 + "a/memory.current": "900\n",
			v2 + "a/b/memory.max": "5000\n", v2 + "a/b/memory.current": "900\n",
		}, Memory{Available: 100, Group: true}},
		"version 1, its path not mounted": {map[string]string{
			meminfo: machine, groups: "9:cpu:/x\n4:memory:/docker/0123\n",
			v1 + "memory.limit_in_bytes": "1000\n", v1 + "memory.usage_in_bytes": "400\n",
			v1 + "memory.stat": "total_inactive_file 100\n",
		}, Memory{Available: 700, Group: true}},
		"version 1, the largest number is no limit": {map[string]string{
			meminfo: machine, groups: "4:memory:/\n",
			v1 + "memory.limit_in_bytes": "9223372036854771712\n", v1 + "memory.usage_in_bytes": "400\n",
		}, Memory{Available: 2 << 20}},
		"exceeded": {map[string]string{
			meminfo: machine, groups: "0::/\n", v2 + "memory.max": "5\n", v2 + "memory.current": "9\n",
		}, Memory{Available: 0, Group: true}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, ok := memoryAvailable(files(tc.files))
			require.True(t, ok)
			require.Equal(t, tc.want, got)
		})
	}
	_, ok := memoryAvailable(files(nil))
	require.False(t, ok, "unknown without meminfo")
}

func TestOpenDescriptors(t *testing.T) {
	before := OpenDescriptors(os.Getpid())
	for range 3 {
		f, err := os.Open(os.DevNull)
		require.NoError(t, err)
		defer f.Close()
	}
	require.Equal(t, before+3, OpenDescriptors(os.Getpid()))
	open, _, _, err := Descriptors()
	require.NoError(t, err)
	require.EqualValues(t, open, OpenDescriptors(os.Getpid()))
	tree, ok := NewTree(NewMeter(), os.Getpid())
	require.True(t, ok)
	require.EqualValues(t, open, tree.Descriptors())

	gone := exec.CommandContext(t.Context(), "true")
	require.NoError(t, gone.Run())
	require.EqualValues(t, -1, OpenDescriptors(gone.Process.Pid))
}
