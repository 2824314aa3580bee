package loadtest

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// leaking returns what Check with three rounds says of a server that does something for each conn, in fake time. What it does
// ends with the test.
func leaking(t *testing.T, perConn func(ended <-chan struct{})) (*fixtureTB, *Report) {
	t.Helper()
	return leakingOf(t, 300, Budget{LeakRounds: 3}, perConn)
}

func leakingOf(t *testing.T, conns int, b Budget, perConn func(ended <-chan struct{})) (tb *fixtureTB, r *Report) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ended := make(chan struct{})
		server := &http.Server{
			Handler:     after(0),
			ConnContext: func(ctx context.Context, _ net.Conn) context.Context { perConn(ended); return ctx },
		}
		tb = &fixtureTB{TB: t}
		r = checkOf(tb, Config{Server: Serve(t, networkMemory, server.Serve), Connections: conns, IdleTimeout: time.Minute}, b)
		close(ended)
	})
	return tb, r
}

func TestServerThatLeaksNothing(t *testing.T) {
	tb, r := leaking(t, func(<-chan struct{}) {})
	require.Empty(t, tb.errors)
	require.Equal(t, Pass, r.Verdict.Outcome)
	require.Len(t, r.Leaks.Rounds, 3)
	require.EqualValues(t, 300, r.Leaks.Conns)
	require.Empty(t, r.Leaks.Stayed)
}

// A handler's goroutines may take a few seconds to end.
func TestServerThatIsSlowToLetGo(t *testing.T) {
	tb, r := leaking(t, func(ended <-chan struct{}) {
		go func() {
			select {
			case <-ended:
			case <-time.After(4 * time.Second):
			}
		}()
	})
	require.Empty(t, tb.errors)
	require.Equal(t, Pass, r.Verdict.Outcome)
}

// A map grows by leaps: between two of them a round shows a part of what it keeps.
func TestServerThatLeaksIntoAMap(t *testing.T) {
	for _, conns := range []int{256, 300, 400, 500, 600, 800} {
		var mu sync.Mutex
		seen := map[string]time.Time{}
		_, r := leakingOf(t, conns, Budget{LeakRounds: 3}, func(<-chan struct{}) {
			mu.Lock()
			defer mu.Unlock()
			seen[fmt.Sprintf("127.0.0.1:%d", 10_000+len(seen))] = time.Now()
		})
		require.NotEqual(t, Pass, r.Verdict.Outcome, "with %d conns, after %d: %+v", conns, len(seen), r.Leaks.Rounds)
	}
}

// A budget that allows losses allows them in the rounds too.
func TestLeaksOfAServerThatMayLoseSome(t *testing.T) {
	var n atomic.Int64
	few := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if n.Add(1)%100 == 0 {
			w.Header().Set("Connection", "close")
		}
	})
	_, r := checked(t, few, Config{Connections: 300, IdleTimeout: time.Minute}, Budget{LeakRounds: 3, Held: 200, Drops: 100, Failed: -1})
	require.Len(t, r.Leaks.Rounds, 3, r.Leaks.Cut)
	_, r = checked(t, few, Config{Connections: 300, IdleTimeout: time.Minute}, Budget{LeakRounds: 3})
	require.NotEmpty(t, r.Leaks.Cut)
}

// In the rounds a conn is silent from its first answer on, and the first of a long ramp for all of it.
func TestLeaksAfterALongRamp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &http.Server{Handler: after(0), IdleTimeout: 20 * time.Second}
		r := checkOf(&fixtureTB{TB: t}, Config{
			Server: Serve(t, networkMemory, server.Serve), Connections: 300, Ramp: Ramp{Conns: 1, Every: 100 * time.Millisecond},
			IdleTimeout: 20 * time.Second,
		}, Budget{LeakRounds: 3})
		require.Empty(t, r.Leaks.Cut)
		require.Len(t, r.Leaks.Rounds, 3, r.Verdict)
		require.Equal(t, Pass, r.Verdict.Outcome, r.Verdict)
	})
}

// What the run before the rounds has shown is told, whatever becomes of them.
func TestLeaksThatAreCutShort(t *testing.T) {
	c := (&check{tb: t, cfg: brief(NewServer(t, nil), "", 256), budget: Budget{LeakRounds: 3}}).watch()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.Contains(t, c.leaks(ctx, healthyReport()).Cut, "cancelled before the first connect")
	lost := failingReport()
	lost.Requests.HoldSent, lost.Phases.Complete = lost.Requests.HoldDue, true
	require.Equal(t, "the run before them broke the budget", c.leaks(t.Context(), lost).Cut)
}

// What is slow to end and what stays are told apart, whatever is still on its way out when the next round begins.
func TestServerThatIsSlowToLetGoAndLeaks(t *testing.T) {
	for _, delay := range []time.Duration{100 * time.Millisecond, time.Second, 3 * time.Second, 4500 * time.Millisecond} {
		var n atomic.Int64
		_, r := leaking(t, func(ended <-chan struct{}) {
			if n.Add(1)%10 == 0 {
				go leakedGoroutine(ended)
			}
			go func() {
				select {
				case <-ended:
				case <-time.After(delay):
				}
			}()
		})
		onlyBroken(t, r, "Leaks.Goroutines")
		require.EqualValues(t, 30, r.Leaks.Rounds[2].Goroutines-r.Leaks.Rounds[1].Goroutines, "of those that end after %v", delay)
	}
}

