package loadtest

import (
	"context"
	"runtime"
	"sync"
	"time"
)

// settlePatience is how long a run waits for what an earlier one has left to a server: handlers that end, a server's own clean-up.
const settlePatience = time.Second

// A rest is what a Server's process has when no run goes on, as it was when one was about to begin.
type rest struct {
	mu         sync.Mutex
	known      bool
	open       int64 // conns
	goroutines int
}

// settle waits until s has let go of what the runs before have opened, the conns and the goroutines that go with them. What is
// on its way out when the next run's baseline is read ends in that run, and hides as much of what its conns take. What
// is not gone after settlePatience is there for good, leaked or the test's own, and is waited for no more; nor are two goroutines,
// which is what comes and goes in any process.
func (s *Server) settle(ctx context.Context) {
	s.rest.mu.Lock()
	defer s.rest.mu.Unlock()
	if s.rest.known {
		s.returnTo(ctx, s.rest.open, s.rest.goroutines+noiseCount, settlePatience)
	}
	s.rest.known, s.rest.open, s.rest.goroutines = true, s.Counts().Open, runtime.NumGoroutine()
}

// returnTo waits until there are no more than so many conns and goroutines, and no longer than patience.
func (s *Server) returnTo(ctx context.Context, open int64, goroutines int, patience time.Duration) {
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if s.Counts().Open <= open && runtime.NumGoroutine() <= goroutines {
			return
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return
		}
	}
}
