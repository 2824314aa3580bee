package loadtest

import (
	"fmt"
	"time"

	"example.com/holdfast/internal/engine"
	"example.com/holdfast/internal/generator"
)

// Usage is what processes used while a run lasted. What is unknown is −1.
type Usage struct {
	// Of says whose it is: "test process", "generator processes", "process tree 123". "": nobody's, and all is unknown.
	Of string `json:"of"`

	// Shared: the work of others is in it, so that it says nothing of one alone. A server in the same process as the
	// generator is, and so is another Run at the same time.
	Shared bool `json:"shared"`

	Wall time.Duration `json:"wall_ns"`

	// CPU is user and system time of all threads, exact to the ns on Linux. Of a process that ended on the way it has what
	// was used until it was last looked at, once a second. CPUUser and CPUSystem are how the system divides it, by samples;
	// only of the test process. What that used to read Hold is left out, as far as it is known: what else it did in the same
	// milliseconds is not.
	CPU       time.Duration `json:"cpu_ns"`
	CPUUser   time.Duration `json:"cpu_user_ns"`
	CPUSystem time.Duration `json:"cpu_system_ns"`

	// What is resident. Of several processes it is the sum: pages that they share are in it several times.
	RSSBefore int64 `json:"rss_before_bytes"`
	RSSHold   int64 `json:"rss_hold_bytes"` // when it was last looked at, once a second, before hold ended
	RSS       int64 `json:"rss_bytes"`      // at the end of the run
	// PeakRSS is of the test process since it started, with whatever it did, to read Hold too; else the most that was seen, once a
	// second.
	PeakRSS int64 `json:"peak_rss_bytes"`

	// What the Go runtime did, of the test process and generator processes only; in the test process without the milliseconds
	// in which Hold was read.
	Allocs  int64         `json:"allocs_bytes"` // on the heap
	GCs     int64         `json:"gcs"`          // collections that ended
	GCPause time.Duration `json:"gc_pause_ns"`  // for which all goroutines were stopped, in sum, in these

	// SchedDelay is the 99th percentile of the time for which goroutines were ready to run and did not, of the test process
	// only, without those milliseconds too. It is the lower bound of one of the runtime's buckets, which are up to a quarter wide.
	SchedDelay time.Duration `json:"sched_delay_ns"`

	// What was held before the run, at the end of the sweep with all conns open, and after the run. Hold is known of a test
	// process that has a [Config].Server in it, and no other run at the same time: what it has more than Before is the
	// conns', and the generator's if that is in it too. Heap and stacks of Hold are known where somebody asked: [Bench],
	// [MeasureCost], and [Check] with a budget for any of them, have the process collect its garbage before the run and
	// in hold, and each figure of Before and Hold is then the least of three readings. After, and Before without that, have
	// garbage in them. Of Config.ServerPID's tree the descriptors are known, where this process may look.
	Before Resources `json:"before"`
	Hold   Resources `json:"hold"`
	After  Resources `json:"after"`
}

func unknownUsage() Usage {
	return Usage{
		Wall: -1, CPU: -1, CPUUser: -1, CPUSystem: -1, RSSBefore: -1, RSSHold: -1, RSS: -1, PeakRSS: -1,
		Allocs: -1, GCs: -1, GCPause: -1, SchedDelay: -1,
		Before: unknownResources, Hold: unknownResources, After: unknownResources,
	}
}

// perRequest returns the CPU time for each of the requests; −1: unknown.
func (u Usage) perRequest(sent int64) time.Duration {
	if u.CPU < 0 || sent <= 0 {
		return -1
	}
	return u.CPU / time.Duration(sent)
}

// perConn returns by how much the resident memory grew for each of the conns; ok is false where that is unknown.
func (u Usage) perConn(open int64) (bytes int64, ok bool) {
	if u.RSSBefore < 0 || u.RSSHold < 0 || open <= 0 {
		return 0, false
	}
	return (u.RSSHold - u.RSSBefore) / open, true
}

// testProcess is Usage.Of of this process.
const testProcess = "test process"

