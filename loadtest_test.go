// Package holdfast_test is a server author's repository in miniature: acceptance tests and benchmarks that use nothing
// but packages loadtest and gate.
package holdfast_test

import (
	"cmp"
	"context"
	"crypto/tls"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/holdfast/internal/leaktest"
	"example.com/holdfast/internal/peers"
	"example.com/holdfast/internal/peers/standalone"
	"example.com/holdfast/loadtest"
	"example.com/holdfast/loadtest/gate"
)

// page is longer than what net/http writes at once, so that a response comes in several reads.
var page = strings.Repeat("all work and no play makes a server dull\n", 200)

// shop is the server that the author wants to be sure of.
func shop() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, page) })
	mux.HandleFunc("POST /order", func(w http.ResponseWriter, r *http.Request) {
		order, err := io.ReadAll(r.Body)
		if err != nil || string(order) != "3 apples" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		w.WriteHeader(http.StatusCreated)
	})
	return mux
}

// brief is a run of less than a second that a busy machine does not break.
func brief(s *loadtest.Server) loadtest.Config {
	return loadtest.Config{
		Server: s, Connections: 50,
		IdleTimeout:    500 * time.Millisecond,
		ConnectTimeout: 30 * time.Second, ResponseTimeout: 30 * time.Second,
	}
}

// requireAllHeld requires that every conn was opened once and held, and every request answered as it should be.
func requireAllHeld(tb testing.TB, r *loadtest.Report) {
	tb.Helper()
	n := r.Conns.Requested
	want := loadtest.Conns{Requested: n, EverEstablished: n, Served: n, Held: n, Attempts: n, Connected: n, OpenAtEnd: n}
	require.Equal(tb, want, r.Conns, "conns:\n%s", r)
	require.Empty(tb, r.Drops, "drops:\n%s", r)
	require.Equal(tb, r.Requests.Due, r.Requests.Answered, "requests answered:\n%s", r)
	require.Zero(tb, r.Requests.Unwanted, "unwanted answers:\n%s", r)
	require.Greater(tb, r.Requests.Answered, n, "conns were kept alive by further requests:\n%s", r)
}

func TestServersHoldTheirConns(t *testing.T) {
	own := func(network string) func(testing.TB) *loadtest.Server {
		return func(tb testing.TB) *loadtest.Server {
			server := &http.Server{Handler: shop(), IdleTimeout: time.Minute}
			return loadtest.Serve(tb, network, server.Serve)
		}
	}
	servers := map[string]func(testing.TB) *loadtest.Server{
		"plain":  func(tb testing.TB) *loadtest.Server { return loadtest.NewServer(tb, shop()) },
		"TLS":    func(tb testing.TB) *loadtest.Server { return loadtest.NewTLSServer(tb, shop()) },
		"tcp":    own("tcp"),
		"unix":   own("unix"),
		"memory": own("memory"),
	}
	for name, start := range servers {
		for _, method := range []string{http.MethodHead, http.MethodGet} {
			t.Run(name+"/"+method, func(t *testing.T) {
				t.Parallel()
				cfg := brief(start(t))
				cfg.Request.Method = method
				r, err := loadtest.Run(t.Context(), cfg)
				require.NoError(t, err)
				requireAllHeld(t, r)
				require.EqualValues(t, 50, r.Fixture.Accepted)
			})
		}
	}
}

// What the rest of go test ./... does to this machine may keep a run from proving anything: then it is skipped.
func TestShopHoldsAThousand(t *testing.T) {
	r := loadtest.Check(t, loadtest.Config{
		Server:      loadtest.NewServer(t, shop()),
		Connections: 1000,
		IdleTimeout: 4 * time.Second,
	}, loadtest.Budget{Latency: loadtest.Limits{P99: 2 * time.Second}, SkipUnfit: true})
	require.EqualValues(t, 1000, r.Conns.Held)
}

func TestShopLeaksNothing(t *testing.T) {
	r := loadtest.Check(t, loadtest.Config{
		Server:      loadtest.NewServer(t, shop()),
		Connections: 300,
		IdleTimeout: 2 * time.Second,
	}, loadtest.Budget{LeakRounds: 3, SkipUnfit: true})
	require.Len(t, r.Leaks.Rounds, 3)
}

// TestGateOfTheFixture holds the fixture against what it was at the commit that HOLDFAST_BASE names, as .ci/run does with the one
// before. It reports: one change is looked at once, on whatever machine there is.
func TestGateOfTheFixture(t *testing.T) {
	gate.Check(t, loadtest.Config{
		Server:      loadtest.NewServer(t, shop()),
		Connections: 1000,
		IdleTimeout: 2 * time.Second,
		Hold:        200 * time.Millisecond,
	}, loadtest.Budget{SkipUnfit: true}, gate.Options{ReportOnly: true})
}

