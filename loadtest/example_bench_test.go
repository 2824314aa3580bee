package loadtest_test

import (
	"fmt"
	"testing"
	"time"

	"example.com/holdfast/loadtest"
)

// One op is one whole run: go test -run='^$' -bench=. -benchtime=1x -count=10 makes ten, for benchstat.
func ExampleBench() {
	benchmarkHold := func(b *testing.B) {
		loadtest.Bench(b, loadtest.Config{
			Server:      loadtest.NewServer(b, hello),
			Connections: 20,
			IdleTimeout: time.Second,
		})
	}
	result := testing.Benchmark(benchmarkHold) // go test calls it BenchmarkHold, and prints the result
	fmt.Println(result.Extra["held/op"], "held/op,", result.Extra["drops/op"], "drops/op,", result.Extra["failed/op"], "failed/op")
	fmt.Println("p99-ns is known:", result.Extra["p99-ns"] > 0)
	// Output:
	// 20 held/op, 0 drops/op, 0 failed/op
	// p99-ns is known: true
}

// A benchmark with a loop of its own reports the figures of its last run.
func ExampleReport_ReportMetrics() {
	result := testing.Benchmark(func(b *testing.B) {
		var last *loadtest.Report
		for b.Loop() {
			server := loadtest.NewServer(b, hello) // a fresh one for each
			r, err := loadtest.Run(b.Context(), loadtest.Config{Server: server, Connections: 10, IdleTimeout: time.Second})
			if err != nil {
				b.Fatal(err)
			}
			server.Close()
			last = r
		}
		last.ReportMetrics(b)
	})
	fmt.Println(result.Extra["held/op"], "held/op")
	// Output: 10 held/op
}