// usages says what the generator used, and the server where that can be told from it.
func (in reportInput) usages() (generate, server Usage) {
	e := in.evidence
	test := usageBetween(in.before, in.held.pause.leftOut(in.after))
	test.Of, test.Shared = testProcess, in.overlapped
	test.hold(in.held)
	test.RSSHold = e.rssHold(in.result, func(r reading) int64 { return r.test.rss })
	server = unknownUsage()
	switch {
	case e.generators:
		generate = e.usage("generator processes", in.result, func(r reading) processes { return r.generators })
		generate.addRuntimes(in.processes)
		if in.cfg.Server != nil {
			server = test
		}
	default:
		generate = test
		generate.Shared = in.overlapped || in.cfg.Server != nil
	}
	if in.cfg.ServerPID != 0 {
		server = e.usage(fmt.Sprintf("process tree %d", in.cfg.ServerPID), in.result,
			func(r reading) processes { return r.server })
		server.Before, server.Hold, server.After = in.held.before, in.held.hold, in.held.after
		server.Shared = in.overlapped && server.Of != ""
	}
	return generate, server
}

// hold adds what a test process with the server in it held.
func (u *Usage) hold(h holdings) {
	if h.collects {
		u.Before = h.before
	}
	if h.own {
		u.Hold = h.hold
	}
}

// sureCPU returns what the server by itself used in clean seconds of the timeline, at least; 0 also if that is unknown.
func (in reportInput) sureCPU(timeline []Sample) time.Duration {
	switch {
	case in.cfg.ServerPID != 0:
		return in.evidence.cleanCPU(timeline, func(r reading) processes { return r.server })
	case in.cfg.Server != nil && in.evidence.generators:
		cpu := in.evidence.cleanCPU(timeline, func(r reading) processes { return r.test })
		return max(0, cpu-in.held.pause.most())
	}
	return 0
}

// addRuntimes adds what the Go runtimes of generator processes did, if all lived to tell.
func (u *Usage) addRuntimes(all []generator.Process) {
	u.Allocs, u.GCs, u.GCPause = 0, 0, 0
	for _, p := range all {
		if p.Died != "" {
			u.Allocs, u.GCs, u.GCPause = -1, -1, -1
			return
		}
		u.Allocs, u.GCs, u.GCPause = u.Allocs+p.Usage.Allocs, u.GCs+p.Usage.GCs, u.GCPause+p.Usage.GCPause
	}
}

// usage is what processes used by the monitor's readings.
func (e evidence) usage(of string, res *engine.Result, pick func(reading) processes) Usage {
	u := unknownUsage()
	if len(e.readings) == 0 {
		return u
	}
	first, last := e.readings[0], e.readings[len(e.readings)-1]
	u.Of, u.Wall = of, last.at-first.at
	u.CPU = grown(pick(first).cpu, pick(last).cpu)
	u.RSSBefore, u.RSS = pick(first).rss, pick(last).rss
	u.RSSHold = e.rssHold(res, func(r reading) int64 { return pick(r).rss })
	for _, r := range e.readings {
		u.PeakRSS = max(u.PeakRSS, pick(r).rss)
	}
	return u
}

// cleanCPU sums what was used from one reading to the next where the seconds between them were clean.
func (e evidence) cleanCPU(timeline []Sample, pick func(reading) processes) (sum time.Duration) {
	for i := 1; i < len(e.readings); i++ {
		a, b := e.readings[i-1], e.readings[i]
		if cleanBetween(timeline, a.at, b.at) {
			sum += max(0, grown(pick(a).cpu, pick(b).cpu))
		}
	}
	return sum
}

// cleanBetween reports whether there was a second between from and to, readings that may be late, and all were clean.
func cleanBetween(timeline []Sample, from, to time.Duration) bool {
	var begin time.Duration
	any := false
	for _, s := range timeline {
		if begin+slack < to && from+slack < s.At {
			if any = true; !s.Clean {
				return false
			}
		}
		begin = s.At
	}
	return any
}

// rssHold returns the last figure in hold, the first one of the sweep if hold was too short for one: all conns are open
// in both. −1: there is none.
func (e evidence) rssHold(res *engine.Result, pick func(reading) int64) int64 {
	rss := int64(-1)
	for _, r := range e.readings {
		inSweep := res.HoldEnd < r.at && r.at <= res.SweepEnd
		if res.RampEnd <= r.at && r.at <= res.HoldEnd || inSweep && rss < 0 {
			rss = pick(r)
		}
	}
	return rss
}

// grown returns how much a meter grew; −1 if either reading is unknown.
func grown[T ~int64](before, after T) T {
	if before < 0 || after < 0 {
		return -1
	}
	return after - before
}
