package engine

import (
	"bufio"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// requireSums compares what the samples add up to with the totals.
func requireSums(t *testing.T, r *Result) {
	t.Helper()
	var sum Sample
	last := time.Duration(0)
	for _, s := range r.Timeline {
		require.Greater(t, s.At, last, "samples are in order")
		last = s.At
		require.Empty(t, s.Lost, "for Progress only")
		sum.add(s)
	}
	c, q := r.Conns, r.Requests
	require.Equal(t, map[string]int64{
		"attempts": c.Attempts, "connected": c.Connected, "due": q.Due, "sent": q.Sent, "answered": q.Answered,
		"failed": q.TimedOut + q.Malformed + q.LostWithConn + q.Unwanted, "dropped": c.Dropped + c.ConnectFailed,
	}, map[string]int64{
		"attempts": sum.Attempts, "connected": sum.Connected, "due": sum.Due, "sent": sum.Sent, "answered": sum.Answered,
		"failed": sum.Failed, "dropped": sum.Dropped,
	})
	requireBlamed(t, r, sum.Faults)
	require.Equal(t, r.Latency.Max, sum.LatencyMax)
	require.Equal(t, r.Lag.Max, sum.LagMax)
}

// requireBlamed holds the blames of all seconds against the drops and the ledger.
func requireBlamed(t *testing.T, r *Result, got Faults) {
	t.Helper()
	var losses, unconnected Blames
	for _, d := range r.Drops {
		switch d.Cause.Fate() {
		case ConnectFailed:
			unconnected[d.Cause.Blame()] += d.Count
			fallthrough
		case ConnLost:
			losses[d.Cause.Blame()] += d.Count
		}
	}
	require.Equal(t, []Blames{losses, unconnected}, []Blames{got.Losses, got.Unconnected})
	c, q := r.Conns, r.Requests
	require.Equal(t, q.TimedOut+q.Malformed+q.LostWithConn+q.Unwanted, got.Failures.Sum())
	var ofStatus Blames
	for _, s := range r.Unwanted {
		ofStatus[blameOfStatus(s.Status)] += s.Count
	}
	require.GreaterOrEqual(t, got.Failures[BlameServer], q.Malformed+ofStatus[BlameServer])
	require.GreaterOrEqual(t, got.Failures[BlameWait], q.TimedOut+ofStatus[BlameWait])
	inFlight := q.HoldSent - r.Hold.Latency.Count() - got.Cohort.Sum()
	require.True(t, inFlight >= 0 && inFlight <= q.InFlightAtEnd, "%d of the cohort are in flight, of %+v", inFlight, q)
	if r.Ended == PhaseDrain {
		require.Equal(t, c.Requested, c.Held+got.Spoiled.Sum(), "held, or spoiled")
	}
}

// TestTimelineAddsUp runs for two seconds against a server of which every fifth conn is trouble.
func TestTimelineAddsUp(t *testing.T) {
	for _, w := range worlds() {
		for _, workers := range []int{1, 3} {
			if w.name != "epoll/tcp" && (w.name != "blocking/memory" || workers != 1) {
				continue // nothing of this depends on the network, and the blocking driver has one worker
			}
			t.Run(w.name+"/"+string(rune('0'+workers)), func(t *testing.T) {
				t.Parallel()
				p := plan(50)
				p.Workers, p.Hold = workers, 1300*ms
				var calls []Sample
				var inside atomic.Int32
				p.Progress = func(s Sample) {
					if inside.Add(1) != 1 {
						t.Error("Progress was called while it ran")
					}
					calls = append(calls, s)
					inside.Add(-1)
				}
				w.aim(&p, w.serve(t, func(index int, nc net.Conn, r *bufio.Reader) {
					for k := 0; readRequest(r); k++ {
						switch {
						case index%10 == 0 && k == 10: // lost with its request
							return
						case index%10 == 5:
							nc.Write([]byte("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"))
						default:
							nc.Write([]byte(ok))
						}
					}
				}))
				r := run(t, p)
				requireSums(t, r)
				require.EqualValues(t, 5, r.Conns.Dropped)
				require.Greater(t, r.Requests.Unwanted, int64(20))
				require.Len(t, calls, len(r.Timeline))
				lost := 0
				for i, s := range calls {
					lost += len(s.Lost)
					s.Lost = nil
					require.Equal(t, r.Timeline[i], s)
					if i < len(calls)-1 {
						require.Equal(t, time.Duration(i+1)*time.Second, s.At)
					}
				}
				require.Equal(t, 5, lost)
				require.Equal(t, PhaseDrain, r.Timeline[len(r.Timeline)-1].Phase)
				require.EqualValues(t, 45, r.Timeline[len(r.Timeline)-1].Open)
			})
		}
	}
}

// TestTimelineOfUnequalWorkers: a worker may end before a second that others live to see. What they did in it is not
// lost.
func TestTimelineOfUnequalWorkers(t *testing.T) {
	p := plan(4)
	p.Workers = 2
	ph := newPhases(4, 2, 0)
	a, b := newMachine(&p, ph, 0), newMachine(&p, ph, 1)
	tl := newTimeline(2, nil)
	count := func(m *machine, n int64) {
		m.tally.Conns.Connected += n
		m.tally.open += n
		m.tally.latencyOf(m.tally.Rest, time.Duration(n)*ms)
	}
	count(a, 1)
	count(b, 10)
	tl.add(&a.tally, s, PhaseHold)
	tl.add(&b.tally, s, PhaseHold)
	count(b, 100)
	tl.add(&b.tally, 2*s, PhaseHold) // a has ended
	count(b, 1000)
	tl.add(&b.tally, 3*s, PhaseHold)
	count(a, 2)
	r := result(&p, ph, tl, "none", []*machine{a, b}, 3*s+ms)
	require.Equal(t, []int64{11, 1102}, []int64{r.Timeline[0].Connected, r.Timeline[1].Connected})
	require.EqualValues(t, 1113, r.Timeline[1].Open, "the state at the end, once")
	require.Equal(t, s, r.Timeline[1].LatencyMax)
	require.Equal(t, 3*s+ms, r.Timeline[1].At)
	require.Len(t, r.Timeline, 2)
}

// TestSlowProgress: Progress may take as long as it likes. The run goes on, the report has every sample, and Progress
// misses some but sees the others in order.
func TestSlowProgress(t *testing.T) {
	const samples = 3 * progressLag
	var told []Sample
	entered, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	tl := newTimeline(1, func(s Sample) {
		once.Do(func() { close(entered); <-release })
		told = append(told, s)
	})
	of := newTally(&Plan{})
	for i := range samples {
		of.Requests.Sent++
		tl.add(&of, time.Duration(i+1)*time.Second, PhaseHold) // would block here
		if i == 0 {
			<-entered
		}
	}
	close(release)
	require.Len(t, tl.end(), samples)
	require.Len(t, told, 1+progressLag)
	for i, s := range told {
		require.Equal(t, time.Duration(i+1)*time.Second, s.At)
		require.EqualValues(t, 1, s.Sent)
	}
}

// TestLostIsBounded: the first hundred of a second, over all workers; the drops count all.
func TestLostIsBounded(t *testing.T) {
	var told []Sample
	tl := newTimeline(3, func(s Sample) { told = append(told, s) })
	for worker := range 3 {
		of := newTally(&Plan{})
		for i := range 250 {
			of.loss(Loss{Slot: worker, At: time.Duration(i), Cause: ClosedIdle})
		}
		require.EqualValues(t, 250, of.sorted()[0].Count)
		tl.add(&of, time.Second, PhaseHold)
	}
	tl.end()
	require.Len(t, told, 1)
	require.Len(t, told[0].Lost, maxLost)
	for i, l := range told[0].Lost {
		require.Equal(t, time.Duration(i/3), l.At, "the first of all workers")
	}
}
