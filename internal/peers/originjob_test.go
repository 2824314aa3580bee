//go:build linux

package peers

import (
	"cmp"
	"flag"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/holdfast/internal/peers/clientjob"
)

var (
	flagConns     = flag.Int("conns", 10000, "BenchmarkOriginJob: connections")
	flagKeepalive = flag.Duration("keepalive", time.Minute, "BenchmarkOriginJob: the server's keep-alive timeout")
	flagHold      = flag.Duration("hold", 0, "BenchmarkOriginJob: time after the ramp (0: half of -keepalive)")
)

// A job is the origin's: conns open at its pace and are kept alive with HEAD.
type job struct {
	conns     int
	keepalive time.Duration
	hold      time.Duration
}

// A contender does a job against url and says how it went and what it used.
type contender struct {
	name string
	run  func(tb testing.TB, n *Nginx, j job) (clientjob.Outcome, Usage)
}

var contenders = []contender{
	{"holdfast", authored(authorBinary)},
	{"holdfast-pure", authored(pureAuthorBinary)},
	{"python", runOrigin},
	{"net-http", func(tb testing.TB, n *Nginx, j job) (clientjob.Outcome, Usage) {
		return runJob(tb, os.Executable, j.of("net/http", n))
	}},
}

// authored returns what runs Holdfast, in a server author's test binary.
func authored(binary func() (string, error)) func(testing.TB, *Nginx, job) (clientjob.Outcome, Usage) {
	return func(tb testing.TB, n *Nginx, j job) (clientjob.Outcome, Usage) {
		return runJob(tb, binary, j.of("holdfast", n))
	}
}

func (j job) of(client string, n *Nginx) clientjob.Job {
	return clientjob.Job{Client: client, URL: n.URL + "/", Conns: j.conns, IdleTimeout: j.keepalive, Hold: j.hold}
}

// runOrigin runs the origin's own algorithm, in the language it was written in.
func runOrigin(tb testing.TB, n *Nginx, j job) (clientjob.Outcome, Usage) {
	tb.Helper()
	python := RequireBinary(tb, "python3", "python3")
	host, port, err := net.SplitHostPort(n.Addr)
	require.NoError(tb, err)
	length := rampTime(j.conns) + j.hold
	cmd := exec.Command(python, "testdata/origin.py", host, port, strconv.Itoa(j.conns),
		strconv.Itoa(int(j.keepalive/time.Second)), strconv.FormatFloat(length.Seconds(), 'f', -1, 64))
	return runClient(tb, cmd, length+time.Minute)
}

// A jobResult sets a client beside the nginx that it kept busy.
type jobResult struct {
	client   clientjob.Outcome
	used     Usage // by the client, start-up and ramp included
	nginx    Usage // CPU while the client lived; the worker's peak memory
	logLines int64
}

func originJob(tb testing.TB, c contender, j job) jobResult {
	tb.Helper()
	n := StartNginx(tb, NginxOptions{Conns: max(j.conns, 10000), KeepaliveTimeout: j.keepalive + 5*time.Second})
	defer n.Stop()
	before := n.Usage()
	var r jobResult
	r.client, r.used = c.run(tb, n, j)
	r.nginx = n.Usage()
	r.nginx.CPU -= before.CPU
	n.Stop()
	r.logLines = n.AccessLogLines()
	return r
}

func (r jobResult) cpuRatio() float64 { return float64(r.used.CPU) / float64(r.nginx.CPU) }
func (r jobResult) rssRatio() float64 { return float64(r.used.PeakRSS) / float64(r.nginx.PeakRSS) }

// BenchmarkOriginJob sets each client beside nginx: one op is the whole job. With several ops, each figure is the median
// of its own, and the worst product is given too.
func BenchmarkOriginJob(b *testing.B) {
	j := job{conns: *flagConns, keepalive: *flagKeepalive, hold: *flagHold}
	if j.hold == 0 {
		j.hold = j.keepalive / 2
	}
	for _, c := range contenders {
		b.Run("peer="+c.name, func(b *testing.B) {
			var results []jobResult
			for b.Loop() {
				r := originJob(b, c, j)
				requireSound(b, c, j, r)
				results = append(results, r)
			}
			reportJobs(b, results)
		})
	}
}

