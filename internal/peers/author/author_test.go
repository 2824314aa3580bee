// Package author is the test binary of a server author: it imports loadtest and testify, and nothing else. The peers'
// tests compile it, with go test -c, and measure it as a whole.
package author

import (
	"context"
	"net/http"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/holdfast/internal/peers/clientjob"
	"example.com/holdfast/loadtest"
)

// TestMain is also the entry of the client: it leaves before the testing package does anything.
func TestMain(m *testing.M) {
	clientjob.Main(map[string]func(clientjob.Job) (clientjob.Outcome, error){"holdfast": run})
	os.Exit(m.Run())
}

// run is Holdfast in a test process, as a server author's test would run it.
func run(job clientjob.Job) (clientjob.Outcome, error) {
	r, err := loadtest.Run(context.Background(), config(job))
	if err != nil {
		return clientjob.Outcome{}, err
	}
	q := r.Requests
	return clientjob.Outcome{
		Opened:   r.Conns.EverEstablished,
		Held:     r.Conns.Held,
		Dropped:  r.Conns.Dropped,
		Answered: q.Answered,
		Failed:   q.Failed() + q.Unsent + q.InFlightAtEnd,
	}, nil
}

func config(job clientjob.Job) loadtest.Config {
	cfg := loadtest.Config{
		URL:         job.URL,
		Connections: job.Conns,
		IdleTimeout: job.IdleTimeout,
		Hold:        job.Hold,
	}
	if job.ClosedLoop {
		cfg.Ramp = loadtest.Ramp{Every: -1}
		cfg.Cadence = loadtest.BackToBack()
		cfg.Request.Method = http.MethodGet
	}
	return cfg
}

// TestRun runs the client's job, small, in this process.
func TestRun(t *testing.T) {
	server := loadtest.NewServer(t, nil)
	for _, closedLoop := range []bool{false, true} {
		o, err := run(clientjob.Job{URL: server.URL, Conns: 10, IdleTimeout: 1e9, Hold: 1e8, ClosedLoop: closedLoop})
		require.NoError(t, err)
		require.EqualValues(t, 10, o.Held)
		require.Zero(t, o.Failed)
	}
}
