package loadtest_test

import (
	"fmt"
	"strings"
	"time"

	"example.com/holdfast/loadtest"
)

// A budget is met, broken, or cannot be judged: a run on a busy machine fails nobody.
func ExampleReport_Judge() {
	r := held(10, loadtest.Every(10*time.Millisecond))
	strict := r.Judge(loadtest.Budget{Latency: loadtest.Limits{P50: 10 * time.Second}})
	fmt.Println(strict.Outcome, strict.Err())
	unknown := r.Judge(loadtest.Budget{RSSPerConn: 20 << 10})
	fmt.Println(unknown)
	// Output:
	// pass <nil>
	// invalid
	//   undecided: RSSPerConn cannot be told: server and generator are in one process, and nobody can tell the server's memory: set Config.Processes to 1, so that the generator has a process of its own
}

// What no change may fall behind: one client in twenty may lose its conn, and of a hundred answers one may take longer
// than 5 s.
func ExampleBudget() {
	verdict := heldRun().Judge(loadtest.Budget{
		Held:    19,
		Drops:   1,
		Failed:  -1, // any number: this test is not about what the answers are
		Latency: loadtest.Limits{P99: 5 * time.Second},
	})
	fmt.Println("broken:", len(verdict.Broken))
	// Output: broken: 0
}

// Half of the clients get an answer at once, and nobody waits for longer than a person does.
func ExampleLimits() {
	limits := loadtest.Limits{P50: 2 * time.Second, Max: 10 * time.Second}
	for _, met := range heldRun().Judge(loadtest.Budget{ServiceTime: limits}).Met {
		if met.Line == "ServiceTime.P50" || met.Line == "ServiceTime.Max" {
			fmt.Println(met.Line, "within", met.Limit)
		}
	}
	// Output:
	// ServiceTime.P50 within 2s
	// ServiceTime.Max within 10s
}

// The text of a verdict is what a test prints: it names the line, the reading and the limit.
func ExampleVerdict() {
	fmt.Println(notFoundRun().Judge(loadtest.Budget{}))
	// Output:
	// fail
	//   broken: Failed: at least 20, whatever this machine did: none is allowed (reported: 20). Failed: 20 with status 404. 20 × 404: set the path in Config.URL.
}

// Err is nil for Pass alone: a run that tells nothing is not green.
func ExampleVerdict_Err() {
	if err := notFoundRun().Judge(loadtest.Budget{}).Err(); err != nil {
		headline, _, _ := strings.Cut(err.Error(), "\n")
		fmt.Println("t.Error:", headline)
	}
	fmt.Println(notFoundRun().Judge(loadtest.Budget{Failed: -1}).Err())
	// Output:
	// t.Error: loadtest: fail
	// <nil>
}

// On a machine that other work keeps busy a run may tell nothing: a test may skip then, where it must not fail.
func ExampleOutcome() {
	switch verdict := notFoundRun().Judge(loadtest.Budget{}); verdict.Outcome {
	case loadtest.Pass:
		fmt.Println("nothing to say")
	case loadtest.Fail:
		fmt.Println("t.Error: the server broke", len(verdict.Broken), "line of the budget")
	case loadtest.Invalid:
		fmt.Println("t.Skip:", verdict)
	}
	// Output: t.Error: the server broke 1 line of the budget
}

// A reason as data, for a dashboard: the line of the budget, what it allows, and what was seen.
func ExampleReason() {
	for _, why := range notFoundRun().Judge(loadtest.Budget{}).Broken {
		fmt.Printf("%s: %s allowed, %s seen, %s of them surely the server's\n", why.Line, why.Limit, why.Pessimistic, why.Optimistic)
	}
	// Output: Failed: 0 allowed, 20 seen, 20 of them surely the server's
}

// The requests that fell due in hold are what limits of latency are about: what the ramp did to them does not count.
func ExampleCohort() {
	r := heldRun()
	fmt.Println("all were answered:", r.Hold.Latency.Count() == r.Requests.HoldDue)
	fmt.Println("there were more, in ramp and sweep:", r.Latency.Count() > r.Hold.Latency.Count())
	// Output:
	// all were answered: true
	// there were more, in ramp and sweep: true
}

// No busy machine makes a 404 of a 200: all of these are the server's, whatever else went on.
func ExampleSure() {
	r := notFoundRun()
	fmt.Println(r.Hold.Sure.Failed, "of", r.Requests.Failed(), "failures are surely the server's")
	// Output: 20 of 20 failures are surely the server's
}
