package engine

import (
	"bytes"
	"context"
	"encoding/gob"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Each slot is of exactly one worker of one process, and draws its pauses by its own number.
func TestSharesHaveEachSlotOnce(t *testing.T) {
	for _, of := range []int{0, 1, 2, 3} {
		for _, workers := range []int{1, 2, 5} {
			for _, slots := range []int{30, 31, 47} {
				var have []int
				for index := range max(1, of) {
					p := plan(slots)
					p.Share, p.Workers = Share{index, of}, workers
					ph := phasesOf(&p)
					for i := range workers {
						m := newMachine(&p, ph, p.worker(i))
						for j := range m.conns {
							have = append(have, m.slot(uint32(j)))
						}
					}
					require.EqualValues(t, p.mine(), ph.unresolved.Load())
				}
				slices.Sort(have)
				want := make([]int, slots)
				for i := range want {
					want[i] = i
				}
				require.Equal(t, want, have, "%d processes, %d workers", of, workers)
			}
		}
	}
}

// What bounds all shares together is divided without a rest, and no share is left without.
func TestSharesOfBounds(t *testing.T) {
	for _, test := range []struct{ rate, of, want int }{{0, 3, 0}, {3, 2, 3}, {1000, 3, 1000}, {1000, 0, 1000}, {2, 5, 5}} {
		got := 0
		for index := range max(1, test.of) {
			p := plan(10)
			p.Share, p.Reopen.Rate = Share{index, test.of}, test.rate
			got += p.shared().Reopen.Rate
		}
		require.Equal(t, test.want, got, "%+v", test)
	}
}

// A meeting is what the processes of a run have in common: it releases a phase when all have come to its end.
type meeting struct {
	mu      sync.Mutex
	of      int
	latest  map[Phase]time.Duration
	waiting map[Phase][]func(time.Duration)
}

func (m *meeting) align(p Phase, at time.Duration, release func(time.Duration)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.latest[p] = max(m.latest[p], at)
	if m.waiting[p] = append(m.waiting[p], release); len(m.waiting[p]) < m.of {
		return
	}
	for _, release := range m.waiting[p] {
		at := m.latest[p]
		if p == PhaseRamp {
			at += 100 * time.Millisecond // however busy the machine, all know of it then
		}
		go release(at) // never from within: a driver holds its lock
	}
}

// travel sends s as it would between processes.
func travel(t *testing.T, s Second) (got Second) {
	var wire bytes.Buffer
	require.NoError(t, gob.NewEncoder(&wire).Encode(s))
	require.NoError(t, gob.NewDecoder(&wire).Decode(&got))
	return got
}

// runShared carries out p in of shares at once, and gathers them. hear says which seconds of which share arrive.
func runShared(t *testing.T, p Plan, of int, hear func(share int, s Second) bool) (*Gathering, []Ends) {
	m := &meeting{of: of, latest: map[Phase]time.Duration{}, waiting: map[Phase][]func(time.Duration){}}
	p.Share.Of, p.Origin = of, time.Now().Add(10*time.Millisecond)
	g, ends := Gather(&p), make([]Ends, of)
	var mu sync.Mutex
	var wg sync.WaitGroup
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for i := range of {
		mine := p
		mine.Progress = nil
		mine.Share.Index, mine.Align = i, m.align
		mine.Second = func(s Second) {
			mu.Lock()
			defer mu.Unlock()
			if hear(i, s) {
				s = travel(t, s)
				g.Add(s)
				if !g.Know(s.Part) {
					t.Errorf("share %d: not known: %+v", i, s.Part)
				}
			}
		}
		wg.Go(func() {
			r, err := Run(ctx, mine)
			if err != nil {
				t.Errorf("share %d: %v", i, err)
				return
			}
			ends[i] = r.Ends()
		})
	}
	wg.Wait()
	return g, ends
}

func latest(ends []Ends) (all Ends) {
	for _, e := range ends {
		all = Ends{max(all.Ramp, e.Ramp), max(all.Hold, e.Hold), max(all.Sweep, e.Sweep), max(all.Drain, e.Drain), e.Phase}
	}
	return all
}

// Three shares are one run: the same conns and laws, phases that end at the same instants, one timeline.
func TestSharedRunIsOneRun(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		p := plan(50)
		p.Ramp, p.Hold, p.IdleTimeout = Ramp{Conns: 50}, 1200*time.Millisecond, 2*time.Second
		p.Cadence = Cadence{Kind: Every, Min: 20 * time.Millisecond, Grid: true}
		w.aim(&p, w.serve(t, answer(ok)))
		g, ends := runShared(t, p, 3, func(int, Second) bool { return true })
		for _, e := range ends {
			require.Equal(t, [3]time.Duration{ends[0].Ramp, ends[0].Hold, ends[0].Sweep}, [3]time.Duration{e.Ramp, e.Hold, e.Sweep})
		}
		r := g.Result(w.driver, latest(ends))
		requireLawful(t, r)
		require.Equal(t, Conns{
			Requested: 50, EverEstablished: 50, Served: 50, Held: 50, Attempts: 50, Connected: 50, OpenAtEnd: 50,
		}, r.Conns)
		require.EqualValues(t, 50*60, r.Requests.HoldDue, "one request per conn in each 20 ms of the one hold")
		require.Equal(t, r.Requests.Answered, r.ServiceTime.Count())
		requireTimelineSums(t, r)
	})
}

