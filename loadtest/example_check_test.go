package loadtest_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"example.com/holdfast/loadtest"
)

// In a test it is the whole of the test: it fails what breaks the budget, and says which line, by how much and why.
func ExampleCheck() {
	server := loadtest.NewServer(t, hello)
	defer server.Close() // a test need not: its Cleanup does
	r := loadtest.Check(quiet{t}, loadtest.Config{
		Server:      server,
		Connections: 20,
		IdleTimeout: 500 * time.Millisecond,
	}, loadtest.Budget{Latency: loadtest.Limits{P99: 10 * time.Second}})
	fmt.Println(r.Verdict.Outcome, "with", r.Conns.Held, "held")
	// Output: pass with 20 held
}

// What breaks the budget fails the test; Check returns what was found all the same.
func ExampleCheck_failing() {
	server := loadtest.NewServer(t, http.NotFoundHandler())
	defer server.Close()
	r := loadtest.Check(quiet{t}, loadtest.Config{
		Server:      server,
		Connections: 20,
		IdleTimeout: 500 * time.Millisecond,
	}, loadtest.Budget{})
	for _, broken := range r.Verdict.Broken {
		fmt.Println(broken.Line, "is to be", broken.Limit, "and is all of them:", broken.Pessimistic == fmt.Sprint(r.Requests.Sent))
	}
	// Output: Failed is to be 0 and is all of them: true
}

// Rounds of opening and closing tell a server that leaks from one that keeps something of its first conns.
func ExampleLeaks() {
	server := loadtest.NewServer(t, hello)
	defer server.Close() // a test need not: its Cleanup does
	r := loadtest.Check(quiet{t}, loadtest.Config{
		Server:      server,
		Connections: 300,
		Ramp:        loadtest.Ramp{Every: -1},
		IdleTimeout: 500 * time.Millisecond,
	}, loadtest.Budget{LeakRounds: 3})
	rounds := r.Leaks.Rounds
	fmt.Println("goroutines that stayed of", r.Leaks.Conns, "conns:", max(0, rounds[2].Goroutines-rounds[1].Goroutines))
	// Output: goroutines that stayed of 300 conns: 0
}

// As go test -bench does: the figures are in units that benchstat scales.
func ExampleBench() {
	result := testing.Benchmark(func(b *testing.B) {
		loadtest.Bench(b, loadtest.Config{
			Server:      loadtest.NewServer(b, hello),
			Connections: 20,
			IdleTimeout: 300 * time.Millisecond,
		})
	})
	fmt.Println(result.Extra["held/op"], "held,", result.Extra["drops/op"], "dropped")
	fmt.Println("p99 is known:", result.Extra["p99-ns"] > 0)
	// Output:
	// 20 held, 0 dropped
	// p99 is known: true
}

// A benchmark with a loop of its own, which changes something from one run to the next, reports a run by itself.
func ExampleReport_ReportMetrics() {
	result := testing.Benchmark(func(b *testing.B) {
		var last *loadtest.Report
		for b.Loop() {
			last = held(20, loadtest.Silent())
		}
		last.ReportMetrics(b)
	})
	fmt.Println(result.Extra["held/op"], "held")
	// Output: 20 held
}
