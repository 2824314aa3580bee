package engine

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// note adds a loss to the simulation's ledger.
func (s *simulation) note(x *wire, kind lossKind, now, idle time.Duration) {
	kind.phase = x.w.phase
	l, served := s.truth.losses[kind], x.truth.served
	if l == nil {
		l = &lossTruth{first: now, fewest: served, shortest: idle}
		s.truth.losses[kind] = l
	}
	l.count++
	l.first, l.last = min(l.first, now), max(l.last, now)
	l.fewest, l.most = min(l.fewest, served), max(l.most, served)
	l.shortest, l.longest = min(l.shortest, idle), max(l.longest, idle)
}

// attribute finds out which fault a loss is the consequence of. Without one only slowness can be it.
func (s *simulation) attribute(x *wire, cause Cause) {
	f := x.server.doom
	slow := cause == ResponseTimedOut || cause == ResponseUnfinished || cause == ConnectTimedOut
	switch {
	case !x.server.struck && !slow:
		s.failf("slot %d is lost by %q, and nothing was done to it", x.slotNumber(), cause)
	case !x.server.struck:
	case slices.Contains(faults[f].causes, cause):
		s.truth.seen[f]++
	case slow:
		s.truth.preempted[f]++
	default:
		s.failf("slot %d is lost by %q after the server %s", x.slotNumber(), cause, faults[f].name)
	}
}

// tried notes that an attempt begins.
func (s *simulation) tried(x *wire, now time.Duration) {
	t := &s.truth.conns
	t.Attempts++
	x.truth.began, x.truth.ready = now, now
	if x.slot.attempts++; x.slot.attempts == 1 {
		x.slot.lost = -1
		s.truth.opened = max(s.truth.opened, now)
		return
	}
	t.Reattempts++
	s.truth.retries = append(s.truth.retries, x.w.turn) // a stall since then is not the engine's
	if now < x.slot.retry {
		s.failf("slot %d is tried again at %v, and not to be before %v", x.slotNumber(), now, x.slot.retry)
	}
}

// resolve notes that a slot's first attempt was served or has failed.
func (s *simulation) resolve(x *wire, now time.Duration) {
	if x.slot.attempts == 1 {
		s.truth.rampEnd = max(s.truth.rampEnd, now)
	}
}

// established notes that the driver knows an attempt to have succeeded.
func (s *simulation) established(x *wire, now time.Duration) {
	t := &s.truth
	t.conns.Connected++
	t.connect += now - x.truth.began
	if now-x.truth.began > SlowConnect {
		t.slowConnects++
	}
	x.truth.up, x.truth.upAt, x.truth.ready = true, now, now
	x.slot.up = true
	if x.slot.attempts > 1 {
		t.conns.Reopened++
		x.truth.next = now
	} else {
		x.truth.next = s.onTick(now + s.plan.Cadence.first(s.plan.Seed, x.slotNumber()))
	}
}

// failed notes that the driver knows an attempt to have failed.
func (s *simulation) failed(x *wire, now time.Duration, cause Cause, err error) {
	kind := lossKind{cause: cause}
	if err != nil {
		kind.errno = errnoOf(err)
	}
	x.truth.fallen = true
	s.truth.conns.ConnectFailed++
	s.note(x, kind, now, 0)
	s.resolve(x, now)
	s.attribute(x, cause)
	s.retryLater(x, now)
}

// abandoned notes that an attempt is in flight when the run, or reopening, ends.
func (s *simulation) abandoned(x *wire, now time.Duration) {
	s.preempt(x)
	x.truth.fallen = true
	s.truth.conns.ConnectAbandoned++
	s.note(x, lossKind{cause: Abandoned}, now, 0)
}

// preempt notes that the client is through with a wire before it learnt what the server did to it.
func (s *simulation) preempt(x *wire) {
	if x.server.struck && !x.truth.fallen {
		s.truth.preempted[x.server.doom]++
	}
}

// retryLater notes when the slot may be tried again at the earliest.
func (s *simulation) retryLater(x *wire, now time.Duration) {
	r, slot := s.plan.Reopen, &x.slot
	if r.Rate == 0 {
		return
	}
	if slot.lost < 0 {
		slot.lost = now
	}
	delay := r.Delay
	for range slot.failures {
		delay = min(2*delay, max(r.Delay, r.Most))
	}
	slot.retry, slot.retryBy = now+delay/2, now+delay
	if slot.failures++; x.truth.served > 0 {
		slot.failures = 0
	}
}

// recent returns when a request must have been sent, at the earliest, for its answer to prove that a conn is held.
func (s *simulation) recent() time.Duration {
	return max(time.Duration(s.phases.rampEnd.Load()), s.phases.holdEnd()-s.plan.IdleTimeout/2)
}

// frozen counts what is up when a worker's sweep has ended.
func (s *simulation) frozen(w *simWorker, now time.Duration) {
	rampEnd, recent := time.Duration(s.phases.rampEnd.Load()), s.recent()
	for j := range w.wires {
		x := &w.wires[j]
		v := &x.truth
		switch up := v.up && !v.fallen; {
		case up && x.slot.attempts == 1:
			if v.served == 0 || v.proven < recent || v.upAt > rampEnd {
				s.failf("slot %d is held: up at %v, served %d, the last one sent at %v, not before %v",
					x.slotNumber(), v.upAt, v.served, v.proven, recent)
			}
			s.truth.conns.Held++
			fallthrough
		case up:
			s.truth.conns.OpenAtEnd++
			v.owed = !v.due && v.next <= now
			if v.taken == 0 {
				s.truth.idle += max(0, now-v.ready)
				s.truth.idles++
			}
		case x.open && !v.fallen:
			s.abandoned(x, now)
		}
	}
}

