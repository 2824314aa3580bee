package loadtest

import (
	"os"
	"sync"
	"sync/atomic"
	"time"

	"example.com/holdfast/internal/engine"
	"example.com/holdfast/internal/netpoll"
)

// A monitor reads, while a run lasts, what the processes of interest and the host have used: before it, after it, and
// once a second from its origin. In a synctest bubble, where time is not the host's, it reads nothing.
type monitor struct {
	meter      *netpoll.Meter
	server     *netpoll.Family // the tree of Config.ServerPID; nil: none
	children   func() []int    // the generator's processes, as far as there are any yet
	generators *netpoll.Family

	origin   time.Time
	readings []reading
	alarm    *netpoll.Alarm // nil: it is not read once a second
	stop     atomic.Bool
	stopped  chan struct{}
}

// A reading is what had been used when it was read.
type reading struct {
	at         time.Duration // since the origin
	host       netpoll.Host
	kernel     netpoll.KernelCounters
	test       processes // this process
	generators processes
	server     processes
	runDelay   time.Duration // of the generator's threads
}

// processes is what they have used together. −1: unknown.
type processes struct {
	cpu time.Duration
	rss int64
}

// ours is the CPU time of all that take part in the run; −1: unknown.
func (r reading) ours() time.Duration {
	if r.test.cpu < 0 || r.generators.cpu < 0 || r.server.cpu < 0 {
		return -1
	}
	return r.test.cpu + r.generators.cpu + r.server.cpu
}

// evidence is what a monitor has found.
type evidence struct {
	readings   []reading // in order; none: all is unknown
	generators bool      // there were processes of the generator
}

// startMonitor takes the reading before the run. The run's origin is now, until begin says otherwise.
func startMonitor(server *netpoll.Family, children func() []int) *monitor {
	m := &monitor{origin: time.Now()}
	if inBubble() {
		return m
	}
	m.meter, m.server, m.children = netpoll.NewMeter(), server, children
	m.generators = netpoll.NewFamily(m.meter)
	m.read()
	return m
}

// unmonitored returns a monitor that reads nothing.
func unmonitored() *monitor { return &monitor{} }

// begin has it read once a second from origin on.
func (m *monitor) begin(origin time.Time) {
	for i := range m.readings {
		m.readings[i].at -= origin.Sub(m.origin)
	}
	m.origin = origin
	if m.meter == nil {
		return
	}
	var err error
	if m.alarm, err = netpoll.NewAlarm(); err != nil {
		return // the run will not get far either, and say so
	}
	m.stopped = make(chan struct{})
	go m.loop()
}

func (m *monitor) loop() {
	defer close(m.stopped)
	for {
		next := (time.Since(m.origin)/time.Second + 1) * time.Second // what was missed is not made up for
		m.alarm.Wait(time.Until(m.origin.Add(next)))
		if m.stop.Load() {
			return
		}
		m.read()
	}
}

// end takes the reading after the run.
func (m *monitor) end() evidence {
	if m.alarm != nil {
		m.stop.Store(true)
		m.alarm.Ring()
		<-m.stopped
		m.alarm.Close()
	}
	if m.meter != nil {
		m.read()
	}
	return evidence{readings: m.readings, generators: m.generators != nil && m.generators.Ever() > 0}
}

func (m *monitor) read() {
	own := os.Getpid()
	for _, pid := range m.children() {
		m.generators.Add(pid)
	}
	r := reading{test: processes{cpu: -1}, runDelay: -1}
	// What the host and we have used must be of one instant.
	r.at, r.host = time.Since(m.origin), m.meter.Host()
	if cpu, ok := netpoll.CPUClock(own); ok {
		r.test.cpu = cpu
	}
	r.generators.cpu, r.generators.rss = m.generators.Read()
	if m.server != nil {
		r.server.cpu, r.server.rss = m.server.Read()
	}
	r.test.rss, _ = m.meter.Memory(own)
	r.kernel = m.meter.Kernel()
	if m.generators.Ever() == 0 {
		r.runDelay = m.meter.RunDelay(own)
	} else {
		r.runDelay = m.generators.RunDelay()
	}
	m.readings = append(m.readings, r)
}

// A sample is known by the readings around it: one that is late by up to slack is still taken for punctual.
const slack = 100 * time.Millisecond

// around returns the readings next to from and to, at least least apart if there are such.
func (e evidence) around(from, to, least time.Duration) (first, last reading, ok bool) {
	if len(e.readings) < 2 {
		return reading{}, reading{}, false
	}
	end := 1
	for end < len(e.readings)-1 && e.readings[end].at < to {
		end++
	}
	last = e.readings[end]
	begin := end - 1
	for begin > 0 && e.readings[begin].at > min(from+slack, last.at-least) {
		begin--
	}
	return e.readings[begin], last, true
}

// shortest is the least span over which the host's state in a second is judged: the last second may be a ms.
const shortest = time.Second / 2

func (e evidence) hostIn(from, to time.Duration) Host {
	a, b, ok := e.around(from, to, shortest)
	if !ok {
		return unknownHost()
	}
	return hostBetween(a, b)
}

func (e evidence) kernelIn(from, to time.Duration) KernelCounters {
	a, b, ok := e.around(from, to, 0)
	if !ok {
		return unknownCounters
	}
	return kernelBetween(a.kernel, b.kernel)
}

// whole returns what is known of the run as a whole.
func (e evidence) whole() (Host, KernelCounters) {
	if len(e.readings) == 0 {
		return unknownHost(), unknownCounters
	}
	a, b := e.readings[0], e.readings[len(e.readings)-1]
	return hostBetween(a, b), kernelBetween(a.kernel, b.kernel)
}

// timeline adds the evidence to the samples.
func (e evidence) timeline(samples []engine.Sample) []Sample {
	out := convert(samples, withoutLost)
	from := time.Duration(0)
	for i := range out {
		to := out[i].At
		out[i].Host, out[i].Kernel = e.hostIn(from, to), e.kernelIn(from, to)
		from = to
	}
	return out
}

// runs are those that go on in this process.
var runs registry

// A registry tells runs that there was another at the same time.
type registry struct {
	mu     sync.Mutex
	others map[*atomic.Bool]struct{}
	ever   int64
}

func (r *registry) add() *atomic.Bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	overlap := new(atomic.Bool)
	overlap.Store(len(r.others) > 0)
	for other := range r.others {
		other.Store(true)
	}
	if r.others == nil {
		r.others = map[*atomic.Bool]struct{}{}
	}
	r.others[overlap] = struct{}{}
	r.ever++
	return overlap
}

// everBegun returns how many runs have begun.
func (r *registry) everBegun() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ever
}

// any reports whether any run goes on.
func (r *registry) any() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.others) > 0
}

func (r *registry) remove(overlap *atomic.Bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.others, overlap)
}