// Runs with generator processes do not get into each other's way.
func TestGeneratorProcessesAtOnce(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("generator processes need Linux")
	}
	servers := map[string]func(testing.TB, http.Handler) *loadtest.Server{"plain": loadtest.NewServer, "TLS": loadtest.NewTLSServer}
	for name, start := range servers {
		for n := range 3 {
			t.Run(fmt.Sprintf("%s/processes=%d", name, n), func(t *testing.T) {
				t.Parallel()
				cfg := brief(start(t, shop()))
				cfg.Processes = n
				r, err := loadtest.Run(t.Context(), cfg)
				require.NoError(t, err)
				requireAllHeld(t, r)
				require.EqualValues(t, 50, r.Fixture.Accepted)
				require.Equal(t, r.Requests.Answered, r.Fixture.Requests)
				require.Len(t, r.Processes, n)
			})
		}
	}
}

func TestOrdersGoThrough(t *testing.T) {
	t.Parallel()
	cfg := brief(loadtest.NewServer(t, shop()))
	cfg.URL = "/order"
	cfg.Request = loadtest.Request{
		Method: http.MethodPost,
		Header: http.Header{"Content-Type": {"text/plain"}},
		Body:   []byte("3 apples"),
		Want:   loadtest.StatusRange{Lowest: 201, Highest: 201},
	}
	r, err := loadtest.Run(t.Context(), cfg)
	require.NoError(t, err)
	requireAllHeld(t, r)
	require.Equal(t, r.Requests.Answered, r.Fixture.Requests)
}

// A wrong path is no success, although every conn is held.
func TestWrongPathIsSeen(t *testing.T) {
	t.Parallel()
	cfg := brief(loadtest.NewServer(t, shop()))
	cfg.URL = "/nowhere"
	r, err := loadtest.Run(t.Context(), cfg)
	require.NoError(t, err)
	require.EqualValues(t, 50, r.Conns.Held)
	require.Equal(t, r.Requests.Answered, r.Requests.Unwanted)
	require.Len(t, r.Unwanted, 1)
	require.Equal(t, http.StatusNotFound, r.Unwanted[0].Status)
}

// A server that ends keep-alive serves every conn and holds none.
func TestServerWithoutKeepAlive(t *testing.T) {
	t.Parallel()
	server := &http.Server{Handler: shop()}
	server.SetKeepAlivesEnabled(false)
	r, err := loadtest.Run(t.Context(), brief(loadtest.Serve(t, "tcp", server.Serve)))
	require.NoError(t, err)
	require.EqualValues(t, 50, r.Conns.Served)
	require.EqualValues(t, 0, r.Conns.Held)
	require.EqualValues(t, 50, r.Conns.Dropped)
	require.Len(t, r.Drops, 1)
	require.Equal(t, loadtest.CauseClosedAnnounced, r.Drops[0].Cause)
}

func TestFiveThousand(t *testing.T) {
	// Without post-quantum keys: under the race detector these take most of the time.
	plainKeys := &tls.Config{CurvePreferences: []tls.CurveID{tls.CurveP256}}
	servers := []struct {
		name  string
		start func(testing.TB, http.Handler) *loadtest.Server
		trust *tls.Config
	}{{"plain", loadtest.NewServer, nil}, {"TLS", loadtest.NewTLSServer, plainKeys}}
	for _, server := range servers {
		for _, method := range []string{http.MethodHead, http.MethodGet} {
			t.Run(server.name+"/"+method, func(t *testing.T) {
				r, err := loadtest.Run(t.Context(), loadtest.Config{
					Server:         server.start(t, shop()),
					TLS:            server.trust,
					Connections:    5000,
					Ramp:           loadtest.Ramp{Every: -1},
					IdleTimeout:    4 * time.Second,
					Hold:           500 * time.Millisecond,
					Request:        loadtest.Request{Method: method},
					ConnectTimeout: 30 * time.Second, ResponseTimeout: 30 * time.Second,
				})
				require.NoError(t, err)
				requireAllHeld(t, r)
				require.EqualValues(t, 5000, r.Fixture.Peak)
				require.Equal(t, r.Requests.Answered, r.Fixture.Requests)
			})
		}
	}
}

// The origin's job, with nginx as the witness. -args -keepalive=60s runs it as the origin did.
func TestNginxHoldsTenThousand(t *testing.T) {
	t.Parallel()
	keepalive := cmp.Or(*flagKeepalive, 10*time.Second)
	nginx := peers.StartNginx(t, peers.NginxOptions{KeepaliveTimeout: keepalive})
	r, err := loadtest.Run(t.Context(), loadtest.Config{
		URL:         nginx.URL,
		Connections: 10_000,
		IdleTimeout: keepalive,
		Hold:        *flagHold,
	})
	require.NoError(t, err)
	requireAllHeld(t, r)
	nginx.Stop()
	require.Equal(t, nginx.AccessLogLines(), r.Requests.Answered, "answered requests, against nginx's access log")
	t.Log("\n" + r.String())
}