// cancelled counts what is up, and under way, when a worker abandons the run.
func (s *simulation) cancelled(w *simWorker, now time.Duration) {
	for j := range w.wires {
		x := &w.wires[j]
		v := &x.truth
		switch up := v.up && !v.fallen; {
		case x.open && !v.up && !v.fallen:
			s.abandoned(x, now)
		case !up:
			continue
		case v.due && v.taken == 0:
			s.truth.requests.Unsent++
		case v.taken > 0:
			s.truth.requests.InFlightAtEnd++
		}
		if up := v.up && !v.fallen; up && w.phase < PhaseDrain {
			s.truth.conns.OpenAtEnd++
			if v.taken == 0 {
				s.truth.idle += max(0, now-v.ready)
				s.truth.idles++
			}
		}
	}
}

// requireTrue compares the result with the simulation's own ledger.
func (s *simulation) requireTrue(t *testing.T, r *Result) {
	want, cancelled := &s.truth, s.phases.cancelled.Load()
	want.conns.Requested = int64(s.plan.Slots)
	for _, w := range s.workers {
		for j := range w.wires {
			switch slot := &w.wires[j].slot; {
			case slot.up:
				want.conns.EverEstablished++
			case slot.attempts == 0:
				want.conns.NotAttempted++
			default:
				want.conns.NeverEstablished++
			}
			if w.wires[j].slot.answered {
				want.conns.Served++
			}
		}
	}
	require.Equal(t, want.conns, r.Conns)
	q := r.Requests
	if cancelled || s.plan.Cadence.Grid { // what fell due behind a request, or as the run was cancelled, went over no wire
		require.GreaterOrEqual(t, q.Unsent, want.requests.Unsent)
		want.requests.Unsent = q.Unsent
	}
	want.requests.Due = want.requests.Sent + want.requests.Unsent
	want.requests.HoldDue = q.HoldDue
	require.Equal(t, want.requests, q)
	require.Equal(t, want.stamps, r.Stamps)
	if time.Duration(s.phases.rampEnd.Load()) != never {
		require.Equal(t, []time.Duration{want.rampEnd, min(want.rampEnd+s.plan.Hold, r.DrainEnd)},
			[]time.Duration{r.RampEnd, r.HoldEnd}, "ends of the ramp and of hold")
	}
	require.Equal(t, map[string]time.Duration{"connect": want.connect, "latency": want.latency, "service": want.service,
		"lag": want.lag, "wait": want.wait}, map[string]time.Duration{"connect": r.Connect.Sum, "latency": r.Latency.Sum,
		"service": r.ServiceTime.Sum, "lag": r.Lag.Sum, "wait": r.ClientWait.Sum})
	require.Equal(t, q.TimedOut, r.Latency.Censored)
	if s.plan.Reopen.Rate > 0 {
		require.Equal(t, want.recovery, r.Recovery.Sum)
		require.Equal(t, r.Conns.Recovered, r.Recovery.Count())
		s.requireRate(t)
	}
	s.requireEvidence(t, r)
	s.requireLosses(t, r)
	s.requireHazard(t, r)
	for f := range numFaults {
		require.Equal(t, want.carried[f], want.seen[f]+want.preempted[f], "the server %s", faults[f].name)
	}
}

// requireRate checks that in no second more attempts were made again than the plan allows.
func (s *simulation) requireRate(t *testing.T) {
	all, rate := s.truth.retries, s.plan.Reopen.Rate
	slices.Sort(all)
	for i := rate; i < len(all); i++ {
		require.GreaterOrEqual(t, all[i]-all[i-rate], time.Second, "%d attempts again in a second", rate+1)
	}
}

func (s *simulation) requireHazard(t *testing.T, r *Result) {
	var atRisk time.Duration
	var closes, reached int64
	for i, b := range r.Hazard {
		atRisk += b.AtRisk
		closes += b.Closes
		if i == 0 {
			reached = b.Reached
		}
	}
	require.Equal(t, []any{s.truth.idle, s.truth.idles, s.truth.closes}, []any{atRisk, reached, closes}, "idle, idles, closes")
}

// requireLosses compares the drops, and the statuses that were not wanted.
func (s *simulation) requireLosses(t *testing.T, r *Result) {
	got := map[lossKind]*lossTruth{}
	for _, d := range r.Drops {
		got[lossKind{d.Phase, d.Cause, d.Errno, d.Rule}] = &lossTruth{d.Count, d.First, d.Last, d.FewestServed, d.MostServed,
			d.ShortestIdle, d.LongestIdle}
		one := d.Sample
		require.Equal(t, lossKind{d.Phase, d.Cause, d.Errno, d.Rule}, lossKind{one.Phase, one.Cause, one.Errno, one.Rule})
		require.Equal(t, d.First, one.At)
	}
	for kind, want := range s.truth.losses {
		require.Equal(t, want, got[kind], "%v: %v %s %s, of %+v", kind.phase, kind.cause, kind.errno, kind.rule, r.Drops)
		delete(got, kind)
	}
	require.Empty(t, got, "losses that were none")
	statuses := map[int]int64{}
	for _, u := range r.Unwanted {
		statuses[u.Status] += u.Count
	}
	require.Equal(t, s.truth.unwanted, statuses)
}
