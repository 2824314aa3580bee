package engine

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// held returns a rig of n silent conns that were served at 0 … 1 s, with an hour of hold, of whose answers only those to
// requests of its last minute are recent.
func held(t *testing.T, n int) rig {
	p := plan(n)
	p.Cadence, p.Hold, p.IdleTimeout, p.ResponseTimeout = Cadence{}, time.Hour, 2*time.Minute, time.Hour
	r := newRig(t, p)
	for j := range uint32(n) {
		require.Equal(t, wantWrite, r.up(j, ms))
		r.write(j, ms)
		require.Equal(t, wantWait, r.answer(j, s))
	}
	r.advance(s)
	require.Equal(t, PhaseHold, r.phase)
	require.Equal(t, time.Hour+s, r.phases.holdEnd())
	return r
}

// request makes conn j's request due at t, as its cadence would.
func (r rig) request(j uint32, t time.Duration) {
	r.conns[j].due = t
	require.Equal(r.t, wantWrite, r.woken(j, t))
	r.write(j, t)
}

// answerAt answers conn 0 at t, and returns t.
func (r rig) answerAt(t time.Duration) time.Duration {
	r.answer(0, t)
	return t
}

// sweepAll asks as a driver does that looks every ms, answers at once, and returns when each request went out.
func (r rig) sweepAll(now time.Duration) (asked []time.Duration) {
	for ; r.phase == PhaseSweep; now += ms {
		for r.askDue() <= now {
			j, w := r.ask(now)
			require.Equal(r.t, wantWrite, w)
			r.write(j, now)
			r.answer(j, now)
			asked = append(asked, now)
		}
		r.advance(now)
	}
	return asked
}

func TestSweepAsksAtItsPace(t *testing.T) {
	r := held(t, 5)
	end := r.phases.holdEnd()
	r.request(3, end-30*s) // recent enough
	r.answer(3, end-29*s)
	r.advance(end - 1)
	require.Equal(t, PhaseHold, r.phase, "hold lasts to its last instant")
	require.Equal(t, never, r.askDue())
	r.advance(end)
	asked := r.sweepAll(end)
	// The ramp is 10 conns a ms: so is the sweep.
	require.Equal(t, []time.Duration{end, end + ms, end + ms, end + ms}, asked)
	require.EqualValues(t, 5, r.tally.Conns.Held)
	require.EqualValues(t, 5, r.tally.Conns.OpenAtEnd)
	require.EqualValues(t, 1, r.tally.Requests.HoldDue, "the sweep's requests are none of hold's")
	require.True(t, r.drained())
	r.requireLawful()
}

// TestRecentIsHalfOfIdleTimeout: an answer counts from when its request was sent, to the instant.
func TestRecentIsHalfOfIdleTimeout(t *testing.T) {
	r := held(t, 2)
	end := r.phases.holdEnd()
	r.request(0, end-60*s)
	r.answer(0, end-59*s)
	r.request(1, end-60*s-1)
	r.answer(1, end-1)
	r.advance(end)
	require.Len(t, r.sweepAll(end), 1, "the one whose request is older by 1 ns")
}

// TestOvertakenRequestGoesOut: a request that fell due in hold and was not handled before its end is not dropped; it is
// due when it was, and does not wait for the sweep's pace.
func TestOvertakenRequestGoesOut(t *testing.T) {
	r := held(t, 4)
	end := r.phases.holdEnd()
	due := end - 5*ms
	r.conns[2].due = due
	r.advance(end + s) // we stalled
	var order []uint32
	for r.askDue() <= end+s {
		j, w := r.ask(end + s)
		require.Equal(t, wantWrite, w)
		order = append(order, j)
		r.write(j, end+s)
	}
	require.Equal(t, []uint32{0}, order, "the first is asked at once, the second at its pace")
	for r.askDue() <= end+2*s {
		j, _ := r.ask(end + 2*s)
		order = append(order, j)
		if j == 2 {
			require.Equal(t, due, r.conns[2].due)
		}
		r.write(j, end+2*s)
	}
	require.Equal(t, []uint32{0, 1, 2, 3}, order)
	require.EqualValues(t, 1, r.tally.Requests.HoldDue)
	require.EqualValues(t, 1, r.tally.Requests.HoldSent)
	for j := range uint32(4) {
		r.answer(j, end+2*s)
	}
	r.advance(end + 2*s)
	require.EqualValues(t, 4, r.requireLawful().Conns.Held)
}

