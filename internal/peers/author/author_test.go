// Package author is the test binary of the author of a server that runs elsewhere: it has loadtest and testify in it, and
// no server of its own. The peers' tests compile it, with go test -c, and measure it as a whole.
package author

import (
	"context"
	"fmt"
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
	require.NoError(client{}, err)
	require.EqualValues(client{}, job.Conns, r.Conns.Held, "%s", r)
	q := r.Requests
	return clientjob.Outcome{
		Opened:   r.Conns.EverEstablished,
		Held:     r.Conns.Held,
		Dropped:  r.Conns.Dropped,
		Answered: q.Answered,
		Failed:   q.Failed() + q.Unsent + q.InFlightAtEnd,
	}, nil
}

// client fails as a test does, by ending the process.
type client struct{}

func (client) Errorf(format string, args ...any) { fmt.Fprintf(os.Stderr, format, args...) }
func (client) FailNow()                          { os.Exit(1) }

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
