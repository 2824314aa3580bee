package loadtest_test

import (
	"fmt"
	"net/http"
	"time"

	"example.com/holdfast/loadtest"
)

// "No conn may be closed that was idle for less than 30 s": a test that tells who broke the promise, and by how much.
func ExampleDrop() {
	var early int64
	for _, d := range closedIdleRun().Drops {
		if d.Cause == loadtest.CauseClosedIdle && d.ShortestIdle < 30*time.Second {
			early += d.Count
		}
	}
	fmt.Println(early, "conns were closed too early")
	// Output: 10 conns were closed too early
}

// One of the losses, in full: a server without keep-alive answers each conn once.
func ExampleLoss() {
	own := &http.Server{Handler: hello}
	own.SetKeepAlivesEnabled(false)
	server := loadtest.Serve(t, "tcp", own.Serve)
	defer server.Close()
	r := run(loadtest.Config{Server: server, Connections: 10, Cadence: loadtest.Silent(), Hold: 10 * time.Millisecond})
	for _, d := range r.Drops {
		fmt.Println(d.Count, "conns, such as:", d.Sample.Cause, "in", d.Sample.Phase, "after", d.Sample.Served, "answer")
	}
	// Output: 10 conns, such as: closed as announced in ramp after 1 answer
}

// What the losses were, whatever their phase and errno.
func ExampleCause() {
	lost := map[loadtest.Cause]int64{}
	for _, d := range closedIdleRun().Drops {
		lost[d.Cause] += d.Count
	}
	fmt.Println(lost)
	// Output: map[closed while idle:10]
}

// Where ports or descriptors ran out, or a request went out too late for its conn, a test has nothing on the server.
func ExampleCause_ByGenerator() {
	for _, c := range []loadtest.Cause{loadtest.CauseClosedIdle, loadtest.CauseLocalExhaustion, loadtest.CauseResetWritingLate} {
		fmt.Printf("%s: %v\n", c, c.ByGenerator())
	}
	// Output:
	// closed while idle: false
	// local exhaustion: true
	// reset while writing late: true
}

// At which idle age conns are closed: of a server with a keep-alive timeout of 20 ms, none before that.
func ExampleHazardBin() {
	var closes, early int64
	for _, bin := range closedIdleRun().Hazard {
		closes += bin.Closes
		if bin.To < 20*time.Millisecond {
			early += bin.Closes
		}
	}
	fmt.Println(closes, "closes,", early, "of them before 20 ms")
	// Output: 10 closes, 0 of them before 20 ms
}

func ExampleHazardBin_Rate() {
	bin := loadtest.HazardBin{From: 60 * time.Second, To: 64 * time.Second, Reached: 100, AtRisk: 25 * time.Second, Closes: 95}
	fmt.Printf("%.1f closes per second of idle time\n", bin.Rate())
	// Output: 3.8 closes per second of idle time
}

// Answers with a status that nobody wanted are no losses: the conns are open, and the requests failed.
func ExampleStatusCount() {
	for _, u := range notFoundRun().Unwanted {
		fmt.Println(u.Count, "times", u.Status, http.StatusText(u.Status))
	}
	// Output: 20 times 404 Not Found
}