// TestCadenceGoesOnInTheSweep, so that no conn idles because another is slow; it ends with the sweep.
func TestCadenceGoesOnInTheSweep(t *testing.T) {
	r := held(t, 2)
	end := r.phases.holdEnd()
	r.request(0, end-30*s)
	r.answer(0, end-29*s)
	r.request(1, end-s) // and no answer yet
	r.conns[0].due, r.conns[0].wake = end+s, end+s
	r.advance(end)
	require.Equal(t, PhaseSweep, r.phase)
	require.Equal(t, wantWrite, r.woken(0, end+s))
	r.write(0, end+s)
	r.answer(0, end+2*s)
	r.conns[0].due, r.conns[0].wake = end+9*s, end+9*s
	r.answer(1, end+3*s)
	r.advance(end + 3*s)
	require.Equal(t, PhaseDrain, r.phase)
	require.Equal(t, wantWait, r.woken(0, end+9*s))
	require.Equal(t, never, r.conns[0].wake)
	res := r.requireLawful()
	require.EqualValues(t, 2, res.Conns.Held)
	require.EqualValues(t, 5, res.Requests.Answered)
	require.EqualValues(t, 2, res.Requests.HoldDue)
}

// TestDueAtTheEndGoesOut: what has fallen due when the sweep ends is still sent, and drain waits for it; what has fallen
// due behind it on a grid is unsent.
func TestDueAtTheEndGoesOut(t *testing.T) {
	for _, grid := range []bool{false, true} {
		p := plan(1)
		p.Cadence, p.Hold, p.IdleTimeout = Cadence{Kind: Every, Min: 100 * ms, Grid: grid}, 10*s, 4*s
		r := newRig(t, p)
		r.up(0, 0)
		due := r.conns[0].due
		r.woken(0, due)
		r.write(0, due)
		r.advance(r.answerAt(due))
		r.request(0, due+10*s-ms)
		r.answer(0, due+10*s-ms)
		r.conns[0].due = due + 10*s
		r.advance(due + 10*s + 250*ms) // late: the sweep begins and ends at once
		require.Equal(t, PhaseDrain, r.phase)
		require.False(t, r.drained())
		require.Equal(t, wantWrite, r.woken(0, due+10*s+250*ms))
		r.write(0, due+10*s+250*ms)
		r.answer(0, due+10*s+251*ms)
		require.True(t, r.drained())
		want := int64(0)
		if grid {
			want = 2 // those of 100 and 200 ms later
		}
		require.Equal(t, want, r.requireLawful().Requests.Unsent)
	}
}

// TestOldRequestInFlightIsAskedAgain: a request that is under way when the sweep passes its conn, sent too long ago to
// prove anything, is followed by another.
func TestOldRequestInFlightIsAskedAgain(t *testing.T) {
	for _, test := range []struct {
		name  string
		sent  time.Duration // before the end of hold
		again bool
	}{{"old", 61 * s, true}, {"recent", 59 * s, false}} {
		t.Run(test.name, func(t *testing.T) {
			r := held(t, 1)
			end := r.phases.holdEnd()
			r.request(0, end-test.sent)
			r.advance(end)
			require.Equal(t, never, r.askDue(), "nothing to ask while it waits")
			r.advance(end)
			require.Equal(t, PhaseSweep, r.phase, "the sweep waits for it")
			got := r.answer(0, end+s)
			if test.again {
				require.Equal(t, wantWrite, got)
				require.Equal(t, end+s, r.conns[0].due)
				r.write(0, end+s)
				r.advance(end + s)
				require.Equal(t, PhaseSweep, r.phase)
				got = r.answer(0, end+s+ms)
			}
			require.Equal(t, wantWait, got)
			r.advance(end + 2*s)
			require.Equal(t, PhaseDrain, r.phase)
			require.EqualValues(t, 1, r.requireLawful().Conns.Held)
		})
	}
}

// TestFreeze: what is lost before the end of the sweep is a drop, what is lost after it is drain.
func TestFreeze(t *testing.T) {
	r := held(t, 3)
	end := r.phases.holdEnd()
	r.advance(end)
	require.Equal(t, wantHangUp, r.eof(0, end, endUnknown))
	r.sweepAll(end)
	frozen := r.tally.Conns
	require.EqualValues(t, 2, frozen.Held)
	require.EqualValues(t, 2, frozen.OpenAtEnd)
	require.EqualValues(t, 1, frozen.Dropped)
	require.Equal(t, wantHangUp, r.eof(1, end+s, endUnknown))
	require.Equal(t, frozen, r.tally.Conns)
	require.Len(t, r.tally.sorted(), 1)
	require.Equal(t, PhaseSweep, r.tally.sorted()[0].Phase)
	r.requireLawful()
}

