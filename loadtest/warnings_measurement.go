package loadtest

import (
	"fmt"
	"strings"
	"time"

	"example.com/holdfast/internal/engine"
)

// The kinds of [Warning] about how the run was measured.
const (
	// WarnLoopLoad: in this share of hold's seconds the generator was late for what it had planned by more than a clean second
	// allows (see [Cohort]): it had more to do than it could.
	WarnLoopLoad = "loop load"

	// WarnTick: requests that share a tick of the generator reach the server together, and wait for each other there: so many
	// seconds in the mean, by the shortest service time and the rate. A client that keeps no tick would not see that.
	WarnTick = "tick"

	// WarnFewSamples: so many latencies are too few for p99, or less, of what the report shows: a quantile of which less than
	// ten values lie beyond is chance. So is a p99.9 of less than ten thousand, of which there is no warning: few runs have
	// as many.
	WarnFewSamples = "few samples"

	// WarnSlowAnswers: so many answers took longer than 150 ms on conns on which the kernel had to send something again. That is
	// a segment lost on the way, not the server's time.
	WarnSlowAnswers = "slow answers"
)

// measurementWarnings are in the order of a report: load, then what came of it.
var measurementWarnings = []func(*Report) (Warning, bool){loopLoad, tickArtefact, fewSamples, slowAnswers}

// loopLoad takes the share of seconds, not that of CPU time: a loop that shares its CPU can be late with little use of it,
// and its thread's clock is not to be had without locking the loop to it, which costs more than it tells.
func loopLoad(r *Report) (Warning, bool) {
	late, all := 0, 0
	var from time.Duration
	for _, s := range r.Timeline {
		if inHold(r, from, s.At) && from < r.Phases.Ramp+r.Phases.Hold {
			if all++; unfitness(s, from, r.Config.Tick).late {
				late++
			}
		}
		from = s.At
	}
	if late < leastLate {
		return Warning{}, false
	}
	share := float64(late) / float64(all)
	w := Warning{Kind: WarnLoopLoad, Value: share, Threshold: mostLateShare}
	w.Text = fmt.Sprintf("in %d of hold's %s the generator was late by more than %s: it had more to do than it could, or no CPU "+
		"to do it on", late, some(int64(all), "second"), plainDuration(engine.Punctual(r.Config.Tick)))
	return w, share > mostLateShare
}

func tickArtefact(r *Report) (Warning, bool) {
	tick, p50 := r.Config.Tick, r.Latency.Quantile(0.5)
	waits := time.Duration(float64(r.ServiceTime.Min()) * r.Load.Offered * tick.Seconds() / 2)
	limit := time.Duration(mostTickShare * float64(p50))
	w := Warning{Kind: WarnTick, Value: waits.Seconds(), Threshold: limit.Seconds()}
	w.Text = fmt.Sprintf("requests leave together, once in %s, and wait for each other at the server: for some %s in the mean, of a "+
		"median latency of %s. Pauses below 2s in the mean have a tick of 1ms", plainDuration(tick), threeDigits(waits), threeDigits(p50))
	return w, tick > judgedTick && waits > limit
}

func fewSamples(r *Report) (Warning, bool) {
	n := r.Latency.Count()
	var names []string
	w := Warning{Kind: WarnFewSamples, Value: float64(n)}
	for _, q := range []struct {
		name string
		one  int64 // in so many is beyond it
	}{{"p50", 2}, {"p90", 10}, {"p99", 100}} {
		if enough := leastBeyond * q.one; n < enough {
			names = append(names, q.name)
			w.Threshold = float64(enough)
		}
	}
	w.Text = fmt.Sprintf("%s of %d latencies: fewer than ten lie beyond, so that the next run may show another; %.0f requests would do",
		strings.Join(names, ", "), n, w.Threshold)
	return w, n > 0 && len(names) > 0
}

func slowAnswers(r *Report) (Warning, bool) {
	n := r.Slow.AnswersRetransmitted
	w := Warning{Kind: WarnSlowAnswers, Value: float64(n)}
	w.Text = fmt.Sprintf("%s took longer than 150 ms on conns on which TCP had to send something again, of %d that took so long: "+
		"segments were lost on the way", some(n, "answer"), r.Slow.Answers)
	return w, n > 0
}
