package engine

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What the simulation knows of each second, and of the requests due in hold.

// lateIn notes that a request left late in the second that ends at end.
func (t *truth) lateIn(end, by time.Duration) {
	for time.Duration(len(t.late))*time.Second < end {
		t.late = append(t.late, 0)
	}
	last := &t.late[end/time.Second-1]
	*last = max(*last, by)
}

// measured notes how long an exchange took.
func (t *truth) measured(v *wireTruth, arrived time.Duration, stamped bool, p *Plan) {
	service := arrived - v.sent
	if service > SlowAnswer {
		t.slowAnswers++
	}
	if !v.ofHold {
		return
	}
	t.holdAnswered++
	t.holdLatency += arrived - v.dueAt
	t.holdService += service
	if !stamped {
		service = max(0, service-max(10*ms, p.Tick))
	}
	t.services[0] += service - service/64
	t.services[1] += service
}

// requireEvidence compares what the seconds tell, and the cohort of hold, with the simulation's own ledger.
func (s *simulation) requireEvidence(t *testing.T, r *Result) {
	want := &s.truth
	require.Equal(t, map[string]any{"answered": want.holdAnswered, "latency": want.holdLatency, "service": want.holdService,
		"behind": want.behind, "connects": want.slowConnects, "answers": want.slowAnswers, "opened": want.opened},
		map[string]any{"answered": r.Hold.Latency.Count(), "latency": r.Hold.Latency.Sum, "service": r.Hold.ServiceTime.Sum,
			"behind": r.Behind, "connects": r.Slow.Connects, "answers": r.Slow.Answers, "opened": r.Opened})
	require.Equal(t, r.Hold.Latency.Count(), r.Hold.ServiceTime.Count())
	var services, connects int64
	var sum time.Duration
	var cohort Blames
	for i, second := range r.Timeline {
		for d, n := range second.Services.All() {
			services += n
			sum += d * time.Duration(n)
		}
		for _, n := range second.Connects.All() {
			connects += n
		}
		cohort.add(second.Cohort)
		if i < len(want.late) && i < len(r.Timeline)-1 {
			require.GreaterOrEqual(t, second.Late, want.late[i], "second %d", i)
		}
	}
	require.Equal(t, []int64{want.holdAnswered, r.Conns.Connected, want.holdLost}, []int64{services, connects, cohort.Sum()})
	require.GreaterOrEqual(t, sum, want.services[0])
	require.LessOrEqual(t, sum, want.services[1])
}