func requireTimelineSums(t *testing.T, r *Result) {
	var sum Sample
	for i, s := range r.Timeline {
		sum.Connected, sum.Due, sum.Answered, sum.Dropped = sum.Connected+s.Connected, sum.Due+s.Due, sum.Answered+s.Answered, sum.Dropped+s.Dropped
		if i < len(r.Timeline)-1 {
			require.Equal(t, time.Duration(i+1)*time.Second, s.At)
		}
	}
	require.Equal(t, []int64{r.Conns.Connected, r.Requests.Due, r.Requests.Answered, r.Conns.Dropped + r.Conns.ConnectFailed},
		[]int64{sum.Connected, sum.Due, sum.Answered, sum.Dropped})
}

// A process that dies takes its conns with it: they are lost by the generator's fault, and none is missing.
func TestSharedRunWithADeath(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		p := plan(50)
		p.Ramp, p.Hold, p.IdleTimeout = Ramp{Conns: 50}, 2200*time.Millisecond, 2*time.Second
		w.aim(&p, w.serve(t, answer(ok)))
		g, ends := runShared(t, p, 3, func(share int, s Second) bool { return share != 1 || s.Sample.At <= time.Second })
		require.EqualValues(t, 17, g.Lose(1, 1500*time.Millisecond, "killed"))
		require.Zero(t, g.Lose(1, 1500*time.Millisecond, "killed"), "it dies but once")
		r := g.Result(w.driver, latest(ends))
		requireLawful(t, r)
		require.EqualValues(t, 33, r.Conns.Held)
		require.EqualValues(t, 50, r.Conns.Requested)
		require.EqualValues(t, 17, r.Conns.Dropped)
		require.Len(t, r.Drops, 1)
		d := r.Drops[0]
		require.Equal(t, GeneratorDied, d.Cause)
		require.EqualValues(t, 17, d.Count)
		require.Equal(t, 1500*time.Millisecond, d.First)
		require.Equal(t, "killed", d.Sample.Detail)
		require.Equal(t, 1, d.Sample.Slot)
		requireTimelineSums(t, r)
		require.GreaterOrEqual(t, len(r.Timeline), 3, "the seconds after the death are there")
	})
}

