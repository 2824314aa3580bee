package engine

import (
	"bufio"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestDurationsAddUp: latency = lag + the wait for the answer before + service time, summed over a whole run, by whoever's
// clock. On a grid an answer may take longer than the pause.
func TestDurationsAddUp(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		p := plan(20)
		p.Cadence = Cadence{Kind: Every, Min: 20 * ms, Grid: true}
		w.aim(&p, w.serve(t, func(index int, nc net.Conn, r *bufio.Reader) {
			for k := 0; readRequest(r); k++ {
				if (index+k)%5 == 0 {
					<-time.After(30 * ms)
				}
				nc.Write([]byte(ok))
			}
		}))
		r := run(t, p)
		require.Equal(t, r.Requests.Sent, r.Requests.Answered)
		require.Greater(t, r.Behind, 20*ms)
		require.Equal(t, r.Latency.Sum, r.Lag.Sum+r.Behind+r.ServiceTime.Sum)
		require.Equal(t, r.Requests.HoldSent, r.Hold.Latency.Count())
		require.Equal(t, r.Requests.HoldSent, r.Hold.ServiceTime.Count())
		if w.name != "epoll/tcp" {
			require.Zero(t, r.Stamps.Kernel)
		}
	})
}

// TestSlowAnswers are counted in all worlds. Whether anything was sent again is known where TCP can be asked.
func TestSlowAnswers(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		p := plan(5)
		p.Cadence = Cadence{}
		w.aim(&p, w.serve(t, func(_ int, nc net.Conn, r *bufio.Reader) {
			for k := 0; readRequest(r); k++ {
				if k == 0 {
					<-time.After(SlowAnswer + ms)
				}
				nc.Write([]byte(ok))
			}
		}))
		want := Slow{Answers: 5, ConnectsRetransmitted: -1, AnswersRetransmitted: -1}
		if w.name == "epoll/tcp" {
			want.ConnectsRetransmitted, want.AnswersRetransmitted = 0, 0
		}
		got := run(t, p).Slow
		got.Answers = min(got.Answers, 5) // a busy machine may make those of the sweep slow too
		require.Equal(t, want, got)
	})
}

// TestLateness: what was planned for an instant and was done later is late, but a wait for the tick is not.
func TestLateness(t *testing.T) {
	p := plan(3)
	p.Cadence = Cadence{Kind: Every, Min: 100 * ms, Grid: true}
	m := newMachine(&p, newPhases(3, 1, p.Hold), 0)
	m.plan.Tick = 10 * ms
	late := func(at time.Duration) time.Duration { return m.tally.second(at, PhaseRamp).Late }
	begin := func(j uint32) (due time.Duration) {
		m.dial(j, 0)
		m.established(j, ms)
		due = m.conns[j].due
		require.Equal(t, wantWrite, m.woken(j, due))
		return due
	}
	sent := begin(0) + 7*ms
	m.wrote(0, sent, len(p.Request))
	require.Equal(t, 7*ms, late(s))
	require.Zero(t, late(2*s), "each second has its own")

	due := m.conns[0].due + 100*ms
	m.received(0, []byte(ok), due+3*ms, due+9*ms, true)
	require.Equal(t, due, m.conns[0].due, "the next was due before that answer came")
	m.wrote(0, due+12*ms, len(p.Request))
	require.Equal(t, 2*ms, late(3*s), "it could leave on the tick after the answer")
	require.Equal(t, 3*ms, m.Behind)
	require.Equal(t, 7*ms+9*ms, m.Lag.Sum, "the lag counts from the answer")

	m.tally.lateFor(3*s, 3*s+40*ms)
	m.tally.lateFor(4*s, 3*s+50*ms)
	require.Equal(t, 40*ms, late(4*s), "to be early is not to be late")
}

// TestLateForALostConn: if a conn is lost while its request should have been on its way, we were late, and its second is not
// clean; nobody says so otherwise where the request is never sent.
func TestLateForALostConn(t *testing.T) {
	for _, by := range []time.Duration{-20 * ms, 20 * ms} {
		r := newRig(t, plan(1))
		r.up(0, 0)
		at := r.conns[0].due + by
		r.eof(0, at, endUnknown)
		sample := r.tally.second(s, PhaseHold)
		require.EqualValues(t, 1, sample.Losses[BlameEither])
		require.Equal(t, max(0, by), sample.Late)
	}
}

// TestUnstampedServiceTimes: what our own clock may have added does not count.
func TestUnstampedServiceTimes(t *testing.T) {
	for _, stamped := range []bool{true, false} {
		for _, took := range []time.Duration{5 * ms, 50 * ms} {
			p := plan(1)
			r := newRig(t, p)
			r.up(0, 0)
			r.phases.rampEnd.Store(0)
			due := r.conns[0].due
			r.woken(0, due)
			r.write(0, due)
			r.received(0, []byte(ok), due+took, due+took, stamped)
			want := took
			if !stamped {
				want = max(0, took-punctual)
			}
			require.Equal(t, map[time.Duration]int64{edgeOf(bucketOf(want)): 1}, durationsOf(r.tally.second(s, PhaseHold).Services))
			require.Equal(t, took, r.Hold.ServiceTime.Sum)
		}
	}
}

// TestBlames: what is by the generator alone is blamed on it, and each timeout over all of its time.
func TestBlames(t *testing.T) {
	for _, cause := range Causes() {
		require.Equal(t, cause.Blame() == BlameGenerator, cause.ByGenerator(), cause)
		waited := cause == ConnectTimedOut || cause.class() == timedOut
		require.Equal(t, waited, cause.Blame() == BlameWait, cause)
		if cause.class() == malformed {
			require.Equal(t, BlameServer, cause.Blame(), cause)
		}
	}
	require.False(t, CauseNone.ByGenerator())
}

// TestBlameOfStatus: what a server says because it is slow may come of a busy machine, and began with the request.
func TestBlameOfStatus(t *testing.T) {
	for status, want := range map[int]Blame{
		304: BlameServer, 404: BlameServer, 408: BlameWait, 429: BlameWait, 500: BlameWait, 503: BlameWait,
		504: BlameWait, 600: BlameServer,
	} {
		r := newRig(t, plan(1))
		r.up(0, 0)
		due := r.conns[0].due
		r.woken(0, due)
		r.write(0, due)
		answer := fmt.Sprintf("HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n", status)
		r.plan.WantLowest, r.plan.WantMost = 200, 200
		r.received(0, []byte(answer), due, due, true)
		require.EqualValues(t, 1, r.tally.second(s, PhaseHold).Failures[want], status)
	}
	require.Equal(t, BlameServer, blameOfRefused("linux"))
	require.Equal(t, BlameEither, blameOfRefused("windows"), "a full queue refuses")
}
