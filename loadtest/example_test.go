package loadtest_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"example.com/holdfast/loadtest"
)

// t stands in for the *testing.T of a test, which an example has not.
var t = exampleT{}

type exampleT struct{ testing.TB }

func (exampleT) Helper()                           {}
func (exampleT) Name() string                      { return "Example" }
func (exampleT) Context() context.Context          { return context.Background() }
func (exampleT) Output() io.Writer                 { return io.Discard }
func (exampleT) Cleanup(func())                    {} // an example closes its servers itself
func (exampleT) Log(args ...any)                   { fmt.Println(args...) }
func (exampleT) Logf(format string, args ...any)   { fmt.Printf(format+"\n", args...) }
func (exampleT) Errorf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
func (exampleT) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

// quiet is a test whose log is not shown.
type quiet struct{ testing.TB }

func (quiet) Logf(string, ...any) {}
func (quiet) Error(...any)        {}

var hello = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "hello") })

// run is [loadtest.Run] for examples whose point is the report.
func run(cfg loadtest.Config) *loadtest.Report {
	r, err := loadtest.Run(context.Background(), cfg)
	if err != nil {
		panic(err)
	}
	return r
}

// held is the report of a tenth of a second with so many conns.
func held(conns int, c loadtest.Cadence) *loadtest.Report {
	server := loadtest.NewServer(t, hello)
	defer server.Close()
	return run(loadtest.Config{Server: server, Connections: conns, Cadence: c, Hold: 100 * time.Millisecond})
}

// The runs that several examples read the report of. What their ledgers say does not depend on how busy the machine is.
var (
	// heldRun: 20 conns, all held.
	heldRun = sync.OnceValue(func() *loadtest.Report {
		server := loadtest.NewServer(t, hello)
		defer server.Close()
		return run(loadtest.Config{
			Server: server, Connections: 20, Ramp: loadtest.Ramp{Every: -1}, IdleTimeout: 400 * time.Millisecond,
		})
	})

	// closedIdleRun: 10 clients that send one request each, of a server that closes what is idle for 20 ms.
	closedIdleRun = sync.OnceValue(func() *loadtest.Report {
		own := &http.Server{Handler: hello, IdleTimeout: 20 * time.Millisecond}
		server := loadtest.Serve(t, "tcp", own.Serve)
		defer server.Close()
		return run(loadtest.Config{
			Server: server, Connections: 10, Cadence: loadtest.Silent(), Hold: 400 * time.Millisecond,
		})
	})

	// notFoundRun: 10 conns, all held, and 20 requests, all answered with 404.
	notFoundRun = sync.OnceValue(func() *loadtest.Report {
		server := loadtest.NewServer(t, http.NotFoundHandler())
		defer server.Close()
		return run(loadtest.Config{
			Server: server, Connections: 10, Cadence: loadtest.Silent(), Hold: 20 * time.Millisecond,
		})
	})

	// timedOutRun: 5 conns whose first request is never answered.
	timedOutRun = sync.OnceValue(func() *loadtest.Report {
		server := loadtest.NewServer(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
		defer server.Close()
		return run(loadtest.Config{
			Server: server, Connections: 5, Cadence: loadtest.Every(10 * time.Millisecond), Hold: 20 * time.Millisecond,
			ResponseTimeout: 50 * time.Millisecond,
		})
	})
)

func ExampleRun() {
	server := loadtest.NewServer(t, hello)
	defer server.Close()
	r, err := loadtest.Run(context.Background(), loadtest.Config{
		Server:      server,
		Connections: 100,
		IdleTimeout: 500 * time.Millisecond,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("held:", r.Conns.Held)
	fmt.Println("dropped:", r.Conns.Dropped)
	fmt.Println("failed requests:", r.Requests.Failed())
	// Output:
	// held: 100
	// dropped: 0
	// failed requests: 0
}

// A run that is cut short reports what it has measured, and says in which phase it was.
func ExampleRun_cancelled() {
	server := loadtest.NewServer(t, hello)
	defer server.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	r, err := loadtest.Run(ctx, loadtest.Config{Server: server, Cadence: loadtest.Silent(), Hold: time.Hour})
	fmt.Println(err)
	fmt.Println(r.Conns.Served, "served,", r.Conns.Held, "held;", "complete:", r.Phases.Complete)
	// Output:
	// loadtest: the run was cancelled in the hold: context deadline exceeded
	// 1 served, 0 held; complete: false
}
