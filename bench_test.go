package holdfast_test

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"testing"
	"time"

	"example.com/holdfast/loadtest"
)

// Given after -args, or directly to the compiled test binary, where the flags of go test begin with -test:
//
//	go test -run='^$' -bench=URL -benchtime=1x -v . -args -url=http://127.0.0.1:8080/ -conns=10000 -keepalive=60s
//
//	go test -c -o holdfast .
//	./holdfast -test.run='^$' -test.bench=URL -test.benchtime=1x -test.v -url=http://127.0.0.1:8080/ -conns=10000
var (
	flagURL       = flag.String("url", "", "load this server instead of those in the process")
	flagConns     = flag.Int("conns", 1, "with -url: connections")
	flagKeepalive = flag.Duration("keepalive", 0, "the server's keep-alive timeout (with -url 0 is 60s)")
	flagHold      = flag.Duration("hold", 0, "how long to hold the connections (0: half of -keepalive)")
	flagRemote    = flag.Bool("allow-remote", false, "with -url: load a server on another machine")
)

// BenchmarkServer holds conns on a server in this process: an op takes both ends' CPU, and two descriptors a conn.
func BenchmarkServer(b *testing.B) {
	if *flagURL != "" {
		b.Skip("-url names another server")
	}
	for _, conns := range []int{100, 1000, 5000} {
		b.Run(fmt.Sprintf("conns=%d", conns), func(b *testing.B) { benchmarkServer(b, inProcess(conns)) })
	}
}

// inProcess is a run of four seconds and the ramp, at the origin's pace.
func inProcess(conns int) loadtest.Config {
	return loadtest.Config{Connections: conns, IdleTimeout: 4 * time.Second}
}

func benchmarkServer(b *testing.B, cfg loadtest.Config) {
	var m metrics
	for b.Loop() {
		m.add(runServer(b, cfg))
	}
	m.report(b)
}

func runServer(b *testing.B, cfg loadtest.Config) *loadtest.Report {
	cfg.Server = loadtest.NewServer(b, shop())
	defer cfg.Server.Close()
	r, err := loadtest.Run(b.Context(), cfg)
	if err != nil {
		b.Fatal(err)
	}
	if r.Conns.Held != r.Conns.Requested || r.Requests.Failed() > 0 {
		b.Fatalf("figures of a run that went wrong mean nothing:\n%s", r)
	}
	return r
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
		cfg.Progress = func(s loadtest.Sample) { liveLines(os.Stderr, s) } // stdout is for results
	}
	ctx, stop := signal.NotifyContext(b.Context(), os.Interrupt)
	defer stop()
	context.AfterFunc(ctx, stop) // so that a second Ctrl-C ends all at once
	b.Run(fmt.Sprintf("conns=%d", *flagConns), func(b *testing.B) { benchmarkURL(ctx, b, cfg) })
}

func benchmarkURL(ctx context.Context, b *testing.B, cfg loadtest.Config) {
	var m metrics
	for b.Loop() {
		m.add(runURL(ctx, b, cfg))
	}
	m.report(b)
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

// liveLines writes the line of a second, after a line for each conn that was lost in it.
func liveLines(w io.Writer, s loadtest.Sample) {
	for _, l := range s.Lost {
		fmt.Fprintf(w, "%6.1fs conn %d %s, %d answered, idle %v", l.At.Seconds(), l.Slot, l.Cause, l.Served, l.Idle.Round(time.Millisecond))
		if l.Detail != "" {
			fmt.Fprintf(w, ": %s", l.Detail)
		}
		fmt.Fprintln(w)
	}
	if more := s.Dropped - int64(len(s.Lost)); more > 0 {
		fmt.Fprintf(w, "%6.1fs and %d more lost\n", s.At.Seconds(), more)
	}
	fmt.Fprintf(w, "%6.1fs %-5s  %d open  +%d -%d  %d sent  %d answered  %d failed  latency p50 %v p99 %v\n", s.At.Seconds(),
		s.Phase, s.Open, s.Connected, s.Dropped, s.Sent, s.Answered, s.Failed,
		s.LatencyP50.Round(time.Microsecond), s.LatencyP99.Round(time.Microsecond))
}

// metrics collects the figures of each op by their units.
type metrics map[string][]float64

func (m *metrics) add(r *loadtest.Report) {
	if *m == nil {
		*m = metrics{}
	}
	for unit, v := range figures(r) {
		(*m)[unit] = append((*m)[unit], v)
	}
}

// figures are in units that benchstat scales.
func figures(r *loadtest.Report) map[string]float64 {
	f := map[string]float64{
		"p50-ns":         float64(r.Latency.Quantile(0.50)),
		"p99-ns":         float64(r.Latency.Quantile(0.99)),
		"connect-p99-ns": float64(r.Connect.Quantile(0.99)),
		"conns/s":        fastestSecond(r.Timeline),
		"req/s":          r.Load.Offered,
		"drops/op":       float64(r.Conns.Dropped + r.Conns.ConnectFailed),
		"held":           float64(r.Conns.Held),
	}
	if cpu := r.Generator.CPU(); cpu >= 0 && r.Requests.Sent > 0 {
		f["cpu-ns/req"] = float64(cpu) / float64(r.Requests.Sent)
	}
	return f
}

// fastestSecond returns the most conns that were established within one second: a ramp is longer than it takes to
// connect, because it ends with the last conn's first answer.
func fastestSecond(timeline []loadtest.Sample) float64 {
	var most int64
	for _, s := range timeline {
		most = max(most, s.Connected)
	}
	return float64(most)
}

// report reports the mean of the losses and the median of all else. The length of an op is given and says nothing.
func (m metrics) report(b *testing.B) {
	b.ReportMetric(0, "ns/op")
	for unit, values := range m {
		if unit == "drops/op" {
			b.ReportMetric(mean(values), unit)
		} else {
			b.ReportMetric(median(values), unit)
		}
	}
}

func mean(values []float64) float64 {
	var sum float64
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

func median(values []float64) float64 {
	s := slices.Sorted(slices.Values(values))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}
