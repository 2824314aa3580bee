package peers

import (
	"flag"
	"fmt"
	"os/exec"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/holdfast/loadtest"
)

// Verdicts beside the truth while others use the processors: whether a limit was kept says the server's own log, and what
// Judge says must not contradict it. It may say that it does not know.

var flagRuns = flag.Int("runs", 100, "BenchmarkVerdictUnderLoad, BenchmarkHealthyRuns: runs judged")

// burn starts burners, each a process that keeps a processor busy, and returns what ends them.
func burn(tb testing.TB, burners int) (stop func()) {
	tb.Helper()
	var all []*process
	for range burners {
		p, err := start(exec.Command("sh", "-c", "while :; do :; done"), syscall.SIGKILL)
		require.NoError(tb, err)
		all = append(all, p)
	}
	return func() {
		for _, p := range all {
			p.kill()
		}
	}
}

// A judged run is one whose truth is known.
type judgedRun struct {
	report *loadtest.Report
	sure   []time.Duration // how long the server had each request that surely fell due in hold,
	maybe  []time.Duration // and those that may have
}

// runJudged runs for about two seconds. Which requests fell due in hold the server cannot see: they came after that, later
// by the generator's lag; and the report's own clock starts when Run has looked around.
func runJudged(tb testing.TB, conns int, hold time.Duration) judgedRun {
	tb.Helper()
	s := startTruth(tb)
	began := time.Now()
	r, err := loadtest.Run(tb.Context(), loadtest.Config{
		URL: s.URL, ServerPID: s.process.pid(), Connections: conns, Ramp: loadtest.Ramp{Every: -1},
		IdleTimeout: time.Second, Hold: hold,
	})
	require.NoError(tb, err)
	looked := time.Since(began) - r.Phases.Total()
	log := s.end()
	requireSameExchanges(tb, r, log)

	from := r.Started.Add(r.Phases.Ramp)
	to := from.Add(r.Phases.Hold)
	late := looked + r.Lag.Max()
	j := judgedRun{report: r}
	for _, e := range log.Exchanges {
		at := time.Unix(0, e.Received)
		if at.After(from.Add(late)) && at.Before(to) {
			j.sure = append(j.sure, e.took())
		}
		if at.After(from) && at.Before(to.Add(late)) {
			j.maybe = append(j.maybe, e.took())
		}
	}
	return j
}

// A limitLine is one line of a budget, and the quantile that it is about.
type limitLine struct {
	name   string
	q      float64
	budget func(time.Duration) loadtest.Budget
}

var limitLines = []limitLine{
	{"service p50", 0.5, func(d time.Duration) loadtest.Budget {
		return loadtest.Budget{ServiceTime: loadtest.Limits{P50: d}}
	}},
	{"service p99", 0.99, func(d time.Duration) loadtest.Budget {
		return loadtest.Budget{ServiceTime: loadtest.Limits{P99: d}}
	}},
	{"latency p50", 0.5, func(d time.Duration) loadtest.Budget { return loadtest.Budget{Latency: loadtest.Limits{P50: d}} }},
	{"latency p99", 0.99, func(d time.Duration) loadtest.Budget { return loadtest.Budget{Latency: loadtest.Limits{P99: d}} }},
}

// kept says what the server's log has to say on a limit: a quantile is above it if more requests are than may be, of all
// that fell due in hold. Both may be false.
func (j judgedRun) kept(q float64, limit time.Duration) (surely, surelyNot bool) {
	above := func(all []time.Duration, limit time.Duration) (n int) {
		for _, d := range all {
			if d > limit {
				n++
			}
		}
		return n
	}
	due := int(j.report.Requests.HoldDue)
	may := due - int(q*float64(due)+0.5)
	// Within 5 %, or 100 µs, of the server's log is what is asked of a service time: so close it may be either.
	near := limit - max(limit/20, 100*time.Microsecond)
	return above(j.maybe, near) <= may, above(j.sure, limit) > may
}

// verdicts counts what was said.
type verdicts struct{ passes, fails, invalids, wrongPasses, wrongFails int }

func (v verdicts) decided() float64 {
	return float64(v.passes+v.fails) / float64(v.passes+v.fails+v.invalids)
}

// judge judges a run by a line, and notes whether the server's log contradicts.
func (v *verdicts) judge(tb testing.TB, j judgedRun, line limitLine, limit time.Duration) loadtest.Verdict {
	tb.Helper()
	verdict := j.report.Judge(line.budget(limit))
	surely, surelyNot := j.kept(line.q, limit)
	switch verdict.Outcome {
	case loadtest.Pass:
		v.passes++
		if surelyNot {
			v.wrongPasses++
			tb.Logf("%s ≤ %v passed, which was broken:\n%s", line.name, limit, j.report)
		}
	case loadtest.Fail:
		v.fails++
		if surely {
			v.wrongFails++
			tb.Logf("%s ≤ %v failed, which was kept: %v\n%s", line.name, limit, verdict.Err(), j.report)
		}
	case loadtest.Invalid:
		v.invalids++
	default:
		tb.Fatalf("a verdict of %v", verdict.Outcome)
	}
	return verdict
}