// TestSweepOfSeveralWorkers ends only when each worker's has; until then a conn may still be lost and is a drop.
func TestSweepOfSeveralWorkers(t *testing.T) {
	p := plan(2)
	p.Cadence, p.Workers, p.Tick, p.IdleTimeout = Cadence{}, 2, 0, 20*s
	ph := newPhases(2, 2, s)
	a, b := rig{newMachine(&p, ph, 0), t}, rig{newMachine(&p, ph, 1), t}
	for _, r := range []rig{a, b} {
		r.up(0, s)
		r.write(0, s)
		r.answer(0, s)
	}
	a.advance(3 * s)
	b.advance(3 * s)
	require.Equal(t, PhaseSweep, a.phase, "a's sweep is over, b's not yet when a looked")
	require.Equal(t, PhaseDrain, b.phase)
	require.Equal(t, wantHangUp, a.eof(0, 3*s, endUnknown))
	require.EqualValues(t, 1, a.tally.Conns.Dropped)
	a.advance(3 * s)
	require.True(t, a.drained() && b.drained())
	require.EqualValues(t, 0, a.tally.Conns.Held)
	require.EqualValues(t, 1, b.tally.Conns.Held)
}

func TestAbandon(t *testing.T) {
	p := plan(6)
	p.Cadence = Cadence{}
	r := newRig(t, p)
	// 0 is planned, 1 dialling; 2 to 5: unsent, half sent, waiting, answered.
	r.dial(1, s)
	for j := uint32(2); j < 6; j++ {
		r.up(j, s)
	}
	r.wrote(3, s, 7)
	r.write(4, s)
	r.write(5, s)
	r.answer(5, s)
	r.abandon(2 * s)
	res := r.requireLawful()
	require.Equal(t, Conns{Requested: 6, NotAttempted: 1, NeverEstablished: 1, EverEstablished: 4, Served: 1,
		Attempts: 5, Connected: 4, ConnectAbandoned: 1, OpenAtEnd: 4}, res.Conns)
	require.Equal(t, Requests{Due: 4, Sent: 3, Unsent: 1, Answered: 1, InFlightAtEnd: 2, Status: [6]int64{2: 1}},
		res.Requests)
}

// TestLatencyIsLagAndWaitAndService on a grid, where a late answer delays the next request.
func TestLatencyIsLagAndWaitAndService(t *testing.T) {
	p := plan(1)
	p.Cadence, p.Hold = Cadence{Kind: Every, Min: 100 * ms, Grid: true}, time.Hour
	r := newRig(t, p)
	r.up(0, 0)
	var waits time.Duration // for the answer before
	now := time.Duration(0)
	for k := range 1000 {
		c := &r.conns[0]
		now = max(now+time.Duration(k%3)*ms, c.due)
		waits += max(0, c.ready-c.due)
		if c.state == idle {
			r.woken(0, now)
		}
		r.write(0, now)
		now += time.Duration(k*k%170) * ms
		r.answer(0, now)
	}
	require.Greater(t, waits, s)
	require.Greater(t, r.tally.Lag.Sum, 100*ms)
	all := r.tally.Rest
	all.merge(r.tally.Hold)
	require.Equal(t, all.Latency.Sum, r.tally.Lag.Sum+waits+all.ServiceTime.Sum)
}

// TestLatencyIsLagAndService: where pauses follow the answers, no request waits for one, and the sums are equal to the
// nanosecond.
func TestLatencyIsLagAndService(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		p := plan(30)
		w.aim(&p, w.serve(t, answer(ok)))
		r := run(t, p)
		require.Greater(t, r.Lag.Sum, time.Duration(0))
		require.Equal(t, r.Latency.Sum, r.Lag.Sum+r.ServiceTime.Sum)
	})
}

// TestGridCatchesUpAfterHold: what a grid made due in hold goes out even if a late answer keeps it back beyond the end.
func TestGridCatchesUpAfterHold(t *testing.T) {
	p := plan(1)
	p.Cadence, p.Hold, p.IdleTimeout = Cadence{Kind: Every, Min: 100 * ms, Grid: true}, s, time.Hour
	r := newRig(t, p)
	r.up(0, 0)
	first := r.conns[0].due
	require.Equal(t, wantWrite, r.woken(0, first))
	r.write(0, first)
	require.Equal(t, wantWait, r.answer(0, first), "the ramp ends")
	end := r.phases.holdEnd()
	r.woken(0, r.conns[0].due)
	r.write(0, first+100*ms)
	r.advance(first + 100*ms)
	r.advance(end)
	require.Equal(t, PhaseSweep, r.phase)
	for k := 2; k < 10; k++ {
		require.Equal(t, wantWrite, r.answer(0, end+ms), "request %d of hold", k)
		require.Equal(t, first+time.Duration(k)*100*ms, r.conns[0].due)
		r.write(0, end+ms)
	}
	require.Equal(t, wantWrite, r.answer(0, end+ms), "the one due when hold ends is of the sweep")
	r.write(0, end+ms)
	require.Equal(t, wantWait, r.answer(0, end+ms))
	r.advance(end + ms)
	// The request whose answer ended the ramp is not of hold either.
	require.EqualValues(t, 9, r.requireLawful().Requests.HoldDue)
}
