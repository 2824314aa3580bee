package loadtest_test

import (
	"fmt"
	"net/http"
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
