package peers

import (
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/holdfast/internal/peers/clientjob"
)

// What it costs to know whose fault a figure is: the kernel's stamps, the accounting and the evidence of each second,
// together, in CPU per request of a closed loop, where a request costs least.

// Bounds on the ratio of CPU per request, with all that and without.
const (
	mostCostMean  = 1.03
	mostCostUpper = 1.05
)

// loadtestBinary is the test binary of package loadtest: within it, a run can do without.
var loadtestBinary = sync.OnceValues(func() (string, error) { return compile("../../loadtest", "loadtest.test", os.Environ()) })

// costPair runs the two against one nginx at the same time, in turns of a slice each: whoever's turn it is not is stopped,
// so that both meet the same machine. It ends when both have had turns, and their ramps. Each process's own CPU clock, over
// its whole life, says what it used, whenever it did so: what is done once a second weighs double here, because only half
// of its time brings requests. first is who gets the first turn.
//
// One thing both pay for: as long as anybody asks for stamps, the kernel reads its clock for each segment of the machine.
func costPair(tb testing.TB, n *Nginx, conns, turns int, slice time.Duration, first int) (with, bare loopRun) {
	tb.Helper()
	path, err := loadtestBinary()
	require.NoError(tb, err)
	hold := time.Duration(2*turns) * slice
	var runs [2]loopRun
	var failed [2]error
	var started [2]chan *process
	ended := make(chan int, 2)
	for i, client := range []string{"holdfast", "holdfast-bare"} {
		started[i] = make(chan *process, 1)
		cmd := exec.Command(path)
		cmd.Env = clientjob.Job{Client: client, URL: n.URL + "/ok", Conns: conns, IdleTimeout: time.Minute, Hold: hold,
			ClosedLoop: true}.Environ()
		go func() {
			defer func() { ended <- i }()
			defer close(started[i])
			var o clientjob.Outcome
			o, runs[i].client, failed[i] = converse(cmd, hold+time.Minute, func(p *process) { started[i] <- p })
			runs[i].requests = o.Answered
			if failed[i] == nil && (o.Held != int64(conns) || o.Failed != 0) {
				failed[i] = fmt.Errorf("%d conns, and this became of them: %v", conns, o)
			}
		}()
	}
	takeTurns([2]*process{<-started[0], <-started[1]}, slice, first, ended)
	require.NoError(tb, failed[0], "with evidence")
	require.NoError(tb, failed[1], "bare")
	return runs[0], runs[1]
}

// takeTurns lets one process run while the other is stopped, and when one has ended the other to its end.
func takeTurns(ps [2]*process, slice time.Duration, turn int, ended <-chan int) {
	signal := func(i int, sig syscall.Signal) {
		if ps[i] != nil { // nil: it could not be started, and has ended
			_ = ps[i].cmd.Process.Signal(sig) // an error: it has ended, as we shall hear
		}
	}
	signal(1-turn, syscall.SIGSTOP)
	timer := time.NewTicker(slice)
	defer timer.Stop()
	for {
		select {
		case i := <-ended:
			signal(1-i, syscall.SIGCONT)
			<-ended
			return
		case <-timer.C:
			signal(turn, syscall.SIGSTOP)
			turn = 1 - turn
			signal(turn, syscall.SIGCONT)
		}
	}
}

// costRatios returns the ratio of each pair; who begins alternates.
func costRatios(tb testing.TB, conns, pairs, turns int, slice time.Duration) (ratios, withNs, bareNs []float64) {
	tb.Helper()
	n := StartNginx(tb, NginxOptions{NoAccessLog: true, Backlog: 1 << 15})
	defer n.Stop()
	for i := range pairs {
		with, bare := costPair(tb, n, conns, turns, slice, i%2)
		require.Positive(tb, with.requests)
		require.Positive(tb, bare.requests)
		withNs, bareNs = append(withNs, with.cpuPerRequest()), append(bareNs, bare.cpuPerRequest())
		ratios = append(ratios, with.cpuPerRequest()/bare.cpuPerRequest())
	}
	return ratios, withNs, bareNs
}

// BenchmarkEvidenceCost: 12 pairs, each of 20 turns of 100 ms with and 20 without.
//
//	go test -run='^$' -bench=EvidenceCost -benchtime=1x ./internal/peers
func BenchmarkEvidenceCost(b *testing.B) {
	const pairs, turns, slice = 12, 20, 100 * time.Millisecond
	for _, conns := range []int{100, 1000} {
		b.Run(fmt.Sprintf("conns=%d", conns), func(b *testing.B) {
			var ratios, with, bare []float64
			for b.Loop() {
				r, w, o := costRatios(b, conns, pairs, turns, slice)
				ratios, with, bare = append(ratios, r...), append(with, w...), append(bare, o...)
			}
			mean, upper := geometricMean(ratios)
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(mean, "cpu-ratio")
			b.ReportMetric(upper, "cpu-ratio-upper95")
			b.ReportMetric(median(with), "with-ns/req")
			b.ReportMetric(median(bare), "without-ns/req")
			require.LessOrEqual(b, mean, mostCostMean, "CPU per request, of %v", ratios)
			require.LessOrEqual(b, upper, mostCostUpper, "CPU per request, the upper end of its 95 %% interval, of %v", ratios)
		})
	}
}

func TestEvidenceCost(t *testing.T) {
	t.Parallel()
	ratios, with, bare := costRatios(t, 10, 2, 4, 50*time.Millisecond)
	require.Len(t, ratios, 2)
	t.Logf("CPU per request: %.0f ns, without evidence %.0f", median(with), median(bare))
}
