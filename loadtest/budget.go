package loadtest

import (
	"fmt"
	"strings"
	"time"

	"example.com/holdfast/internal/generator"
)

// A Budget is what a test demands of a [Report]. Its zero value is strict: every conn held, none lost, no request failed;
// limits that are 0 are none. A budget that says nonsense is judged [Invalid], with a reason that names the field.
type Budget struct {
	Held   int // the least conns to be held. 0: all; negative: any number will do
	Drops  int // the most conns lost and attempts failed, that may be. Negative: any
	Failed int // the most requests that may fail, see [Requests.Failed]. Negative: any

	// Limits of the time to connect, over all attempts; of latency and service time, over all requests that fell due in hold.
	// What failed or was not answered took for ever. Under [BackToBack], where a request is due as soon as the last answer
	// has come, latency is judged by service times, and the verdict says so.
	Connect     Limits
	Latency     Limits
	ServiceTime Limits

	// What the server may use. All are of the server alone ([Report.ServerUse]): of a server in the test's own process
	// while the generator is in others (Config.Processes), or, RSS and CPU, of the processes of Config.ServerPID. Without
	// either the verdict is Invalid. Of a test process some 4 MB of RSS, 50 ms of CPU, 0.8 MB of heap, 0.3 MB of stacks and 10
	// goroutines may be our own: a limit that is to mean something there needs some hundred conns. What other tests do at
	// the same time is in there too, and cannot be told.
	//
	// What it held more with all conns open than before the run, for each of them: see [Usage]. A run waits up to a second for
	// the Server to let go of what the runs before have left. Where the process held less with all conns open than before, that
	// tells nothing of them: the verdict is Invalid.
	HeapPerConn       int64   // bytes of live objects
	StackPerConn      int64   // bytes
	GoroutinesPerConn float64 // 1.1 allows one, and some for the run

	// Bytes that its resident memory may grow by from before the run to hold, for each conn open. A process that had as many
	// conns before has their memory still and does not grow: the first run in it tells the most, and a second one can pass
	// wrongly. [MeasureCost] is not led astray by that.
	RSSPerConn int64

	CPUPerRequest time.Duration // CPU time, of the whole run, for each request sent

	// LeakRounds, 3 or more, has [Check] ask after the run whether the server leaks: so many times it opens all conns, has each
	// answer, closes them, and waits up to 5 s for the server to let go of them. Neither the last round nor the mean of all may
	// leave more than 64 bytes of heap for each conn; no goroutine, no descriptor. What holds that which stays is named by stacks,
	// for which one round more sets [runtime.MemProfileRate] to 1, if go test writes no memory profile.
	// It needs a Server and at least 256 Connections, and nothing else may go on in the process: no t.Parallel. 0: off.
	LeakRounds int

	// SkipUnfit has Check skip the test, instead of failing it, where the run proves nothing ([Invalid]) or this machine cannot
	// carry it ([*ResourceError]).
	SkipUnfit bool
}

// Limits bound quantiles: P99: 10 ms demands that of a hundred ninety-nine took 10 ms or less. 0: no limit.
type Limits struct{ P50, P99, P999, Max time.Duration }

// A bound is one of the limits.
type bound struct {
	name     string
	perMille int64 // of all that may not be above it
	limit    time.Duration
}

func (l Limits) bounds() []bound {
	return []bound{{"P50", 500, l.P50}, {"P99", 990, l.P99}, {"P999", 999, l.P999}, {"Max", 1000, l.Max}}
}

// limits returns all limits of durations, each by the name of the field.
func (b Budget) limits() []namedLimits {
	return []namedLimits{{"Connect", b.Connect}, {"Latency", b.Latency}, {"ServiceTime", b.ServiceTime}}
}

type namedLimits struct {
	name string
	Limits
}

// judgesTime reports whether b limits durations.
func (b Budget) judgesTime() bool {
	return b.Connect != Limits{} || b.Latency != Limits{} || b.ServiceTime != Limits{}
}

// judgesUse reports whether b limits what the server uses, which is to be told from what the generator does.
func (b Budget) judgesUse() bool {
	return b.judgesHeld() || b.RSSPerConn > 0 || b.CPUPerRequest > 0
}

// leastHeld returns how many conns of so many are to be held at least.
func (b Budget) leastHeld(conns int64) int64 {
	if b.Held == 0 {
		return conns
	}
	return max(0, int64(b.Held))
}

// judgesHeld reports whether b limits what the server holds, for which its heap is to be collected.
func (b Budget) judgesHeld() bool {
	return b.HeapPerConn > 0 || b.StackPerConn > 0 || b.GoroutinesPerConn > 0
}

