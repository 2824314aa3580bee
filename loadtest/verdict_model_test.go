package loadtest

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/holdfast/internal/engine"
)

// A trial is a run whose truth is known: what the server did to each request, whatever the machine did besides.
type trial struct {
	report  *Report
	service []float64 // what each request due in hold truly took; infinite: the server did not answer
	failed  int64     // requests that the server made fail, those among them
	lost    int64     // conns that the server lost
}

// drawTrial draws seconds of all kinds, and requests that suffer from them.
func drawTrial(rng *rand.Rand) trial {
	const blur, timeout = 10 * time.Millisecond, 3 * time.Second
	in := sampleInput()
	res, q := in.result, &in.result.Requests
	*q = engine.Requests{}
	res.Hold = engine.Cohort{Latency: engine.NewHist(time.Minute), ServiceTime: engine.NewHist(time.Minute)}
	res.Stamps = engine.Stamps{}
	seconds := make([]secondOf, 3+rng.IntN(8))
	services := make([]engine.Spectrometer, len(seconds))
	calm := make([]bool, len(seconds))
	for i := range seconds {
		seconds[i].host = calmHost()
		if calm[i] = rng.IntN(4) > 0; !calm[i] {
			spoil(rng, &seconds[i])
		} else {
			seconds[i].of.Late = time.Duration(rng.Int64N(int64(blur) + 1))
		}
	}
	undisturbed := func(end int, d time.Duration) bool { return calmFor(calm, end, d+blur) }
	var t trial
	typical := time.Duration(1+rng.IntN(100)) * time.Millisecond
	failing := rng.IntN(2) * rng.IntN(3)
	for range 20 + rng.IntN(400) {
		end := rng.IntN(len(seconds))
		took := time.Duration(rng.ExpFloat64() * float64(typical))
		if rng.IntN(30) == 0 {
			took = time.Duration(rng.Int64N(int64(timeout)))
		}
		q.HoldDue++
		q.HoldSent++
		disturbed := !undisturbed(end, took)
		lag := time.Duration(rng.Int64N(int64(blur)))
		stamped := rng.IntN(2) == 0
		measured := took
		if !stamped {
			measured += time.Duration(rng.Int64N(int64(blur)))
		}
		if disturbed {
			lag += time.Duration(rng.ExpFloat64() * 1e8)
			measured += time.Duration(rng.ExpFloat64() * float64(10*typical))
		}
		if rng.IntN(40) >= failing {
			t.service = append(t.service, float64(took))
			q.Answered++
			res.Hold.ServiceTime.Record(measured)
			res.Hold.Latency.Record(lag + measured)
			if !stamped {
				measured = max(0, measured-blur)
			}
			services[end].Record(measured)
			continue
		}
		t.fail(rng, &seconds[end].of.Faults, took, !disturbed && undisturbed(end, 0), undisturbed(end, timeout))
	}
	q.Status[2] = q.Answered
	for i := range seconds {
		seconds[i].of.Services = services[i].Take()
		lostOf, failedOf := seconds[i].of.Losses.Sum(), seconds[i].of.Failures.Sum()
		q.LostWithConn += failedOf
		res.Conns.Dropped += lostOf
	}
	t.close(in, seconds)
	return t
}

// calmFor reports whether all was calm of what ended in a second and lasted for d.
func calmFor(calm []bool, end int, d time.Duration) bool {
	for i := end; i >= 0; i-- {
		if !calm[i] {
			return false
		}
		if time.Duration(end-i)*time.Second > d { // it began after this second, or in it
			return true
		}
	}
	return true
}

// spoil makes a second unfit in one way.
func spoil(rng *rand.Rand, s *secondOf) {
	switch rng.IntN(5) {
	case 0:
		s.of.Late = 11*time.Millisecond + time.Duration(rng.Int64N(1e9))
	case 1:
		s.host.Foreign = 0.21 + rng.Float64()/2
	case 2:
		s.host.Steal = 0.06
	case 3:
		s.host.Throttled = time.Second / 10
	case 4:
		s.host = unknownHost()
	}
}

// fail lets a request, and its conn, be lost: by the server, or by the machine if it was not calm.
func (t *trial) fail(rng *rand.Rand, f *engine.Faults, took time.Duration, calm, calmThroughout bool) {
	blame := engine.Blame(rng.IntN(4))
	byServer := blame == engine.BlameServer || blame == engine.BlameEither && (calm || rng.IntN(2) == 0) ||
		blame == engine.BlameWait && (calmThroughout || rng.IntN(2) == 0)
	f.Losses[blame]++
	f.Spoiled[blame]++
	f.Failures[blame]++
	f.Cohort[blame]++
	if byServer {
		t.lost++
		t.failed++
		t.service = append(t.service, math.Inf(1))
	} else {
		t.service = append(t.service, float64(took)) // what it would have taken
	}
}

