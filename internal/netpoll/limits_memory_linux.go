package netpoll

import (
	"bytes"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
)

// MemoryAvailable returns how much memory can be had: what the kernel estimates for the machine, or what the control
// groups of this process leave of it.
//
// Note: net.ipv4.tcp_mem is no bound on connections. It counts the pages of queued data: 5 000 idle loopback
// connections, both ends, took none of them, and 1.7 pages each with a request unread (Linux 6.18, 2026-11).
func MemoryAvailable() (Memory, bool) { return memoryAvailable(os.DirFS("/")) }

func memoryAvailable(root fs.FS) (Memory, bool) {
	machine, ok := keyed(root, "proc/meminfo", "MemAvailable:")
	if !ok {
		return Memory{}, false
	}
	m := Memory{Available: machine * 1024} // the file says kB and means KiB
	for _, g := range memoryGroups(root) {
		if left, ok := g.left(root); ok && left < m.Available {
			m = Memory{Available: left, Group: true}
		}
	}
	return m, true
}

// A memoryGroup is a control group, and the names that its version gives to what it says.
type memoryGroup struct {
	dir, limit, usage string
	cache             []string // of memory.stat: what is given back under pressure
}

func memoryGroups(root fs.FS) []memoryGroup {
	var groups []memoryGroup
	for _, g := range controlGroups(root, "memory") {
		m := memoryGroup{g.dir, "memory.max", "memory.current", []string{"active_file", "inactive_file"}}
		if g.v1 {
			m = memoryGroup{g.dir, "memory.limit_in_bytes", "memory.usage_in_bytes",
				[]string{"total_active_file", "total_inactive_file"}}
		}
		groups = append(groups, m)
	}
	return groups
}

// A controlGroup is a directory of a control group, of either version.
type controlGroup struct {
	dir string
	v1  bool
}

// controlGroups returns the groups whose limits hold for this process: its own and all above it, in the hierarchy of the
// controller and in that of version 2. Inside a container a path may begin above what is mounted; such groups are not
// there to be read, and the mount itself stands for them.
func controlGroups(root fs.FS, controller string) []controlGroup {
	b, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return nil
	}
	var groups []controlGroup
	for line := range strings.Lines(string(b)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3) // hierarchy:controllers:path
		if len(parts) != 3 {
			continue
		}
		mount, v1 := "sys/fs/cgroup", slices.Contains(strings.Split(parts[1], ","), controller)
		if v1 {
			mount += "/" + controller
		} else if parts[0] != "0" {
			continue
		}
		for p := path.Clean("/" + parts[2]); ; p = path.Dir(p) {
			groups = append(groups, controlGroup{path.Join(mount, p), v1})
			if p == "/" {
				break
			}
		}
	}
	return groups
}

// left returns what the group may still take; ok is false where it is not there or has no limit.
func (g memoryGroup) left(root fs.FS) (int64, bool) {
	limit, ok := number(root, path.Join(g.dir, g.limit))
	if !ok {
		return 0, false
	}
	usage, ok := number(root, path.Join(g.dir, g.usage))
	if !ok {
		return 0, false
	}
	for _, key := range g.cache {
		cache, _ := keyed(root, path.Join(g.dir, "memory.stat"), key)
		usage -= cache
	}
	return max(0, limit-max(0, usage)), true
}

// number reads a file that holds one number; "max" is none.
func number(root fs.FS, name string) (int64, bool) {
	b, err := fs.ReadFile(root, name)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(string(bytes.TrimSpace(b)), 10, 64)
	return n, err == nil
}

// keyed reads the number after key in a file of lines.
func keyed(root fs.FS, name, key string) (int64, bool) {
	b, err := fs.ReadFile(root, name)
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) >= 2 && f[0] == key {
			n, err := strconv.ParseInt(f[1], 10, 64)
			return n, err == nil
		}
	}
	return 0, false
}
