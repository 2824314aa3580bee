package generator

import (
	"context"
	"encoding/gob"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/holdfast/internal/engine"
)

// newRun returns the parent's side of a run of n children that are not there. What they are sent stays where it is.
func newRun(n int) *run {
	p := engine.Plan{Slots: n, Workers: 1, Hold: time.Second, Origin: time.Now(), Share: engine.Share{Of: n}}
	r := &run{
		children: &Children{}, plan: p, gathering: engine.Gather(&p),
		processes: make([]Process, n), ended: make([]bool, n), left: n, parts: make([][]byte, n),
	}
	for range n {
		s := &sender{more: make(chan struct{}, 1)}
		s.encoder = gob.NewEncoder(&s.buffer)
		r.children.all = append(r.children.all, &process{out: s})
	}
	return r
}

// A child that has ended need not have come to the end of the phase that the others come to.
func TestPhasesAreReleasedForTheLiving(t *testing.T) {
	r := newRun(3)
	r.take(event{child: 0, news: news{Done: &done{Error: "no descriptors"}}})
	r.take(event{child: 1, news: news{Reached: &aligned{engine.PhaseRamp, time.Second}}})
	require.Zero(t, r.children.all[1].out.buffer.Len(), "the third is not there yet")
	r.take(event{child: 2, news: news{Reached: &aligned{engine.PhaseRamp, 2 * time.Second}}})
	for i, told := range []bool{false, true, true} {
		require.Equal(t, told, r.children.all[i].out.buffer.Len() > 0, "child %d", i)
	}
	require.Equal(t, 2*time.Second, r.released[engine.PhaseRamp])
}

// A run that is cancelled in its drain says so: requests may be in flight.
func TestCancelledInTheDrain(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, cancelled := range []bool{false, true} {
		r := newRun(2)
		ends := engine.Ends{Phase: engine.PhaseDrain}
		r.take(event{child: 0, news: news{Done: &done{Began: true, Driver: "epoll", Ends: ends}}})
		r.take(event{child: 1, news: news{Done: &done{Began: true, Driver: "epoll", Ends: ends, Cancelled: cancelled}}})
		if err := r.outcome(ctx); cancelled {
			require.ErrorIs(t, err, context.Canceled)
		} else {
			require.NoError(t, err, "it was drained before")
		}
	}
}

// No phase of a run ends after the run: one that was released ahead of its time neither.
func TestCutShort(t *testing.T) {
	r := newRun(1)
	r.released[engine.PhaseRamp] = time.Hour
	e := r.cutShort()
	require.Equal(t, engine.PhaseHold, e.Phase)
	require.Equal(t, engine.Ends{Ramp: e.Drain, Hold: e.Drain, Sweep: e.Drain, Drain: e.Drain, Phase: engine.PhaseHold}, e)
}

// What no child can have told is not taken for news.
func TestNewsThatMakeNoSense(t *testing.T) {
	r := newRun(2)
	told := func(worker int) news {
		return news{Second: &second{Second: engine.Second{Worker: worker, Latency: engine.NewHist(time.Minute)}}}
	}
	require.True(t, r.sound(1, told(1)))
	require.True(t, r.sound(1, news{Reached: &aligned{Phase: engine.PhaseSweep}}))
	for _, n := range []news{
		told(0), told(-1), told(3), {Second: &second{}}, {Reached: &aligned{Phase: engine.PhaseDrain}},
	} {
		require.False(t, r.sound(1, n), "%+v", n)
	}
}

// What cannot be read of what a child measured fails the run, and leaves its conns as if it had tried none.
func TestPartThatCannotBeRead(t *testing.T) {
	p := engine.Part{Worker: 1}
	for _, bytes := range [][]byte{{1, 2, 3}, encoded(engine.Second{Part: &p}).Encoded} {
		r := newRun(2)
		r.take(event{child: 0, news: news{Second: &second{engine.Second{Latency: engine.NewHist(time.Minute)}, bytes}}})
		r.take(event{child: 0, news: news{Done: &done{Began: true, Driver: "epoll"}}})
		require.ErrorContains(t, r.outcome(t.Context()), "what it measured cannot be read")
		r.take(event{child: 1, gone: "killed"})
		require.EqualValues(t, 2, r.gathering.Result("epoll", engine.Ends{}).Conns.NotAttempted)
	}
}
