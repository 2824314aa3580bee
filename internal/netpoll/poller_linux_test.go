package netpoll

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"example.com/holdfast/internal/leaktest"
)

// eachPoller runs a test on a prompt and on a batching poller.
func eachPoller(t *testing.T, test func(t *testing.T, p *Poller, batching bool)) {
	for _, batching := range []bool{false, true} {
		t.Run(map[bool]string{false: "prompt", true: "batching"}[batching], func(t *testing.T) {
			p, err := NewPoller(8, batching)
			require.NoError(t, err)
			defer p.Close()
			test(t, p, batching)
		})
	}
}

// pair returns two connected sockets; a is non-blocking.
func pair(t *testing.T) (a, b int) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	t.Cleanup(func() { Close(fds[0]); Close(fds[1]) })
	return fds[0], fds[1]
}

// wait waits until there are events other than the timer's, and returns them.
func wait(t *testing.T, p *Poller, delay time.Duration) (events []Event) {
	t.Helper()
	n, err := p.Wait(delay)
	require.NoError(t, err)
	for i := range n {
		if ev, ok := p.At(i); ok {
			events = append(events, ev)
		}
	}
	return events
}

// TestWaitEndsWithItsDelay and not before it.
func TestWaitEndsWithItsDelay(t *testing.T) {
	eachPoller(t, func(t *testing.T, p *Poller, _ bool) {
		for _, delay := range []time.Duration{0, 1, time.Millisecond, 15 * time.Millisecond, 2 * time.Millisecond} {
			start := time.Now()
			require.Empty(t, wait(t, p, delay))
			require.GreaterOrEqual(t, time.Since(start), delay)
		}
	})
}

// TestNegativeDelayKeepsTheTimer: armed once, it ends a later Wait.
func TestNegativeDelayKeepsTheTimer(t *testing.T) {
	p, err := NewPoller(8, false)
	require.NoError(t, err)
	defer p.Close()
	a, b := pair(t)
	require.NoError(t, p.Add(a, 1, false))
	_, err = Write(b, []byte("x"))
	require.NoError(t, err)
	start := time.Now()
	require.Equal(t, []Event{{ID: 1, Readable: true}}, wait(t, p, 30*time.Millisecond), "the socket is ready first")
	require.Empty(t, wait(t, p, -1))
	require.GreaterOrEqual(t, time.Since(start), 30*time.Millisecond)
}

func TestEvents(t *testing.T) {
	eachPoller(t, func(t *testing.T, p *Poller, batching bool) {
		a, b := pair(t)
		// A prompt poller ends an hour's wait for an event; a batching one looks when its time has come.
		delay := time.Hour
		if batching {
			delay = time.Millisecond
		}
		require.NoError(t, p.Add(a, 7, false))
		require.Empty(t, wait(t, p, time.Millisecond))
		Write(b, []byte("x"))
		require.Equal(t, []Event{{ID: 7, Readable: true}}, wait(t, p, delay))
		require.Empty(t, wait(t, p, time.Millisecond), "edge-triggered: once for each arrival")
		Write(b, []byte("y"))
		require.Equal(t, []Event{{ID: 7, Readable: true}}, wait(t, p, delay))
		require.NoError(t, p.Modify(a, 7, true))
		require.Equal(t, []Event{{ID: 7, Readable: true, Writable: true}}, wait(t, p, delay), "what holds is told again")
		require.NoError(t, p.Modify(a, 7, false))
		wait(t, p, time.Millisecond)
		require.NoError(t, unix.Shutdown(b, unix.SHUT_WR))
		require.Equal(t, []Event{{ID: 7, Readable: true, Hup: true}}, wait(t, p, delay))
	})
}

// TestMoreEventsThanABatch are told in the next one.
func TestMoreEventsThanABatch(t *testing.T) {
	eachPoller(t, func(t *testing.T, p *Poller, _ bool) {
		for id := range uint32(20) {
			a, b := pair(t)
			require.NoError(t, p.Add(a, id, false))
			Write(b, []byte("x"))
		}
		seen := map[uint32]int{}
		for range 5 {
			for _, ev := range wait(t, p, time.Millisecond) {
				seen[ev.ID]++
			}
		}
		require.Len(t, seen, 20)
		for id, n := range seen {
			require.Equal(t, 1, n, "socket %d", id)
		}
	})
}

func TestAddOfAClosedDescriptor(t *testing.T) {
	p, err := NewPoller(1, false)
	require.NoError(t, err)
	defer p.Close()
	require.Equal(t, unix.EBADF, p.Add(-1, 0, false))
}

// within fails the test if f takes longer than any stall of a loaded machine.
func within(t *testing.T, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		stacks := make([]byte, 1<<20)
		t.Fatalf("still running after 20 s:\n%s", stacks[:runtime.Stack(stacks, true)])
	}
}

func TestNudge(t *testing.T) {
	eachPoller(t, func(t *testing.T, p *Poller, batching bool) {
		wake := func() {
			n, err := p.Wait(time.Hour)
			if err != nil {
				t.Errorf("Wait: %v", err)
			}
			for i := range n {
				if ev, ok := p.At(i); ok {
					t.Errorf("event %+v", ev)
				}
			}
		}
		within(t, func() {
			p.Nudge()
			wake() // nudged before it waited
			time.AfterFunc(5*time.Millisecond, p.Nudge)
			wake() // most likely while it was parked
			p.Nudge()
			p.Nudge()
			wake()
		})
		start := time.Now()
		for range 3 { // at most one is left from the two nudges; then a Wait takes its time
			wait(t, p, 10*time.Millisecond)
		}
		require.GreaterOrEqual(t, time.Since(start), 20*time.Millisecond, "a nudge ends one Wait, or one more")
	})
}

// TestNoNudgeIsLost: whoever sets something and nudges is seen by the waiter, however the two interleave.
func TestNoNudgeIsLost(t *testing.T) {
	for _, delay := range []time.Duration{time.Hour, time.Microsecond} {
		t.Run(fmt.Sprint(delay), func(t *testing.T) {
			eachPoller(t, func(t *testing.T, p *Poller, _ bool) {
				const nudges = 5_000
				work, seen := make(chan int, 1), make(chan int)
				within(t, func() {
					go func() {
						for i := range nudges {
							work <- i
							p.Nudge()
							<-seen
						}
					}()
					for next := 0; next < nudges; {
						if _, err := p.Wait(delay); err != nil {
							t.Errorf("Wait: %v", err)
							return
						}
						select {
						case got := <-work:
							if got != next {
								t.Errorf("got %d, want %d", got, next)
							}
							next++
							seen <- got
						default: // the timer, or the nudge for what was seen already
						}
					}
				})
			})
		})
	}
}

func TestCloseOfAPoller(t *testing.T) {
	before := len(leaktest.Descriptors())
	for _, batching := range []bool{false, true} {
		for range 5 {
			p, err := NewPoller(1, batching)
			require.NoError(t, err)
			p.Close()
			_, err = p.Wait(0)
			require.Error(t, err)
		}
	}
	require.Equal(t, before, len(leaktest.Descriptors()))
}