// A process that dies may leave one other, and be ahead of it or behind.
func TestDeathLeavesOne(t *testing.T) {
	for ahead := range 4 {
		p := plan(4)
		p.Share.Of = 2
		g := Gather(&p)
		ph := phasesOf(&p)
		a, b := newMachine(&p, ph, 0), newMachine(&p, ph, 1)
		tell := func(m *machine, seconds int) {
			for at := time.Duration(1); at <= time.Duration(seconds); at++ {
				for range 10 {
					m.tally.Requests.Due++
					m.tally.Requests.Sent++
					m.tally.Requests.Answered++
				}
				if at == 1 {
					m.tally.Conns.Attempts, m.tally.Conns.EverEstablished, m.tally.Conns.Connected = 2, 2, 2
				}
				g.Add(travel(t, Second{Worker: m.worker, Sample: m.tally.second(at*time.Second, PhaseHold), Latency: &Hist{HDR: m.recent}}))
				require.True(t, g.Know(travel(t, Second{Part: &m.Part}).Part))
			}
		}
		tell(a, 1+ahead)
		tell(b, 2)
		require.EqualValues(t, 2, g.Lose(0, 5*time.Second, "killed"))
		for at := time.Duration(3); at <= 6; at++ {
			b.tally.Requests.Due++
			b.tally.Requests.Sent++
			b.tally.Requests.Answered++
			g.Add(travel(t, Second{Worker: b.worker, Sample: b.tally.second(at*time.Second, PhaseHold), Latency: &Hist{HDR: b.recent}}))
			require.True(t, g.Know(travel(t, Second{Part: &b.Part}).Part))
		}
		require.EqualValues(t, 2, g.Lose(1, 7*time.Second, "killed"))
		r := g.Result("epoll", Ends{Drain: 7 * time.Second})
		require.EqualValues(t, 4, r.Conns.Dropped)
		requireTimelineSums(t, r)
	}
}

// A process that never told anything has tried nothing.
func TestSharedRunWithAStillbirth(t *testing.T) {
	p := plan(50)
	p.Share.Of = 2
	g := Gather(&p)
	require.Zero(t, g.Lose(0, 0, "never began"))
	require.Zero(t, g.Lose(1, 0, "never began"))
	r := g.Result("epoll", Ends{})
	requireLawful(t, r)
	require.EqualValues(t, 50, r.Conns.NotAttempted)
	require.Empty(t, r.Drops)
}

func TestHistTravels(t *testing.T) {
	h := NewHist(time.Minute)
	for i := range 1000 {
		h.Record(time.Duration(i*i) * time.Microsecond)
	}
	h.Record(-1)
	h.Record(time.Hour)
	h.Censored = 3
	for _, h := range []*Hist{h, NewHist(time.Second)} {
		b, err := h.GobEncode()
		require.NoError(t, err)
		var got Hist
		require.NoError(t, got.GobDecode(b))
		require.True(t, h.HDR.Equals(got.HDR))
		got.HDR = h.HDR
		require.Equal(t, *h, got)
		for n := range b {
			_ = new(Hist).GobDecode(b[:n]) // must not panic; where it is cut, it may still be one
		}
	}
	require.Error(t, new(Hist).GobDecode(nil))
}

// A phase that is released when the run is over, because it was cancelled, ends nothing any more, and nudges nobody: the
// pollers' descriptors may be others' by then.
func TestReleaseAfterTheEnd(t *testing.T) {
	p := plan(1)
	var release func(time.Duration)
	p.Align = func(_ Phase, _ time.Duration, r func(time.Duration)) { release = r }
	ph := phasesOf(&p)
	nudges := 0
	ph.nudge = func() { nudges++ }
	ph.resolve(0)
	release(ms)
	require.EqualValues(t, ms, ph.rampEnd.Load())
	ph.close()
	release(2 * ms)
	require.EqualValues(t, ms, ph.rampEnd.Load())
	require.Equal(t, 1, nudges)
}

// A part that lacks what this run's plan has is none of its workers'.
func TestPartOfAnotherRun(t *testing.T) {
	p := plan(2)
	p.Share.Of = 2
	whole := newPart(&p)
	require.True(t, Gather(&p).Know(&whole))
	p.Reopen.Rate = 1
	require.False(t, Gather(&p).Know(&whole), "it has no recovery")
	for _, worker := range []int{-1, 2} {
		other := newPart(&p)
		other.Worker = worker
		require.False(t, Gather(&p).Know(&other))
	}
}
