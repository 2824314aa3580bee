package loadtest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"time"

	"example.com/holdfast/loadtest"
)

// What clients do in production, in small: what a test leaves out has a default that goes with IdleTimeout.
func ExampleConfig() {
	server := loadtest.NewServer(t, hello)
	defer server.Close()
	r, err := loadtest.Run(context.Background(), loadtest.Config{
		Server:      server,
		Connections: 50,
		Ramp:        loadtest.Ramp{Conns: 25, Every: 10 * time.Millisecond},
		IdleTimeout: 400 * time.Millisecond, // the server's promise: clients pause for half of it at most
		Seed:        1,                      // the same pauses in each run
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.Conns.Held, "held for", r.Config.Hold, "with pauses", r.Config.Cadence)
	// Output: 50 held for 200ms with pauses uniform(100ms, 200ms)
}

// Any server on this machine; those on others only with AllowRemote.
func ExampleConfig_url() {
	server := httptest.NewServer(hello)
	defer server.Close()
	r, err := loadtest.Run(context.Background(), loadtest.Config{
		URL:         server.URL + "/some/path?query",
		Connections: 10,
		IdleTimeout: 200 * time.Millisecond,
		Request:     loadtest.Request{Method: http.MethodGet},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.Conns.Held, "held with", r.Config.Method)
	// Output: 10 held with GET
}

// All problems come at once, before any conn is opened.
func ExampleConfigError() {
	_, err := loadtest.Run(context.Background(), loadtest.Config{
		URL:         "ftp://127.0.0.1/",
		Connections: -1,
	})
	if invalid, ok := errors.AsType[*loadtest.ConfigError](err); ok {
		fmt.Println(len(invalid.Problems), "problems")
	}
	// Output: 2 problems
}

// What a run needs of the machine is counted before the first conn is opened. Where that is less than the test asks for,
// it is not the server that fails.
func ExampleResourceError() {
	_, err := loadtest.Run(context.Background(), loadtest.Config{
		URL:         "http://127.0.0.1:8080/",
		Connections: 16_000_000,
	})
	if short, ok := errors.AsType[*loadtest.ResourceError](err); ok {
		fmt.Println("too little:", short.Have < short.Need, "- with a command that mends it:", short.Hint != "")
	}
	// Output: too little: true - with a command that mends it: true
}

// A server behind a slow start: 20 conns at 500 a second. All at once, as after a network was down, is Every: -1.
func ExampleRamp() {
	server := loadtest.NewServer(t, hello)
	defer server.Close()
	r := run(loadtest.Config{
		Server:      server,
		Connections: 20,
		Ramp:        loadtest.Ramp{Conns: 5, Every: 10 * time.Millisecond},
		Cadence:     loadtest.Silent(),
		Hold:        10 * time.Millisecond,
	})
	fmt.Println("the last five were begun after 30 ms:", r.Phases.Opened >= 30*time.Millisecond)
	// Output: the last five were begun after 30 ms: true
}

// Orders instead of HEAD, and nothing but 201 will do.
func ExampleRequest() {
	server := loadtest.NewServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if order, err := io.ReadAll(r.Body); err == nil && string(order) == `{"apples":3}` {
			w.WriteHeader(http.StatusCreated)
		}
	}))
	defer server.Close()
	r := run(loadtest.Config{
		Server:      server,
		URL:         "/orders",
		Connections: 10,
		Cadence:     loadtest.Silent(),
		Hold:        10 * time.Millisecond,
		Request: loadtest.Request{
			Method: http.MethodPost,
			Header: http.Header{"Content-Type": {"application/json"}},
			Body:   []byte(`{"apples":3}`),
			Want:   loadtest.StatusRange{Lowest: http.StatusCreated, Highest: http.StatusCreated},
		},
	})
	fmt.Println(r.Requests.Answered, "orders,", r.Requests.Failed(), "failed")
	// Output: 20 orders, 0 failed
}

// A server that is to turn everybody away, and to keep their conns: here 401 is success, and 200 would be a hole.
func ExampleStatusRange() {
	locked := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) })
	server := loadtest.NewServer(t, locked)
	defer server.Close()
	r := run(loadtest.Config{
		Server:      server,
		Connections: 10,
		Cadence:     loadtest.Silent(),
		Hold:        10 * time.Millisecond,
		Request:     loadtest.Request{Want: loadtest.StatusRange{Lowest: 401, Highest: 401}},
	})
	fmt.Println(r.Conns.Held, "held,", r.Requests.Failed(), "requests failed")
	// Output: 10 held, 0 requests failed
}

// A server that ends each conn after three requests, as some do, and clients that come back.
func ExampleReopen() {
	var requests sync.Map // by conn
	server := loadtest.NewServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, _ := requests.LoadOrStore(r.RemoteAddr, new(atomic.Int64))
		if n.(*atomic.Int64).Add(1) == 3 {
			w.Header().Set("Connection", "close")
		}
	}))
	defer server.Close()
	r, err := loadtest.Run(context.Background(), loadtest.Config{
		Server:      server,
		Connections: 20,
		Cadence:     loadtest.Every(50 * time.Millisecond),
		IdleTimeout: time.Second,
		Reopen:      loadtest.Reopen{Delay: 10 * time.Millisecond},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, d := range r.Drops {
		if d.Cause != loadtest.CauseClosedAnnounced {
			fmt.Println(d.Count, d.Cause)
		}
	}
	fmt.Println("held:", r.Conns.Held)
	fmt.Println("slots were answered again:", r.Conns.Recovered > 20, r.Recovery.Quantile(0.5) > 0)
	// Output:
	// held: 0
	// slots were answered again: true true
}

// What a Config left to its defaults, and what it did not, as it took effect.
func ExampleEcho() {
	was := heldRun().Config
	fmt.Println(was.Method, "in", was.Cadence, "- good are", was.WantLowest, "to", was.WantHighest)
	fmt.Println("an answer may take", was.ResponseTimeout)
	// Output:
	// HEAD in uniform(100ms, 200ms) - good are 200 to 399
	// an answer may take 3s
}