// judgeAround judges a run by limits below and above the truth of it.
func (v *verdicts) judgeAround(tb testing.TB, j judgedRun) {
	tb.Helper()
	for _, line := range limitLines {
		truth := quantile(slices.Sorted(slices.Values(j.maybe)), line.q)
		for _, percent := range []time.Duration{25, 50, 80, 90, 95, 99, 101, 105, 110, 125, 200, 400} {
			v.judge(tb, j, line, truth*percent/100)
		}
	}
}

// BenchmarkVerdictUnderLoad: with two burners on two processors no verdict is wrong, and with one, and a limit of three
// times the p99 of an idle host, four of five are no "invalid".
//
//	go test -run='^$' -bench=VerdictUnderLoad -benchtime=1x ./internal/peers -args -runs=100
func BenchmarkVerdictUnderLoad(b *testing.B) {
	idle := quantile(slices.Sorted(slices.Values(runJudged(b, verdictConns, verdictHold).maybe)), 0.99)
	for _, burners := range []int{0, 1, 2} {
		b.Run(fmt.Sprintf("burners=%d", burners), func(b *testing.B) {
			var around, thrice verdicts
			for b.Loop() {
				a, t := verdictsUnderLoad(b, *flagRuns, burners, 3*idle)
				around, thrice = a, t
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(around.passes), "passes")
			b.ReportMetric(float64(around.fails), "fails")
			b.ReportMetric(float64(around.invalids), "invalids")
			b.ReportMetric(float64(around.wrongPasses+thrice.wrongPasses), "wrong-passes")
			b.ReportMetric(float64(around.wrongFails+thrice.wrongFails), "wrong-fails")
			b.ReportMetric(thrice.decided(), "decided-at-3×idle")
			requireNoneWrong(b, around)
			requireNoneWrong(b, thrice)
			if burners < 2 {
				require.GreaterOrEqual(b, thrice.decided(), 0.8, "of %+v", thrice)
			}
		})
	}
}

const (
	verdictConns = 200
	verdictHold  = 1200 * time.Millisecond
)

func requireNoneWrong(tb testing.TB, v verdicts) {
	tb.Helper()
	require.Zero(tb, v.wrongPasses, "wrong passes of %+v", v)
	require.Zero(tb, v.wrongFails, "wrong fails of %+v", v)
}

// verdictsUnderLoad judges runs by limits around the truth, and by one given limit on the p99 of service times.
func verdictsUnderLoad(tb testing.TB, runs, burners int, limit time.Duration) (around, given verdicts) {
	tb.Helper()
	defer burn(tb, burners)()
	for range runs {
		j := runJudged(tb, verdictConns, verdictHold)
		around.judgeAround(tb, j)
		if verdict := given.judge(tb, j, limitLines[1], limit); verdict.Outcome != loadtest.Pass {
			tb.Logf("%v; the server's log: p99 %v", verdict.Err(), quantile(slices.Sorted(slices.Values(j.maybe)), 0.99))
		}
	}
	return around, given
}

func TestVerdictUnderLoad(t *testing.T) {
	around, given := verdictsUnderLoad(t, 1, 2, time.Minute)
	requireNoneWrong(t, around)
	requireNoneWrong(t, given)
	require.Zero(t, given.fails)
	t.Logf("around the truth: %+v", around)
}

// What would be wrong is noticed: verdicts on a run beside logs that are not its own.
func TestWrongVerdictsAreNoticed(t *testing.T) {
	t.Parallel()
	all := func(took time.Duration) []time.Duration { return slices.Repeat([]time.Duration{took}, 1000) }
	j := runJudged(t, 20, 500*time.Millisecond)
	p99 := limitLines[1]
	j.sure, j.maybe = all(2*time.Hour), all(2*time.Hour)
	var v verdicts
	v.judge(t, j, p99, time.Hour)
	require.Equal(t, v.passes, v.wrongPasses, "a pass, if it was one, though the log says two hours")

	surely, surelyNot := j.kept(p99.q, time.Hour)
	require.Equal(t, []bool{false, true}, []bool{surely, surelyNot})
	surely, surelyNot = j.kept(p99.q, 2*time.Hour)
	require.Equal(t, []bool{false, false}, []bool{surely, surelyNot}, "too near to say")
	surely, surelyNot = j.kept(p99.q, 3*time.Hour)
	require.Equal(t, []bool{true, false}, []bool{surely, surelyNot})
}
