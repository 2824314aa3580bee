package loadtest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
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

func ExampleNewServer() {
	server := loadtest.NewServer(t, hello)
	defer server.Close() // a test need not: its Cleanup does

	response, err := http.Get(server.URL)
	if err != nil {
		fmt.Println(err)
		return
	}
	response.Body.Close()
	counts := server.Counts()
	fmt.Println(counts.Accepted, "conn,", counts.Requests, "request")
	// Output: 1 conn, 1 request
}

func ExampleNewTLSServer() {
	server := loadtest.NewTLSServer(t, hello)
	defer server.Close()
	r, err := loadtest.Run(context.Background(), loadtest.Config{
		Server:      server, // its certificate is trusted
		Connections: 10,
		IdleTimeout: 200 * time.Millisecond,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.Conns.Held, "held; TLS:", r.Config.TLS)
	// Output: 10 held; TLS: true
}

// A server of the author's own, with its own timeouts, on a unix socket.
func ExampleServe() {
	own := &http.Server{Handler: hello, IdleTimeout: 30 * time.Second}
	server := loadtest.Serve(t, "unix", own.Serve)
	defer server.Close()
	r, err := loadtest.Run(context.Background(), loadtest.Config{
		Server:      server,
		Connections: 10,
		IdleTimeout: 200 * time.Millisecond,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.Conns.Held, "held over", r.Config.Network)
	// Output: 10 held over unix
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

// The first line of the table says it all, if all went well.
func ExampleReport_String() {
	r := held(10, loadtest.Silent())
	headline, _, _ := strings.Cut(r.String(), "\n")
	fmt.Println(headline)
	// Output: 10 of 10 conns held, 0 dropped; 0 of 20 requests failed
}

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

func ExampleDistribution_Quantile() {
	r := held(10, loadtest.Silent())
	fmt.Println(r.Latency.Count(), "latencies")
	fmt.Println("p99 is within p50 and the maximum:",
		r.Latency.Quantile(0.50) <= r.Latency.Quantile(0.99) && r.Latency.Quantile(0.99) <= r.Latency.Max())
	// Output:
	// 20 latencies
	// p99 is within p50 and the maximum: true
}

func ExampleUniform() {
	fmt.Println(held(1, loadtest.Uniform(10*time.Millisecond, 20*time.Millisecond)).Config.Cadence)
	// Output: uniform(10ms, 20ms)
}

func ExampleEvery() {
	fmt.Println(held(1, loadtest.Every(10*time.Millisecond)).Config.Cadence)
	// Output: every(10ms)
}

func ExampleExponential() {
	fmt.Println(held(1, loadtest.Exponential(10*time.Millisecond)).Config.Cadence)
	// Output: exponential(10ms)
}

// A closed loop: with one conn, the next request leaves when the response has come.
func ExampleBackToBack() {
	r := held(1, loadtest.BackToBack())
	fmt.Println(r.Config.Cadence)
	fmt.Println("in 100 ms more than ten requests:", r.Requests.Answered > 10)
	// Output:
	// back to back
	// in 100 ms more than ten requests: true
}

// One request on each conn, to know that it is served, and one in the sweep, to know that it still is.
func ExampleSilent() {
	r := held(10, loadtest.Silent())
	fmt.Println(r.Config.Cadence+":", r.Requests.Answered, "requests on", r.Conns.Held, "conns")
	// Output: silent: 20 requests on 10 conns
}

// With every pause counted from the instant at which the request before was due, answers that come late do not thin out
// the load.
func ExampleFixed() {
	fmt.Println(held(1, loadtest.Fixed(loadtest.Every(10*time.Millisecond))).Config.Cadence)
	// Output: fixed(every(10ms))
}

// held is the report of a tenth of a second with so many conns.
func held(conns int, c loadtest.Cadence) *loadtest.Report {
	server := loadtest.NewServer(t, hello)
	defer server.Close()
	r, err := loadtest.Run(context.Background(), loadtest.Config{
		Server: server, Connections: conns, Cadence: c, Hold: 100 * time.Millisecond,
	})
	if err != nil {
		panic(err)
	}
	return r
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

func ExampleHazardBin_Rate() {
	bin := loadtest.HazardBin{From: 60 * time.Second, To: 64 * time.Second, Reached: 100, AtRisk: 25 * time.Second, Closes: 95}
	fmt.Printf("%.1f closes per second of idle time\n", bin.Rate())
	// Output: 3.8 closes per second of idle time
}
