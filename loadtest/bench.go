package loadtest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// Bench is a benchmark of which one op is one whole [Run] of cfg, by b.Loop. It reports what a run found as metrics, in
// units that benchstat scales, and returns the last report. So ten runs are
//
//	go test -run='^$' -bench=. -benchtime=1x -count=10 . | tee new.txt
//	benchstat old.txt new.txt
//
// The metrics, of which an op has those that it knows:
//
//	p50-ns, p99-ns, p999-ns  latency of what fell due in hold, timed-out requests included; BackToBack: service time
//	connect-p99-ns           time to connect, TLS included
//	conns/s                  most conns established within one second
//	req/s                    requests due in hold that were sent, per second of it
//	cpu-ns/req               the server's CPU time per request, of the whole run; where that is not known by itself,
//	gen-cpu-ns/req           the generator's, with a server in its process that of both
//	rss-B/conn               by how much the server's resident memory grew, per conn open at the end
//	heap-B/conn, stack-B/conn, goroutines/conn
//	                         the same of its live heap, its stacks and goroutines, with all conns open
//	held/op, drops/op        conns held; conns lost and attempts failed
//	failed/op                requests that failed, as in [Requests.Failed]
//
// Of several ops they are the mean of what is per op and the median of all else. The length of an op is the plan's, and says
// nothing: ns/op is suppressed.
//
// So that the server's CPU time and memory are its own, a Server in the test process gets a generator process, where one can
// reach it and cfg.Processes is 0; -1 forbids it. What that tells is gathered in the test process all the same, for some
// 50 ms and 4 MB, which count the more the fewer conns there are. As latency is judged, requests fall due on a grid of
// 1 ms.
//
// A benchmark waits for its turn like a [Check], and takes its seed from HOLDFAST_SEED if that is set.
//
// An error of Run ends the benchmark. So does a run that takes much longer than its plan, because go test's -timeout does
// not cover benchmarks: the failure says in which phase it was. Nothing is printed meanwhile, for that would split the
// result's line.
func Bench(b *testing.B, cfg Config) *Report {
	b.Helper()
	var err error
	if cfg.Seed, err = seedOf(cfg); err != nil {
		b.Fatal(err)
	}
	if err := cfg.validate(); err != nil {
		b.Fatal(err)
	}
	end, err := takeTurn(b, time.Now().Add(longestWait))
	if err != nil {
		b.Fatal(err)
	}
	defer end()
	var last *Report
	all := figures{}
	expected, limit := cfg.benchLimit()
	for b.Loop() {
		var err error
		if last, err = benchOnce(b.Context(), cfg, expected, limit); err != nil {
			b.Fatal(err)
		}
		all.add(last)
	}
	all.report(b)
	return last
}

// ReportMetrics reports the figures of r as b's: those of [Bench], for benchmarks with a loop of their own. Call it when that
// is over, for b.Loop forgets what was reported before.
func (r *Report) ReportMetrics(b *testing.B) {
	one := figures{}
	one.add(r)
	one.report(b)
}

func (f figures) report(b *testing.B) {
	b.ReportMetric(0, "ns/op") // is not shown then
	for unit, values := range f {
		if strings.HasSuffix(unit, perOp) {
			b.ReportMetric(meanOf(values), unit)
		} else {
			b.ReportMetric(medianOf(values), unit)
		}
	}
}

// benchOnce carries out one op.
func benchOnce(ctx context.Context, cfg Config, expected, limit time.Duration) (*Report, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, errStuck)
	defer cancel()
	run := systemRunner()
	run.fine, run.alone, run.collects = true, true, true
	r, err := run.run(ctx, cfg)
	switch {
	case err == nil || r == nil:
		return r, err
	case errors.Is(err, errStuck):
		return r, fmt.Errorf("loadtest: a run was to take some %s, and was stopped after %s in the %s: is the server stuck, or this "+
			"machine much too busy?\n%s", roughly(expected), roughly(limit), r.Phases.Ended, r)
	}
	return r, fmt.Errorf("%w\n%s", err, r)
}

// longestWait is how long a benchmark waits for its turn: many times as long as a test holds it.
const longestWait = 10 * time.Minute

var errStuck = errors.New("it takes much longer than planned")

// benchLimit returns how long an op should take, and after how long it certainly hangs.
func (c Config) benchLimit() (expected, limit time.Duration) {
	expected, most := c.planned()
	return expected, 2*most + time.Minute
}

func roughly(d time.Duration) string { return plainDuration(d.Round(100 * time.Millisecond)) }
