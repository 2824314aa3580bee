package engine

import (
	"math"
	"time"
)

// Reopen says what follows the loss of a conn, or an attempt that failed: another attempt, after a delay, and no more
// of them a second than Rate, whatever happens to how many conns. Its zero value is never.
type Reopen struct {
	Delay time.Duration // before the first attempt after a loss; each one that fails doubles it
	Most  time.Duration // the longest delay
	Rate  int           // attempts a second at most, over all workers; 0: never reopen
}

// delay returns the time before attempt k of a slot whose last failures attempts came to nothing: drawn uniformly from
// the upper half of the doubled delay, so that what was lost together does not come back together.
func (r Reopen) delay(seed uint64, slot int, k, failures uint32) time.Duration {
	const enough = 62 // doublings; with many more, none of 0 would not be a number
	d := math.Ldexp(float64(r.Delay), int(min(failures, enough)))
	d = min(d, float64(max(r.Delay, r.Most)))
	const lane = 0x5265_6f70_656e // pauses are drawn from the seed itself
	return time.Duration(d * (1 + unit(seed^lane, slot, k, 0)) / 2)
}

// reopening is a worker's slots that are to be opened again, the earliest first.
type reopening struct {
	heap  []reopenAt
	slots []history // by conn; none where lost conns stay lost
}

type reopenAt struct {
	at time.Duration
	j  uint32
}

// A history is what reopening needs to know of a slot.
type history struct {
	lost     time.Duration // instant of the loss, or the first failed attempt, since which it was not served; never: none
	attempts uint32        // after the first
	failures uint32        // attempts in a row that led to no answer
}

func newReopening(p *Plan, conns int) reopening {
	if p.Reopen.Rate == 0 {
		return reopening{}
	}
	r := reopening{slots: make([]history, conns)}
	for j := range r.slots {
		r.slots[j].lost = never
	}
	return r
}

// reopenLater plans the next attempt for conn j, which was just lost or failed to open.
func (m *machine) reopenLater(j uint32, now time.Duration) {
	if m.slots == nil || m.phase == PhaseDrain || m.abandoned {
		return
	}
	c, h := &m.conns[j], &m.slots[j]
	h.lost = min(h.lost, now)
	h.attempts++
	delay := m.plan.Reopen.delay(m.plan.Seed, m.slot(j), h.attempts, h.failures)
	if h.failures++; c.served > 0 {
		h.failures = 0
	}
	m.push(reopenAt{now + delay, j})
}

// recovered notes that conn j was answered again.
func (m *machine) recovered(j uint32, arrived time.Duration) {
	if m.slots == nil {
		return
	}
	h := &m.slots[j]
	h.failures = 0
	if h.lost != never {
		m.tally.Conns.Recovered++
		m.tally.Recovery.Record(arrived - h.lost)
		h.lost = never
	}
}

// reopenDue returns the instant from which on reopenNext may have a conn to open again; never if there is none.
func (m *machine) reopenDue() time.Duration {
	if len(m.heap) == 0 || m.phase == PhaseDrain {
		return never
	}
	return max(m.heap[0].at, time.Duration(m.phases.nextReopen.Load()))
}

// reopenNext returns the next conn to open again; false: not yet, because its delay is not over or the rate forbids it.
func (m *machine) reopenNext(now time.Duration) (j uint32, ok bool) {
	if m.reopenDue() > now || !m.phases.mayReopen(now, m.plan.Reopen.Rate) {
		return 0, false
	}
	return m.pop().j, true
}

// endReopening ends it with the sweep: what is being opened is abandoned.
func (m *machine) endReopening(now time.Duration) {
	m.heap = nil
	for j := range m.conns {
		if c := &m.conns[j]; c.state == dialling {
			m.tally.Conns.ConnectAbandoned++
			m.tally.loss(m.lossOf(c, uint32(j), now, Abandoned, evidence{}))
			m.close(c)
		}
	}
}

// reopenSlack is how far attempts may lag behind their rate and still catch up: a driver looks once a tick or so.
const reopenSlack = 20 * time.Millisecond

// mayReopen allots an attempt of a rate per second to one worker. The instants allotted lie so far apart that rate of
// them span a second and the slack: in no second begin more than rate attempts.
func (p *phases) mayReopen(now time.Duration, rate int) bool {
	gap := (time.Second + reopenSlack + time.Duration(rate) - 1) / time.Duration(rate)
	for {
		next := p.nextReopen.Load()
		if time.Duration(next) > now {
			return false
		}
		if p.nextReopen.CompareAndSwap(next, int64(max(time.Duration(next), now-reopenSlack)+gap)) {
			return true
		}
	}
}

func (r *reopening) push(e reopenAt) {
	r.heap = append(r.heap, e)
	for i := len(r.heap) - 1; i > 0; {
		parent := (i - 1) / 2
		if r.heap[parent].at <= r.heap[i].at {
			return
		}
		r.heap[parent], r.heap[i] = r.heap[i], r.heap[parent]
		i = parent
	}
}

func (r *reopening) pop() reopenAt {
	first, last := r.heap[0], len(r.heap)-1
	r.heap[0] = r.heap[last]
	r.heap = r.heap[:last]
	for i := 0; ; {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < last; child++ {
			if r.heap[child].at < r.heap[least].at {
				least = child
			}
		}
		if least == i {
			return first
		}
		r.heap[i], r.heap[least] = r.heap[least], r.heap[i]
		i = least
	}
}