// close makes the report of the trial.
func (t *trial) close(in reportInput, seconds []secondOf) {
	res, q, c := in.result, &in.result.Requests, &in.result.Conns
	q.Sent = q.Answered + q.LostWithConn
	q.Due = q.Sent
	c.OpenAtEnd = c.Connected - c.Dropped
	c.Held = c.Requested - c.Dropped
	hist := func(n int64) *engine.Hist { return histOf(n, time.Millisecond, time.Second) }
	res.Latency, res.ServiceTime, res.ClientWait, res.Lag = hist(q.Answered), hist(q.Answered), hist(q.Answered), hist(q.Sent)
	res.Drops = nil
	var lost engine.Blames
	for _, s := range seconds {
		for i, n := range s.of.Losses {
			lost[i] += n
		}
	}
	for i, cause := range []engine.Cause{engine.Malformed, engine.ClosedWaiting, engine.ResponseTimedOut, engine.ResetWritingLate} {
		if lost[i] > 0 {
			res.Drops = append(res.Drops, engine.Drop{Phase: engine.PhaseHold, Cause: cause, Count: lost[i]})
		}
	}
	t.report = siftedReport(in, seconds, false)
	slices.Sort(t.service)
}

// quantile is the truth.
func (t *trial) quantile(perMille int64) float64 {
	return t.service[population{n: int64(len(t.service))}.rank(perMille)-1]
}

// trials is how many random runs are judged; more when a verdict's rules change.
const trials = 160

// TestVerdictsOfKnownTruth: over random runs the truth lies between the readings, and so no verdict is wrong. Nor does it
// change when the report was JSON in between.
func TestVerdictsOfKnownTruth(t *testing.T) {
	outcomes := map[Outcome]int{}
	for seed := range uint64(trials) {
		rng := rand.New(rand.NewPCG(seed, 1))
		run := drawTrial(rng)
		r := run.report
		require.NoError(t, r.laws(), "seed %d", seed)
		again := r
		if seed%16 == 0 {
			data, err := json.Marshal(r)
			require.NoError(t, err)
			again = &Report{}
			require.NoError(t, json.Unmarshal(data, again))
		}
		for _, b := range (Limits{}).bounds() {
			truth := run.quantile(b.perMille)
			for _, l := range []line{r.quantile("Latency", b), r.quantile("ServiceTime", b)} {
				require.LessOrEqual(t, l.optimistic, truth, "seed %d, %s", seed, l.name)
				require.GreaterOrEqual(t, l.pessimistic, truth, "seed %d, %s", seed, l.name)
			}
		}
		for range 8 {
			limit := max(1, time.Duration(rng.ExpFloat64()*1e8))
			budgets := []struct {
				Budget
				broken bool
			}{
				{lenient(Budget{Latency: Limits{P50: limit}}), run.quantile(500) > float64(limit)},
				{lenient(Budget{ServiceTime: Limits{P99: limit}}), run.quantile(990) > float64(limit)},
				{lenient(Budget{Latency: Limits{Max: limit}}), run.quantile(1000) > float64(limit)},
				{Budget{Held: -1, Drops: rng.IntN(20), Failed: -1}, false},
				{Budget{Held: -1, Drops: -1, Failed: rng.IntN(20)}, false},
			}
			budgets[3].broken = run.lost > int64(budgets[3].Drops)
			budgets[4].broken = run.failed > int64(budgets[4].Failed)
			for _, b := range budgets {
				v := r.Judge(b.Budget)
				outcomes[v.Outcome]++
				require.False(t, v.Outcome == Pass && b.broken, "seed %d passes and is broken: %+v", seed, b)
				require.False(t, v.Outcome == Fail && !b.broken, "seed %d fails and is kept: %+v\n%s", seed, b, v)
				require.Equal(t, v, again.Judge(b.Budget), "seed %d, from JSON", seed)
			}
		}
	}
	for _, o := range []Outcome{Pass, Fail, Invalid} {
		require.Greater(t, outcomes[o], trials, "%v: the trials must try each outcome", outcomes)
	}
}

// lenient is a budget with nothing but what of b is a limit.
func lenient(b Budget) Budget {
	b.Held, b.Drops, b.Failed = -1, -1, -1
	return b
}

// TestVerdictsAreMonotone: who asks for less never gets a worse verdict.
func TestVerdictsAreMonotone(t *testing.T) {
	rank := map[Outcome]int{Fail: 0, Invalid: 1, Pass: 2}
	for seed := range uint64(trials / 10) {
		rng := rand.New(rand.NewPCG(seed, 2))
		r := drawTrial(rng).report
		for _, set := range []func(*Budget, int){
			func(b *Budget, i int) { b.Latency.P50 = time.Duration(i*i) * 100 * time.Microsecond },
			func(b *Budget, i int) { b.Latency.P99 = time.Duration(i*i) * time.Millisecond },
			func(b *Budget, i int) { b.ServiceTime.Max = time.Duration(i*i) * time.Millisecond },
			func(b *Budget, i int) { b.Connect.P999 = time.Duration(i*i) * 10 * time.Microsecond },
			func(b *Budget, i int) { b.Drops = i },
			func(b *Budget, i int) { b.Failed = i },
			func(b *Budget, i int) { b.Held = 1001 - i },
		} {
			last := 0
			for i := 1; i <= 60; i++ {
				b := lenient(Budget{})
				set(&b, i)
				got := rank[r.Judge(b).Outcome]
				require.GreaterOrEqual(t, got, last, "seed %d, %+v", seed, b)
				last = got
			}
		}
	}
}