// requireSound fails unless the client did the job: figures of one that did not mean nothing.
func requireSound(tb testing.TB, c contender, j job, r jobResult) {
	tb.Helper()
	conns := int64(j.conns)
	require.Equal(tb, conns, r.client.Opened, "%s: conns established", c.name)
	require.Zero(tb, r.client.Failed, "%s: failed requests", c.name)
	require.GreaterOrEqual(tb, r.client.Answered, conns, "%s: each conn was served", c.name)
	if strings.HasPrefix(c.name, "holdfast") {
		require.Equal(tb, conns, r.client.Held, "conns held")
		require.Zero(tb, r.client.Dropped, "conns dropped")
		require.Equal(tb, r.logLines, r.client.Answered, "requests answered, against nginx's access log")
		return
	}
	// The others just stop: at most one request of each conn is logged that the client did not see answered.
	require.GreaterOrEqual(tb, r.logLines, r.client.Answered, "%s: lines in nginx's access log", c.name)
	require.LessOrEqual(tb, r.logLines, r.client.Answered+conns, "%s: lines in nginx's access log", c.name)
}

func reportJobs(b *testing.B, results []jobResult) {
	metric := func(unit string, of func(jobResult) float64) {
		var values []float64
		for _, r := range results {
			values = append(values, of(r))
		}
		b.ReportMetric(median(values), unit)
	}
	b.ReportMetric(0, "ns/op") // the length of the job, which says nothing
	metric("cpu-ratio", jobResult.cpuRatio)
	metric("rss-ratio", jobResult.rssRatio)
	product := func(r jobResult) float64 { return r.cpuRatio() * r.rssRatio() }
	metric("cpu*rss-ratio", product)
	worst := slices.MaxFunc(results, func(a, b jobResult) int { return cmp.Compare(product(a), product(b)) })
	b.ReportMetric(product(worst), "worst-cpu*rss-ratio")
	metric("client-cpu-ns", func(r jobResult) float64 { return float64(r.used.CPU) })
	metric("nginx-cpu-ns", func(r jobResult) float64 { return float64(r.nginx.CPU) })
	metric("client-peak-B", func(r jobResult) float64 { return float64(r.used.PeakRSS) })
	metric("nginx-peak-B", func(r jobResult) float64 { return float64(r.nginx.PeakRSS) })
	metric("held", func(r jobResult) float64 { return float64(r.client.Held) })
	metric("answered", func(r jobResult) float64 { return float64(r.client.Answered) })
	metric("log-lines", func(r jobResult) float64 { return float64(r.logLines) })
}

func TestOriginJob(t *testing.T) {
	j := job{conns: 200, keepalive: 4 * time.Second, hold: 2 * time.Second}
	for _, c := range contenders {
		t.Run("peer="+c.name, func(t *testing.T) {
			t.Parallel()
			r := originJob(t, c, j)
			requireSound(t, c, j, r)
			require.Greater(t, r.client.Answered, int64(j.conns), "conns were kept alive by further requests")
			require.Positive(t, r.cpuRatio())
			require.Positive(t, r.rssRatio())
			t.Logf("CPU × %.2f, RSS × %.2f of nginx; %d answered, %d logged", r.cpuRatio(), r.rssRatio(), r.client.Answered, r.logLines)
		})
	}
}

func TestRampTime(t *testing.T) {
	for conns, want := range map[int]time.Duration{
		1: 0, 10: 0, 11: 10 * time.Millisecond, 200: 190 * time.Millisecond, 10000: 9990 * time.Millisecond,
	} {
		require.Equal(t, want, rampTime(conns), "%d conns", conns)
	}
}