// validate returns an error if no run of cfg could be judged by b.
func (b Budget) validate(cfg Config) error {
	var all []string
	for _, r := range b.nonsense(int64(orDefault(cfg.Connections, defaultConnections))) {
		all = append(all, r.Text)
	}
	if why := b.unattributable(cfg); why != "" {
		all = append(all, "Budget."+why)
	}
	if b.LeakRounds > 0 && cfg.Server == nil {
		all = append(all, fmt.Sprintf("Budget.LeakRounds is %d, and what a server keeps is known only of a Config.Server, in this process: "+
			"leave it 0", b.LeakRounds))
	}
	if len(all) == 0 {
		return nil
	}
	return fmt.Errorf("loadtest: invalid Budget: %s", strings.Join(all, "\n\t"))
}

// unattributable says why what the server uses cannot be told from what the generator does, in any run of cfg; "": it can, or
// this system has no generator processes, so that it is the machine that is unfit.
func (b Budget) unattributable(cfg Config) string {
	field, of := b.useLine()
	err := cfg.notPortable()
	switch {
	case !b.judgesUse() || cfg.Server != nil && !generator.Supported:
		return ""
	case cfg.Server != nil && err != nil:
		return fmt.Sprintf("%s is set, for which the conns are to be opened by another process than the server's, and %v: leave it 0, "+
			"or change that", field, err)
	case cfg.Server != nil && cfg.Processes < 0:
		return fmt.Sprintf("%s is set, for which the conns are to be opened by another process than the server's, and Config.Processes "+
			"is %d: leave that 0", field, cfg.Processes)
	case cfg.Server == nil && cfg.ServerPID == 0:
		return fmt.Sprintf("%s is set, and whose %s is to be read is not known: set Config.ServerPID to the server's process", field, of)
	case cfg.ServerPID != 0 && b.judgesHeld():
		return fmt.Sprintf("%s is set, and the %s of another process cannot be read: judge RSSPerConn, or serve in the test's own "+
			"process, with a Server", field, of)
	}
	return ""
}

// useLine returns the first of the fields that judge what the server uses, if any does, and what that is; those first that
// only the test process knows.
func (b Budget) useLine() (field, of string) {
	switch {
	case b.HeapPerConn > 0:
		return "HeapPerConn", "heap"
	case b.StackPerConn > 0:
		return "StackPerConn", "stacks"
	case b.GoroutinesPerConn > 0:
		return "GoroutinesPerConn", "goroutines"
	case b.RSSPerConn > 0:
		return "RSSPerConn", "memory"
	}
	return "CPUPerRequest", "CPU time"
}

// nonsense returns a reason for each field that no run of so many conns could be judged by.
func (b Budget) nonsense(conns int64) (all []Reason) {
	add := func(field string, format string, args ...any) {
		all = append(all, Reason{Line: field, Text: "Budget." + field + " " + fmt.Sprintf(format, args...)})
	}
	if most := conns; int64(b.Held) > most {
		add("Held", "asks for %d conns, and the run opened only %d: raise Config.Connections, or leave it 0 for all", b.Held, most)
	}
	for _, l := range b.limits() {
		for _, of := range l.bounds() {
			if of.limit < 0 {
				add(l.name+"."+of.name, "is %v: a limit is above zero, and 0 is none", of.limit)
			}
		}
	}
	for _, of := range []struct {
		field string
		limit int64
	}{{"HeapPerConn", b.HeapPerConn}, {"StackPerConn", b.StackPerConn}, {"RSSPerConn", b.RSSPerConn}} {
		if of.limit < 0 {
			add(of.field, "is %d bytes: a limit is above zero, and 0 is none", of.limit)
		}
	}
	if n := b.GoroutinesPerConn; n < 0 || n != n {
		add("GoroutinesPerConn", "is %v: a limit is above zero, and 0 is none", n)
	}
	if b.CPUPerRequest < 0 {
		add("CPUPerRequest", "is %v: a limit is above zero, and 0 is none", b.CPUPerRequest)
	}
	switch n := b.LeakRounds; {
	case n < 0:
		add("LeakRounds", "is %d: 0 is none", n)
	case n > 0 && n < leastLeakRounds:
		add("LeakRounds", "is %d: whether more stays each time shows from %d rounds on", n, leastLeakRounds)
	case n > 0 && conns < leastLeakConns:
		add("LeakRounds", "is %d, with %d Connections: what a process keeps by itself hides what so few leak; take %d or more", n, conns,
			leastLeakConns)
	}
	return all
}
