package loadtest_test

import (
	"fmt"
	"time"

	"example.com/holdfast/loadtest"
)

// The zero Cadence goes with Config.IdleTimeout: no pause is longer than half of what the server promised.
func ExampleCadence() {
	server := loadtest.NewServer(t, hello)
	defer server.Close()
	for _, c := range []loadtest.Cadence{{}, loadtest.Every(50 * time.Millisecond)} {
		r := run(loadtest.Config{Server: server, Cadence: c, IdleTimeout: 200 * time.Millisecond})
		fmt.Println(r.Config.Cadence)
	}
	// Output:
	// uniform(50ms, 100ms)
	// every(50ms)
}

func ExampleUniform() {
	fmt.Println(held(1, loadtest.Uniform(10*time.Millisecond, 20*time.Millisecond)).Config.Cadence)
	// Output: uniform(10ms, 20ms)
}

func ExampleEvery() {
	fmt.Println(held(1, loadtest.Every(10*time.Millisecond)).Config.Cadence)
	// Output: every(10ms)
}

func ExampleExponential() {
	fmt.Println(held(1, loadtest.Exponential(10*time.Millisecond)).Config.Cadence)
	// Output: exponential(10ms)
}

// A closed loop: with one conn, the next request leaves when the response has come.
func ExampleBackToBack() {
	r := held(1, loadtest.BackToBack())
	fmt.Println(r.Config.Cadence)
	fmt.Println("in 100 ms more than ten requests:", r.Requests.Answered > 10)
	// Output:
	// back to back
	// in 100 ms more than ten requests: true
}

// One request on each conn, to know that it is served, and one in the sweep, to know that it still is.
func ExampleSilent() {
	r := held(10, loadtest.Silent())
	fmt.Println(r.Config.Cadence+":", r.Requests.Answered, "requests on", r.Conns.Held, "conns")
	// Output: silent: 20 requests on 10 conns
}

// With every pause counted from the instant at which the request before was due, answers that come late do not thin out
// the load.
func ExampleFixed() {
	fmt.Println(held(1, loadtest.Fixed(loadtest.Every(10*time.Millisecond))).Config.Cadence)
	// Output: fixed(every(10ms))
}
