//go:build linux

package peers

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"example.com/holdfast/internal/peers/clientjob"
)

// timeout bounds the connect and the wait for an answer, as in the origin.
const timeout = 3 * time.Second

// A netHTTP does the origin's job with what the standard library offers: a Transport for each connection, because one
// Transport for all would decide itself which connection a request takes.
type netHTTP struct {
	url                      string
	longest                  int // pause, seconds
	opened, answered, failed atomic.Int64
}

// netHTTPClient opens conns at the origin's pace and keeps them alive until ramp and hold are over.
func netHTTPClient(job clientjob.Job) (clientjob.Outcome, error) {
	if job.ClosedLoop {
		return clientjob.Outcome{}, errors.New("the net/http client does only the origin's job")
	}
	ctx, cancel := context.WithTimeout(context.Background(), rampTime(job.Conns)+job.Hold)
	defer cancel()
	h := &netHTTP{url: job.URL, longest: max(1, int(job.IdleTimeout/2/time.Second))}
	tick := time.NewTicker(rampEvery)
	defer tick.Stop()
	for i := range job.Conns {
		if i > 0 && i%rampConns == 0 {
			<-tick.C
		}
		go h.keep(ctx)
	}
	<-ctx.Done()
	return clientjob.Outcome{Opened: h.opened.Load(), Answered: h.answered.Load(), Failed: h.failed.Load()}, nil
}

// keep sends HEAD on a connection of its own, again after each pause, until ctx ends or the connection fails.
func (h *netHTTP) keep(ctx context.Context) {
	client := &http.Client{Timeout: timeout, Transport: &http.Transport{
		MaxConnsPerHost: 1,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := (&net.Dialer{Timeout: timeout}).DialContext(ctx, network, addr)
			if err == nil {
				h.opened.Add(1)
			}
			return conn, err
		},
	}}
	for {
		err := h.head(ctx, client)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			h.failed.Add(1)
			return
		}
		h.answered.Add(1)
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Duration(1+rand.IntN(h.longest)) * time.Second):
		}
	}
}

func (h *netHTTP) head(ctx context.Context, client *http.Client) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, h.url, nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", resp.StatusCode)
	}
	return nil
}
