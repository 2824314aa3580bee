package loadtest

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"example.com/holdfast/internal/leaktest"
	"example.com/holdfast/internal/peers/clientjob"
)

// TestMain is also the entry of the clients that peers sets side by side: Holdfast as it is, and without what makes its
// figures ones to trust.
func TestMain(m *testing.M) {
	clientjob.Main(map[string]func(clientjob.Job) (clientjob.Outcome, error){
		"holdfast":      func(j clientjob.Job) (clientjob.Outcome, error) { return closedLoop(j, false) },
		"holdfast-bare": func(j clientjob.Job) (clientjob.Outcome, error) { return closedLoop(j, true) },
	})
	leaktest.Main(m)
}

func closedLoop(job clientjob.Job, bare bool) (o clientjob.Outcome, err error) {
	run := systemRunner()
	run.bare = bare
	r, err := run.run(context.Background(), Config{
		URL: job.URL, Connections: job.Conns, Ramp: Ramp{Every: -1}, IdleTimeout: job.IdleTimeout, Hold: job.Hold,
		Cadence: BackToBack(), Processes: job.Processes, Request: Request{Method: http.MethodGet},
	})
	if err != nil {
		return o, err
	}
	if stamped := r.Stamps.Kernel > 0; stamped == bare {
		return o, fmt.Errorf("bare is %v, and %d responses had a kernel stamp", bare, r.Stamps.Kernel)
	}
	if known := r.Host.Busy >= 0; known == bare {
		return o, fmt.Errorf("bare is %v, and the host's CPUs were busy %v", bare, r.Host.Busy)
	}
	return clientjob.Outcome{
		Opened: r.Conns.EverEstablished, Held: r.Conns.Held, Dropped: r.Conns.Dropped,
		Answered: r.Requests.Answered, Failed: r.Requests.Failed(),
	}, nil
}
