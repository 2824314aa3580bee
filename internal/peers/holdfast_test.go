//go:build linux

package peers

import (
	"context"
	"net/http"

	"example.com/holdfast/loadtest"
)

// holdfastClient is Holdfast in a test process, as a server author's test would run it.
func holdfastClient(job clientJob) (outcome, error) {
	r, err := loadtest.Run(context.Background(), holdfastConfig(job))
	if err != nil {
		return outcome{}, err
	}
	q := r.Requests
	return outcome{
		Opened:   r.Conns.EverEstablished,
		Held:     r.Conns.Held,
		Dropped:  r.Conns.Dropped,
		Answered: q.Answered,
		Failed:   q.Unsent + q.TimedOut + q.Malformed + q.LostWithConn + q.InFlightAtEnd + q.Unwanted,
	}, nil
}

func holdfastConfig(job clientJob) loadtest.Config {
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
