package loadtest

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"
)

// Close stops accepting, closes what is not in use, and gives the rest 5 s to end: requests in their handlers, or the
// author's serve function. Then it closes every conn and says in the test's log which were open, in which state; a
// handler or serve function that does not return even then fails the test. Close never hangs, may be called again, and
// need not be called: it is registered with the test's Cleanup.
func (s *Server) Close() {
	s.tb.Helper()
	s.closeOnce.Do(s.close)
}

func (s *Server) close() {
	s.tb.Helper()
	s.ln.Close()
	if s.own != nil {
		s.closeQuiet()
	}
	if !s.ended(s.patience) {
		s.force()
	}
	s.ln.ledger.closeAll(func(*entry) bool { return true })
	s.reportServe()
	s.errorLog.flush(s.tb)
}

// closeQuiet closes the conns without a request, and makes those with one close after its response.
func (s *Server) closeQuiet() {
	// On the socket, because net/http closes an idle TLS conn with an alert that may wait 5 s for a client that does not
	// read, one conn after the other. It takes over from here: what has become idle meanwhile, it closes at once.
	s.ln.ledger.closeAll(func(e *entry) bool { return http.ConnState(e.state.Load()) != http.StateActive })
	s.own.SetKeepAlivesEnabled(false)
}

// ended waits for serve to return and, with an http.Server of our own, for every conn's goroutine.
func (s *Server) ended(within time.Duration) bool {
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case <-s.returned:
	case <-timer.C:
		return false
	}
	if s.own == nil {
		return true
	}
	select {
	case <-s.ln.ledger.drained:
		return true
	case <-timer.C:
		return false
	}
}

// force closes every conn and says what was in the way.
func (s *Server) force() {
	s.tb.Helper()
	found := s.ln.ledger.describe(s.own != nil)
	s.ln.ledger.closeAll(func(*entry) bool { return true })
	ended := s.ended(s.forcedPatience)

	waited, advice := "its conns", "look for a handler that never returns; one that waits must also wait for its request's Context"
	if s.own == nil {
		waited, advice = "its serve function", "serve must return once Accept fails with net.ErrClosed, "+
			"and must not wait for a handler that never returns"
	}
	head := fmt.Sprintf("loadtest: closing the server on %s: %s had not ended after %v: %s", s.Addr, waited, s.patience, found)
	if ended {
		s.tb.Logf("%s; they ended when the conns were closed by force", head)
		return
	}
	s.tb.Errorf("%s; nor %v after the conns were closed by force: %s", head, s.forcedPatience, advice)
}

// reportServe fails the test if serve broke its contract.
func (s *Server) reportServe() {
	s.tb.Helper()
	select {
	case <-s.returned:
	default:
		return // force has said so
	}
	switch err := s.serveErr; {
	case errors.Is(err, net.ErrClosed), errors.Is(err, http.ErrServerClosed):
	case err != nil:
		s.tb.Errorf("loadtest: serving on %s: serve returned: %v", s.Addr, err)
	case s.early:
		s.tb.Errorf("loadtest: serving on %s: serve returned nil while its listener was open: it must serve on its own "+
			"goroutine, not start another, until the listener is closed", s.Addr)
	}
}

// describe says how many conns are in which state, and which are the oldest.
func (l *ledger) describe(statesKnown bool) string {
	const named = 5
	l.mu.Lock()
	defer l.mu.Unlock()
	states := map[string]int{}
	var oldest []string
	total := 0
	for e := l.oldest; e != nil; e = e.newer {
		total++
		state := "open"
		if statesKnown {
			state = http.ConnState(e.state.Load()).String()
		}
		states[state]++
		if len(oldest) < named {
			age := (time.Since(l.start) - e.born).Round(time.Millisecond)
			oldest = append(oldest, fmt.Sprintf("conn %d from %s, %s, %v old", e.number, remote(e.conn), state, age))
		}
	}
	if total == 0 {
		return "no conn open"
	}
	var b strings.Builder
	for _, state := range []string{"new", "active", "idle", "hijacked", "closed", "open"} {
		if n := states[state]; n > 0 {
			fmt.Fprintf(&b, "%d %s, ", n, state)
		}
	}
	return strings.TrimSuffix(b.String(), ", ") + " (oldest: " + strings.Join(oldest, "; ") + ")"
}

// remote returns the address of a conn's client, which on a unix socket has none.
func remote(c net.Conn) string {
	if a := c.RemoteAddr(); a != nil && a.String() != "" && a.String() != "@" {
		return a.String()
	}
	return "a client without an address"
}
