package netpoll

import (
	"sync"
	"time"
)

// A Family is processes that are watched together, from reading to reading. Who was seen to end keeps the CPU that it was
// last seen to have used.
type Family struct {
	mu     sync.Mutex // of all below
	meter  *Meter
	open   func(pid int) int64 // OpenDescriptors
	living map[int]*relative
	ended  time.Duration // CPU of those who have ended
	ever   int

	descend   bool
	strangers map[int]uint64 // who is no descendant, and in which reading it was last there
	reading   uint64
	pids      []int
}

type relative struct {
	start uint64
	cpu   time.Duration // −1: not read yet
}

// NewFamily watches nobody yet.
func NewFamily(m *Meter) *Family {
	return &Family{meter: m, open: OpenDescriptors, living: map[int]*relative{}}
}

// NewTree watches a process and all its descendants, those to come too; ok is false if there is no such process. A
// descendant stays one when its parent ends. Who comes and goes between two readings is not seen.
func NewTree(m *Meter, pid int) (f *Family, ok bool) {
	f = NewFamily(m)
	f.descend, f.strangers = true, map[int]uint64{}
	return f, f.Add(pid)
}

// Add watches one process more; it reports false if there is no such process. One that is watched already is not counted
// twice.
func (f *Family) Add(pid int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	p, ok := f.meter.Process(pid)
	return ok && f.join(p)
}

func (f *Family) join(p Process) bool {
	if r := f.living[p.PID]; r != nil {
		if r.start == p.Start {
			return true
		}
		f.bury(p.PID)
	}
	f.living[p.PID] = &relative{start: p.Start, cpu: -1}
	f.ever++
	return true
}

func (f *Family) bury(pid int) {
	f.ended += max(0, f.living[pid].cpu)
	delete(f.living, pid)
}

// Living returns how many processes are watched and have not ended.
func (f *Family) Living() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.living)
}

// Ever returns how many processes were ever watched.
func (f *Family) Ever() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ever
}

// RunDelay is that of Meter, of all who live.
func (f *Family) RunDelay() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	sum := time.Duration(-1)
	for pid := range f.living {
		if d := f.meter.RunDelay(pid); d >= 0 {
			sum = max(0, sum) + d
		}
	}
	return sum
}

// Read returns the CPU time of all since they started, and how much of their memory is resident, summed over those that
// live: what processes share is counted for each of them. −1: unknown, as is the memory where none lives.
func (f *Family) Read() (cpu time.Duration, rss int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.descend {
		f.findDescendants()
	}
	unknown := false
	rss = -1
	for pid, r := range f.living {
		p, ok := f.meter.Process(pid)
		if !ok || p.Start != r.start {
			f.bury(pid)
			continue
		}
		if now, ok := CPUClock(pid); ok {
			r.cpu = now
		}
		unknown = unknown || r.cpu < 0
		if its, _ := f.meter.Memory(pid); its >= 0 { // none of a process that ended and was not waited for
			rss = max(0, rss) + its
		}
		cpu += r.cpu
	}
	if unknown {
		return -1, rss
	}
	return cpu + f.ended, rss
}

// Descriptors returns how many descriptors all who live have open together; −1: unknown, as it is where this process may
// not look, or none lives.
func (f *Family) Descriptors() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.descend {
		f.findDescendants()
	}
	sum := int64(-1)
	for pid, r := range f.living {
		if !f.lives(pid, r) {
			continue // Read buries it
		}
		its := f.open(pid)
		if !f.lives(pid, r) {
			continue // it ended meanwhile, and what was read is of nobody
		}
		if its < 0 {
			return -1
		}
		sum = max(0, sum) + its
	}
	return sum
}

func (f *Family) lives(pid int, r *relative) bool {
	p, ok := f.meter.Process(pid)
	return ok && p.Start == r.start && !p.Ended
}

// findDescendants asks of each process once whose child it is, when it is first seen: to ask all of them every second
// would cost 9 µs each (2026-11). While a parent lives, its children do not get another.
func (f *Family) findDescendants() {
	f.reading++
	f.pids = f.meter.PIDs(f.pids[:0])
	var fresh []Process
	for _, pid := range f.pids {
		if _, known := f.strangers[pid]; known {
			f.strangers[pid] = f.reading
		} else if f.living[pid] == nil {
			if p, ok := f.meter.Process(pid); ok {
				fresh = append(fresh, p)
			}
		}
	}
	for more := true; more; { // a child may have a lower number than its parent
		more = false
		for i, p := range fresh {
			if p.PID > 0 && f.living[p.Parent] != nil {
				more = f.join(p)
				fresh[i] = Process{}
			}
		}
	}
	for _, p := range fresh {
		if p.PID > 0 {
			f.strangers[p.PID] = f.reading
		}
	}
	for pid, last := range f.strangers {
		if last != f.reading {
			delete(f.strangers, pid)
		}
	}
}
