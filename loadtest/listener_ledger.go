package loadtest

import (
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A ledger lists the accepted conns, oldest first. Its lock is taken when a conn opens or closes, never for a request.
type ledger struct {
	start time.Time

	// serverPins is set when the http.Server is the fixture's own: an entry then stays, after its conn was closed,
	// until the server's goroutine has let go of it.
	serverPins bool

	drained chan struct{} // closed when no more will come and none is left

	mu             sync.Mutex
	sealed         bool
	accepted       int64
	spans          []*span // the first is the ledger's whole life
	oldest, newest *entry
}

// A span counts the conns that were accepted after it began, however many are open from before.
type span struct {
	after      int64 // conns accepted until it began
	open, peak int64
}

// An entry is one accepted conn.
type entry struct {
	ledger       *ledger
	conn         net.Conn
	older, newer *entry
	number       int64         // counted from 1
	born         time.Duration // since ledger.start
	state        atomic.Uint32 // an http.ConnState, if the http.Server is the fixture's own

	closed bool // guarded by ledger.mu, as is
	pins   int8 // how many have yet to let go: the conn, the own server
}

func newLedger() *ledger {
	return &ledger{start: time.Now(), drained: make(chan struct{}), spans: []*span{{}}}
}

// begin begins a span.
func (l *ledger) begin() *span {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := &span{after: l.accepted}
	l.spans = append(l.spans, s)
	return s
}

// end ends a span and returns its counts.
func (l *ledger) end(s *span) FixtureCounts {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.spans = slices.DeleteFunc(l.spans, func(other *span) bool { return other == s })
	return l.countsOf(s)
}

// add enters a conn that was just accepted; false: the ledger is sealed.
func (l *ledger) add(e *entry) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.sealed {
		return false
	}
	l.accepted++
	for _, s := range l.spans {
		s.open++
		s.peak = max(s.peak, s.open)
	}
	e.ledger, e.number, e.born, e.pins = l, l.accepted, time.Since(l.start), 1
	if l.serverPins {
		e.pins = 2
	}
	e.older = l.newest
	if l.newest == nil {
		l.oldest = e
	} else {
		l.newest.newer = e
	}
	l.newest = e
	return true
}

// seal refuses further conns and reports whether it was the first to do so.
func (l *ledger) seal() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.sealed {
		return false
	}
	l.sealed = true
	l.checkDrained()
	return true
}

// close closes the conn and counts that once. It is counted first, so that a client that sees the end finds it counted.
func (e *entry) close() error {
	l := e.ledger
	l.mu.Lock()
	if !e.closed {
		e.closed = true
		for _, s := range l.spans {
			if e.number > s.after {
				s.open--
			}
		}
		l.unpin(e)
	}
	l.mu.Unlock()
	return e.conn.Close()
}

// release says that the own http.Server is done with the conn.
func (l *ledger) release(e *entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.unpin(e)
}

// unpin takes an entry out of the list once all have let go of it.
func (l *ledger) unpin(e *entry) {
	if e.pins--; e.pins > 0 {
		return
	}
	if e.older == nil {
		l.oldest = e.newer
	} else {
		e.older.newer = e.newer
	}
	if e.newer == nil {
		l.newest = e.older
	} else {
		e.newer.older = e.older
	}
	e.older, e.newer = nil, nil
	l.checkDrained()
}

// checkDrained is called whenever the list got shorter or was sealed.
func (l *ledger) checkDrained() {
	if l.sealed && l.oldest == nil {
		close(l.drained)
	}
}

// closeAll closes the conns that are wanted closed.
func (l *ledger) closeAll(wanted func(*entry) bool) {
	var found []*entry
	l.mu.Lock()
	for e := l.oldest; e != nil; e = e.newer {
		if !e.closed && wanted(e) {
			found = append(found, e)
		}
	}
	l.mu.Unlock()
	for _, e := range found {
		e.close()
	}
}

// counts returns the counts of all conns there ever were.
func (l *ledger) counts() FixtureCounts {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.countsOf(l.spans[0])
}

// countsOf returns the counts of a span's conns; idle and active mean something only if the http.Server is the
// fixture's own. The lock is held.
func (l *ledger) countsOf(s *span) FixtureCounts {
	accepted := l.accepted - s.after
	c := FixtureCounts{Accepted: accepted, Open: s.open, Peak: s.peak, Closed: accepted - s.open}
	for e := l.newest; e != nil && e.number > s.after; e = e.older {
		if e.closed {
			continue
		}
		switch http.ConnState(e.state.Load()) {
		case http.StateIdle:
			c.Idle++
		case http.StateActive:
			c.Active++
		}
	}
	return c
}
