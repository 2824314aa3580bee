package loadtest_test

import (
	"fmt"
	"time"

	"example.com/holdfast/loadtest"
)

// How much of the time that a client waits is the server's: the service time. The rest is lag, our own.
func ExampleDistribution() {
	r := heldRun()
	for _, d := range []struct {
		name string
		loadtest.Distribution
	}{{"latency", r.Latency}, {"service time", r.ServiceTime}, {"lag", r.Lag}} {
		fmt.Println(d.name, "of all requests:", d.Count() == r.Requests.Sent)
	}
	// Output:
	// latency of all requests: true
	// service time of all requests: true
	// lag of all requests: true
}

func ExampleDistribution_Quantile() {
	r := held(10, loadtest.Silent())
	fmt.Println(r.Latency.Count(), "latencies")
	fmt.Println("p99 is within p50 and the maximum:",
		r.Latency.Quantile(0.50) <= r.Latency.Quantile(0.99) && r.Latency.Quantile(0.99) <= r.Latency.Max())
	// Output:
	// 20 latencies
	// p99 is within p50 and the maximum: true
}

// How many durations a quantile rests on: of less than a thousand, ten at most are beyond the 99th percentile.
func ExampleDistribution_Count() {
	connect := heldRun().Connect
	fmt.Println(connect.Count(), "connects; enough for a p99:", connect.Count() >= 1000)
	// Output: 20 connects; enough for a p99: false
}

// What a request takes when nothing is in its way: half of them take longer.
func ExampleDistribution_Min() {
	d := heldRun().ServiceTime
	fmt.Println("at most the median:", d.Min() <= d.Quantile(0.5))
	// Output: at most the median: true
}

// The one client that waited longest, exactly: for a server without a slow path it is not far from the p99.
func ExampleDistribution_Max() {
	d := heldRun().ServiceTime
	fmt.Println("at least the p99:", d.Max() >= d.Quantile(0.99))
	// Output: at least the p99: true
}

// By Little's law the mean service time is how many requests were with the server at a time.
func ExampleDistribution_Mean() {
	r := heldRun()
	atOnce := r.Load.Offered * r.ServiceTime.Mean().Seconds()
	fmt.Println("never more than conns:", atOnce <= float64(r.Conns.Held))
	// Output: never more than conns: true
}

// Requests that were given up are in the latencies, so that a server does not look fast because it stopped answering.
func ExampleDistribution_Censored() {
	latency := timedOutRun().Latency
	fmt.Println(latency.Censored(), "of", latency.Count(), "took at least 50 ms:", latency.Quantile(0.5) >= 50*time.Millisecond)
	// Output: 5 of 5 took at least 50 ms: true
}

// Where nothing was clamped, no quantile is a histogram's edge.
func ExampleDistribution_Clamped() {
	fmt.Println(heldRun().Latency.Clamped(), "outside of the range")
	// Output: 0 outside of the range
}
