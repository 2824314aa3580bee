package loadtest_test

import (
	"errors"
	"fmt"
	"math"
	"syscall"
	"time"

	"example.com/holdfast/loadtest"
)

// Whose CPU time it is: with the server in the test's process it is both ends', and a budget cannot ask for it.
func ExampleUsage() {
	r := heldRun()
	fmt.Println("the", r.Generator.Of, "used CPU for more than the generator:", r.Generator.Shared)
	fmt.Println("the server's by itself is known:", r.ServerUse.Of != "")
	// Output:
	// the test process used CPU for more than the generator: true
	// the server's by itself is known: false
}

// The seconds of a saved report in which this machine had other work to do: what was slow in them may not be the server.
func ExampleHost() {
	timeline := []loadtest.Sample{ // Report.Timeline
		{At: 1 * time.Second, Host: loadtest.Host{Busy: 0.12, Foreign: 0.03}},
		{At: 2 * time.Second, Host: loadtest.Host{Busy: 0.97, Foreign: 0.81}},
		{At: 3 * time.Second, Host: loadtest.Host{Busy: 0.96, Foreign: 0.04, Steal: 0.35}},
	}
	for _, s := range timeline {
		if s.Host.Foreign > 0.2 || s.Host.Steal > 0.05 {
			fmt.Printf("until %v: others took %.0f %%, the hypervisor %.0f %%\n", s.At, 100*s.Host.Foreign, 100*s.Host.Steal)
		}
	}
	// Output:
	// until 2s: others took 81 %, the hypervisor 0 %
	// until 3s: others took 4 %, the hypervisor 35 %
}

// The seconds add up to the run, and those that were not clean are in none of the readings that blame a server.
func ExampleSample() {
	r := heldRun()
	var answered int64
	for _, s := range r.Timeline {
		answered += s.Answered
	}
	fmt.Println("all answers:", answered == r.Requests.Answered)

	saved := []loadtest.Sample{{At: time.Second, Clean: true}, {At: 2 * time.Second, Late: 85 * time.Millisecond}}
	for _, s := range saved {
		if !s.Clean {
			fmt.Printf("not clean until %v: the generator was %v late\n", s.At, s.Late)
		}
	}
	// Output:
	// all answers: true
	// not clean until 2s: the generator was 85ms late
}

// Connects that took a second or three, and the kernel's reason: it found the server's accept queue full.
func ExampleKernelCounters() {
	kernel := loadtest.KernelCounters{ListenOverflows: 40, TCPSynRetrans: 38} // Report.Kernel
	if kernel.ListenOverflows > 0 {
		fmt.Printf("the accept queue was full %d times, and %d SYNs were sent again\n", kernel.ListenOverflows, kernel.TCPSynRetrans)
	}
	// Output: the accept queue was full 40 times, and 38 SYNs were sent again
}

// Figures of two runs compare if the runs had the same machine, kernel and Go.
func ExampleEnvironment() {
	before, after := heldRun(), notFoundRun()
	fmt.Println("comparable:", before.Environment == after.Environment)
	// Output: comparable: true
}

// A doubt as data: a p99 that rests on less than a thousand requests is chance.
func ExampleWarning() {
	for _, w := range notFoundRun().Warnings {
		if w.Kind == loadtest.WarnFewSamples {
			fmt.Printf("%.0f requests, where %.0f would do\n", w.Value, w.Threshold)
		}
	}
	// Output: 20 requests, where 1000 would do
}

// Where a sandbox lets no test start a program, the test process can open the conns itself.
func ExampleProcessError() {
	cfg := loadtest.Config{Processes: 2}
	err := error(&loadtest.ProcessError{Path: "/proc/self/exe", Err: syscall.EPERM}) // of Run with cfg, in such a sandbox
	if forbidden, ok := errors.AsType[*loadtest.ProcessError](err); ok {
		fmt.Println("not allowed:", errors.Is(forbidden, syscall.EPERM))
		cfg.Processes = -1
	}
	fmt.Println("again with Processes", cfg.Processes)
	// Output:
	// not allowed: true
	// again with Processes -1
}

// What a thousand conns had a server hold, by two readings: Usage.Before, and Usage.Hold with all of them open. Where it
// shares its process with the generator nobody can tell, and each figure is -1.
func ExampleResources() {
	before := loadtest.Resources{Heap: 2 << 20, Stack: 1 << 20, Goroutines: 10, Descriptors: 12}
	hold := loadtest.Resources{Heap: 12 << 20, Stack: 9 << 20, Goroutines: 2010, Descriptors: 1012}
	fmt.Println((hold.Goroutines-before.Goroutines)/1000, "goroutines and", (hold.Descriptors-before.Descriptors)/1000, "descriptor each")
	fmt.Println("not known:", heldRun().ServerUse.Hold.Heap)
	// Output:
	// 2 goroutines and 1 descriptor each
	// not known: -1
}

// A test's own limits, on what [loadtest.MeasureCost] found: here somebody has begun to start a goroutine for each conn.
func ExampleCost() {
	c := loadtest.Cost{
		Of: "test process", Conns: 8000, Repeats: 5,
		Goroutines:  loadtest.Marginal{PerConn: 2, Low: 2, High: 2},
		Descriptors: loadtest.Marginal{PerConn: 1, Low: 1, High: 1},
	}
	if c.Goroutines.Low > 1.1 {
		fmt.Printf("t.Error: each of %d conns costs %.1f goroutines\n", c.Conns, c.Goroutines.PerConn)
	}
	// Output: t.Error: each of 8000 conns costs 2.0 goroutines
}

// A limit is kept if the whole interval is below it, and broken if the whole interval is above. Where memory does not grow
// in a line, as a table that doubles, there is no figure for a conn, and no limit is kept.
func ExampleMarginal() {
	const limit = 10 << 10
	for _, heap := range []loadtest.Marginal{
		{PerConn: 9980, Low: 9950, High: 10010},
		{PerConn: 10230, Low: 10190, High: 10270},
		{PerConn: 11500, Low: 11450, High: 11550},
		{PerConn: math.Inf(1), Low: math.Inf(-1), High: math.Inf(1), Why: "not linear"},
	} {
		switch {
		case heap.Why != "":
			fmt.Println("no figure:", heap.Why)
		case heap.High <= limit:
			fmt.Println("within")
		case heap.Low > limit:
			fmt.Println("over")
		default:
			fmt.Println("too close to tell: more repeats")
		}
	}
	// Output:
	// within
	// too close to tell: more repeats
	// over
	// no figure: not linear
}
