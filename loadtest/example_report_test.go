package loadtest_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"example.com/holdfast/loadtest"
)

// A report is data: what one test saved, as a job of CI does with its artifacts, another program reads and judges alike.
func ExampleReport() {
	saved, err := json.Marshal(heldRun())
	if err != nil {
		fmt.Println(err)
		return
	}
	var r loadtest.Report
	if err := json.Unmarshal(saved, &r); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.Conns.Held, "of", r.Conns.Requested, "held")
	fmt.Println("the same verdict:", r.Judge(loadtest.Budget{}).String() == heldRun().Judge(loadtest.Budget{}).String())
	// Output:
	// 20 of 20 held
	// the same verdict: true
}

// The first line of the table says it all, if all went well.
func ExampleReport_String() {
	r := held(10, loadtest.Silent())
	headline, _, _ := strings.Cut(r.String(), "\n")
	fmt.Println(headline)
	// Output: 10 of 10 conns held, 0 dropped; 0 of 20 requests failed
}

// A server that takes ten clients and hangs up on the others. To count open sockets would not tell: all twenty connect.
func ExampleConns() {
	var conns atomic.Int64
	own := &http.Server{Handler: hello, ConnState: func(c net.Conn, s http.ConnState) {
		if s == http.StateNew && conns.Add(1) > 10 {
			c.Close()
		}
	}}
	server := loadtest.Serve(t, "tcp", own.Serve)
	defer server.Close()
	r := run(loadtest.Config{Server: server, Connections: 20, Cadence: loadtest.Silent(), Hold: 20 * time.Millisecond})
	fmt.Println(r.Conns.Requested, "asked for,", r.Conns.Served, "served,", r.Conns.Held, "held")
	// Output: 20 asked for, 10 served, 10 held
}

// Each request is in one class: what was due and is not among the answers, went somewhere.
func ExampleRequests() {
	q := timedOutRun().Requests
	fmt.Println(q.Due, "due,", q.Sent, "sent,", q.Answered, "answered,", q.TimedOut, "timed out")
	// Output: 5 due, 5 sent, 0 answered, 5 timed out
}

// A wrong path holds every conn, and would be green if only conns counted.
func ExampleRequests_Failed() {
	r := notFoundRun()
	fmt.Println(r.Conns.Held, "held,", r.Requests.Answered, "answered,", r.Requests.Failed(), "failed")
	// Output: 10 held, 20 answered, 20 failed
}

// A run that was not cut short has ended in drain, and held for as long as it was told to.
func ExamplePhases() {
	p := heldRun().Phases
	fmt.Println("complete:", p.Complete, "in", p.Ended)
	fmt.Println("held for 200 ms:", p.Hold >= 200*time.Millisecond)
	// Output:
	// complete: true in drain
	// held for 200 ms: true
}

// What this test costs the suite.
func ExamplePhases_Total() {
	p := heldRun().Phases
	fmt.Println("more than ramp and hold:", p.Total() > p.Ramp+p.Hold)
	// Output: more than ramp and hold: true
}

// 20 conns with a mean pause of 150 ms give 133 requests/s, if the answers do not keep them waiting.
func ExampleLoad() {
	load := heldRun().Load
	fmt.Printf("the cadence gives %.0f requests/s\n", load.Expected)
	fmt.Println("some were offered:", load.Offered > 0)
	// Output:
	// the cadence gives 133 requests/s
	// some were offered: true
}

// Of what is encrypted the kernel cannot tell which segment ends a response: over TLS this process times the arrivals, and
// is late where the machine is busy.
func ExampleStamps() {
	server := loadtest.NewTLSServer(t, hello)
	defer server.Close()
	r := run(loadtest.Config{Server: server, Connections: 5, Cadence: loadtest.Silent(), Hold: 10 * time.Millisecond})
	fmt.Println(r.Stamps.Kernel, "by the kernel,", r.Stamps.User, "by this process")
	// Output: 0 by the kernel, 10 by this process
}

// A full accept queue makes connects slow by whole seconds, and no quantile says why.
func ExampleSlow() {
	slow := loadtest.Slow{Connects: 12, ConnectsRetransmitted: 12} // Report.Slow
	if slow.ConnectsRetransmitted > 0 {
		fmt.Printf("%d of %d slow connects sent their SYN again: raise the backlog\n", slow.ConnectsRetransmitted, slow.Connects)
	}
	// Output: 12 of 12 slow connects sent their SYN again: raise the backlog
}
