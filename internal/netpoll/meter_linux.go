package netpoll

import (
	"io/fs"
	"os"
	"path"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

type Meter struct {
	buf    []byte
	groups func() (all []cpuStat, known bool)

	began    bool // Host was called
	measured bool // the kernel measures interrupts: asked once, lest a span begin with one answer and end with another
}

func NewMeter() *Meter {
	return &Meter{
		buf:    make([]byte, 16<<10),
		groups: sync.OnceValues(func() ([]cpuStat, bool) { return cpuStats(os.DirFS("/")) }),
	}
}

// mostText bounds a file: /proc/stat of a machine with a thousand CPUs has some 300 KB.
const mostText = 4 << 20

// text returns what is in a file, until the next call; nothing if it cannot be read.
func (m *Meter) text(name string) []byte {
	fd, err := retry(func() (int, error) { return unix.Open(name, unix.O_RDONLY|unix.O_CLOEXEC, 0) })
	if err != nil {
		return nil
	}
	defer unix.Close(fd)
	for n := 0; n < mostText; {
		if n == len(m.buf) {
			m.buf = append(m.buf, make([]byte, len(m.buf))...)
		}
		got, err := retry(func() (int, error) { return unix.Read(fd, m.buf[n:]) })
		if err != nil {
			return nil
		}
		if got == 0 {
			return m.buf[:n]
		}
		n += got
	}
	return nil
}

func retry(call func() (int, error)) (int, error) {
	for {
		if n, err := call(); err != unix.EINTR {
			return n, err
		}
	}
}

func (m *Meter) Kernel() KernelCounters {
	c := UnknownCounters
	c.parseNetstat(m.text("/proc/self/net/netstat"))
	c.parseSNMP(m.text("/proc/self/net/snmp"))
	c.SoftnetDropped = parseSoftnet(m.text("/proc/self/net/softnet_stat"))
	return c
}

func (m *Meter) Host() Host {
	h := UnknownHost
	measured := h.parseStat(m.text("/proc/stat"))
	if !m.began {
		m.began, m.measured = true, measured
	}
	if h.Interrupts >= 0 && !m.measured {
		h.Interrupts = 0
	}
	h.Throttled = m.throttled()
	h.Pressure = parsePressure(m.text("/proc/pressure/cpu"))
	sockstat := m.text("/proc/self/net/sockstat")
	h.Sockets, h.TimeWait = parseSockstat(sockstat, "TCP:", "inuse"), parseSockstat(sockstat, "TCP:", "tw")
	if h.Sockets >= 0 { // IPv6 has its own count, but for TIME_WAIT
		h.Sockets += max(0, parseSockstat(m.text("/proc/self/net/sockstat6"), "TCP6:", "inuse"))
	}
	return h
}

// CPUClock reads the clock that clock_getcpuclockid(3) names: /proc/PID/stat counts in ticks of 10 ms.
func CPUClock(pid int) (time.Duration, bool) {
	const cpuclockSched = 2
	var ts unix.Timespec
	if pid <= 0 || unix.ClockGettime(int32(^pid<<3|cpuclockSched), &ts) != nil {
		return 0, false
	}
	return time.Duration(ts.Nano()), true
}

func (m *Meter) Process(pid int) (Process, bool) {
	return parseProcess(m.text("/proc/" + strconv.Itoa(pid) + "/stat"))
}

func (m *Meter) PIDs(into []int) []int {
	dir, err := os.Open("/proc")
	if err != nil {
		return into
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			into = append(into, pid)
		}
	}
	return into
}

func (m *Meter) Memory(pid int) (rss, peak int64) {
	text := m.text("/proc/" + strconv.Itoa(pid) + "/status")
	return parseStatusKB(text, "VmRSS"), parseStatusKB(text, "VmHWM")
}

// mostThreads bounds what reading a run-queue delay may cost: 6 µs a thread (2026-11).
const mostThreads = 256

func (m *Meter) RunDelay(pid int) time.Duration {
	tasks := "/proc/" + strconv.Itoa(pid) + "/task/"
	dir, err := os.Open(tasks)
	if err != nil {
		return -1
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(mostThreads + 1)
	if len(names) > mostThreads {
		return -1
	}
	sum := time.Duration(-1)
	for _, name := range names {
		if wait := parseSchedstat(m.text(tasks + name + "/schedstat")); wait >= 0 { // else it has just ended
			sum = max(0, sum) + wait
		}
	}
	return sum
}

// A cpuStat is a cpu.stat of a control group.
type cpuStat struct {
	file string
	key  string
	unit time.Duration
}

// cpuStats finds those of this process's control group and of all above it: any of them may have a quota. It reports
// whether that can be known.
func cpuStats(root fs.FS) (found []cpuStat, known bool) {
	for _, g := range controlGroups(root, "cpu") {
		s := cpuStat{file: "/" + path.Join(g.dir, "cpu.stat"), key: "throttled_usec", unit: time.Microsecond}
		if g.v1 {
			s.key, s.unit = "throttled_time", time.Nanosecond
		}
		if _, err := fs.Stat(root, s.file[1:]); err == nil {
			found = append(found, s)
		}
	}
	// The root of version 2 has no such file in older kernels, nor a quota.
	_, err := fs.Stat(root, "sys/fs/cgroup/cgroup.controllers")
	return found, err == nil || len(found) > 0
}

// throttled counts a group without a quota as never stopped: it has no such line.
func (m *Meter) throttled() time.Duration {
	groups, known := m.groups()
	if !known {
		return -1
	}
	var sum time.Duration
	for _, g := range groups {
		sum += g.unit * time.Duration(max(0, parseKeyed(m.text(g.file), g.key)))
	}
	return sum
}

func Governor() string { return governor(os.DirFS("/")) }

func governor(root fs.FS) string {
	files, _ := fs.Glob(root, "sys/devices/system/cpu/cpu*/cpufreq/scaling_governor")
	seen := ""
	for _, name := range files {
		text, err := fs.ReadFile(root, name)
		if err != nil {
			continue
		}
		first, _ := cutLine(text)
		if seen = string(first); seen != "performance" {
			break
		}
	}
	return seen
}
