package engine

import "time"

// A burst is what a machine knows of Plan.Bursts.
type burst struct {
	on      bool
	closing bool // its time is over: what is outstanding is waited for
	began   time.Duration
	until   time.Duration
	before  int64 // requests answered before it
	cursor  int   // the conn asked last
	spent   *Hist // nil: service times are not recorded
}

// advance begins the burst that is asked for, and ends the one whose time is over.
func (b *burst) advance(m *machine, now time.Duration) {
	bursts := m.phases.bursts
	if bursts == nil {
		return
	}
	if !b.on {
		order, ok := bursts.order()
		if !ok {
			return
		}
		*b = burst{on: true, began: now, until: now + order.lasts, before: m.tally.Requests.Answered, cursor: b.cursor}
		if order.record {
			b.spent = bursts.spent
		}
	}
	if b.closing = now >= b.until; b.closing && m.outstanding == 0 {
		b.on, b.spent = false, nil
		bursts.done <- Burst{Took: now - b.began, Answered: m.tally.Requests.Answered - b.before}
	}
}

// due returns when the next request is: at once if there is a conn to ask and few enough are outstanding. Where there is not,
// it is when the burst ends, lest nobody look.
func (b *burst) due(m *machine) time.Duration {
	switch {
	case !b.on || b.closing:
		return never
	case m.outstanding >= m.phases.bursts.Outstanding || !b.find(m):
		return b.until
	}
	return b.began
}

// find puts the cursor on the next idle conn, in turn.
func (b *burst) find(m *machine) bool {
	n := len(m.conns)
	for i := 1; i <= n; i++ {
		at := b.cursor + i
		if at >= n {
			at -= n
		}
		if c := &m.conns[at]; c.state == idle && c.served > 0 {
			b.cursor = at - 1 // so that to find it again is to find the same
			return true
		}
	}
	return false
}

// next returns the conn that was found.
func (b *burst) next() uint32 {
	b.cursor++
	return uint32(b.cursor)
}

// took notes the service time of an answer.
func (b *burst) took(service time.Duration) {
	if b.spent != nil {
		b.spent.Record(service)
	}
}