// Given after -args, or directly to the compiled test binary, where the flags of go test begin with -test:
//
//	go test -run='^$' -bench=URL -benchtime=1x -v . -args -url=http://127.0.0.1:8080/ -conns=10000 -keepalive=60s
//
//	go test -c -o holdfast .
//	./holdfast -test.run='^$' -test.bench=URL -test.benchtime=1x -test.v -url=http://127.0.0.1:8080/ -conns=10000
var (
	flagURL       = flag.String("url", "", "load this server instead of those in the process")
	flagConns     = flag.Int("conns", 1, "with -url: connections")
	flagKeepalive = flag.Duration("keepalive", 0, "the server's keep-alive timeout (0: with -url 60s)")
	flagHold      = flag.Duration("hold", 0, "how long to hold the connections (0: half of -keepalive)")
	flagRemote    = flag.Bool("allow-remote", false, "with -url: load a server on another machine")
)

// BenchmarkServer holds conns on a server in this process, which are opened from another where the system can (Linux):
// then CPU and memory are the server's.
func BenchmarkServer(b *testing.B) {
	if *flagURL != "" {
		b.Skip("-url names another server")
	}
	for _, conns := range []int{100, 1000, 5000} {
		b.Run(fmt.Sprintf("conns=%d", conns), func(b *testing.B) { benchmarkServer(b, inProcess(conns)) })
	}
}

// inProcess is a run of four seconds, if no flag says otherwise, and the ramp, at the origin's pace.
func inProcess(conns int) loadtest.Config {
	return loadtest.Config{Connections: conns, IdleTimeout: cmp.Or(*flagKeepalive, 4*time.Second)}
}

func benchmarkServer(b *testing.B, cfg loadtest.Config) {
	cfg.Server = loadtest.NewServer(b, shop())
	r := loadtest.Bench(b, cfg)
	if r.Conns.Held != r.Conns.Requested || r.Requests.Failed() > 0 {
		b.Fatalf("figures of a run that went wrong mean nothing:\n%s", r)
	}
}

// BenchmarkURL is the origin's command line: so many conns to any server. With -v it shows a line each second and each
// lost conn, and in the end the report; Ctrl-C ends it early, with the report.
func BenchmarkURL(b *testing.B) {
	if *flagURL == "" {
		b.Skip("no server to load: say which with -args -url=http://…")
	}
	cfg := loadtest.Config{
		URL:         *flagURL,
		Connections: *flagConns,
		IdleTimeout: *flagKeepalive,
		Hold:        *flagHold,
		AllowRemote: *flagRemote,
	}
	if testing.Verbose() {
		cfg.Progress = func(s loadtest.Sample) { standalone.LiveLines(os.Stderr, s) } // stdout is for results
	}
	ctx, stop := signal.NotifyContext(b.Context(), os.Interrupt)
	defer stop()
	context.AfterFunc(ctx, stop) // so that a second Ctrl-C ends all at once
	b.Run(fmt.Sprintf("conns=%d", *flagConns), func(b *testing.B) { benchmarkURL(ctx, b, cfg) })
}

// benchmarkURL has a loop of its own, because Ctrl-C is the program's to handle.
func benchmarkURL(ctx context.Context, b *testing.B, cfg loadtest.Config) {
	var r *loadtest.Report
	for b.Loop() {
		r = runURL(ctx, b, cfg)
	}
	r.ReportMetrics(b)
}

func runURL(ctx context.Context, b *testing.B, cfg loadtest.Config) *loadtest.Report {
	r, err := loadtest.Run(ctx, cfg)
	switch {
	case r == nil:
		b.Fatal(err)
	case err != nil:
		b.Fatalf("%v\n%s", err, r)
	case testing.Verbose():
		b.Logf("\n%s", r)
	}
	return r
}

func TestBenchmarkServerBody(t *testing.T) {
	r := testing.Benchmark(func(b *testing.B) {
		benchmarkServer(b, loadtest.Config{Connections: 20, IdleTimeout: 200 * time.Millisecond})
	})
	require.Positive(t, r.N, "the benchmark failed")
	units := []string{"connect-p99-ns", "conns/s", "drops/op", "failed/op", "held/op", "p50-ns", "p99-ns", "p999-ns", "req/s"}
	require.Subset(t, slices.Collect(maps.Keys(r.Extra)), units)
	require.EqualValues(t, 20, r.Extra["held/op"])
	require.Zero(t, r.Extra["drops/op"]+r.Extra["failed/op"])
}

func TestMain(m *testing.M) { leaktest.Main(m) }