// Whoever asked the server before has a conn of his own, which is not waited for.
func TestLeaksBesideAClient(t *testing.T) {
	s := NewServer(t, nil)
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	response, err := client.Get(s.URL)
	require.NoError(t, err)
	io.Copy(io.Discard, response.Body)
	response.Body.Close()
	cfg := Config{Server: s, Connections: 256, Ramp: Ramp{Every: -1}, IdleTimeout: 400 * time.Millisecond}
	c := (&check{tb: t, cfg: cfg, budget: Budget{LeakRounds: 3}}).watch() // by itself: Check would wait for its turn first
	r, err := c.run(t.Context())
	require.NoError(t, err)
	began := time.Now()
	require.Len(t, c.leaks(t.Context(), r).Rounds, 3)
	require.Less(t, time.Since(began), 2*leakPatience, "the rounds waited for the client's conn")
}

// The conns of others would count as the server's.
func TestLeaksBesideAnotherRun(t *testing.T) {
	other := brief(NewServer(t, nil), "", 10)
	ctx, cancel := context.WithCancel(t.Context())
	began, ended := make(chan struct{}, 100), make(chan struct{})
	other.Hold, other.Progress = time.Minute, func(Sample) { began <- struct{}{} }
	go func() {
		defer close(ended)
		_, _ = Run(ctx, other) // cancelled
	}()
	<-began
	r := checkOf(&fixtureTB{TB: t}, Config{Server: NewServer(t, nil), Connections: 256, Ramp: Ramp{Every: -1}, IdleTimeout: 400 * time.Millisecond},
		Budget{LeakRounds: 3})
	cancel()
	<-ended
	require.Equal(t, Invalid, r.Verdict.Outcome)
	require.Equal(t, otherRun, r.Leaks.Cut)
}

func TestServerThatLeaksAGoroutine(t *testing.T) {
	tb, r := leaking(t, func(ended <-chan struct{}) { go leakedGoroutine(ended) })
	require.Equal(t, Fail, r.Verdict.Outcome)
	onlyBroken(t, r, "Leaks.Goroutines", "Leaks.Heap")
	growth := r.Leaks.Rounds[2].Goroutines - r.Leaks.Rounds[1].Goroutines
	require.EqualValues(t, 300, growth)
	require.Len(t, tb.errors, 1)
	require.Contains(t, tb.errors[0], "none is allowed")
	require.Regexp(t, `What stayed:\s+goroutines:\s+300\s+in\s+example.com/holdfast/loadtest.leakedGoroutine`, tb.errors[0])
}

func leakedGoroutine(ended <-chan struct{}) { <-ended }

func TestServerThatLeaksMemory(t *testing.T) {
	var mu sync.Mutex
	var all [][]byte
	tb, r := leaking(t, func(<-chan struct{}) {
		mu.Lock()
		defer mu.Unlock()
		all = append(all, make([]byte, 4000))
	})
	onlyBroken(t, r, "Leaks.Heap")
	require.Regexp(t, `What stayed:\s+heap: 4.00KiB\s+for\s+each\s+conn\s+from\s+`+
		`example.com/holdfast/loadtest.TestServerThatLeaksMemory.func1`, tb.errors[0])
	require.NotEmpty(t, all)
}

func TestServerThatLeaksDescriptors(t *testing.T) {
	var mu sync.Mutex
	var all []*os.File
	defer func() {
		for _, f := range all {
			f.Close()
		}
	}()
	_, r := leaking(t, func(<-chan struct{}) {
		mu.Lock()
		defer mu.Unlock()
		f, err := os.Open(os.DevNull)
		require.NoError(t, err)
		all = append(all, f)
	})
	if len(openFiles()) == 0 {
		t.Skip("this system does not show descriptors as files")
	}
	onlyBroken(t, r, "Leaks.Descriptors", "Leaks.Heap")
	require.Contains(t, r.Verdict.Broken[0].Text, "descriptors: 300 of "+os.DevNull)
}

// onlyBroken requires that no other lines are broken; the last of those named need not be.
func onlyBroken(t *testing.T, r *Report, lines ...string) {
	t.Helper()
	var broken []string
	for _, reason := range r.Verdict.Broken {
		broken = append(broken, reason.Line)
	}
	require.Subset(t, lines, broken)
	require.Contains(t, broken, lines[0])
}

func TestLeaksThatWereNotLookedFor(t *testing.T) {
	r := &Report{}
	onlyReason(t, Verdict{Outcome: Invalid, Invalid: reasonsOf((*Leaks)(nil).lines(3))}, Invalid, "Leaks", "by Check, not by Run")
	r.Leaks = &Leaks{Conns: 300, Rounds: make([]Resources, 2), Cut: "2 of 300 conns were lost"}
	onlyReason(t, Verdict{Outcome: Invalid, Invalid: reasonsOf(r.Leaks.lines(3))}, Invalid, "Leaks",
		"2 rounds of 3 were carried out: 2 of 300 conns were lost")
	r.Leaks.Rounds = []Resources{{}, {Goroutines: -1, Descriptors: 2}, {Goroutines: -1, Descriptors: 4}}
	onlyReason(t, Verdict{Outcome: Invalid, Invalid: reasonsOf(r.Leaks.lines(3))}, Invalid, "Leaks.Goroutines", "this system does not tell")
}

func reasonsOf(lines []line) []Reason {
	var v Verdict
	for _, l := range lines {
		l.judge(&v, said{})
	}
	return append(v.Broken, v.Invalid...)
}
