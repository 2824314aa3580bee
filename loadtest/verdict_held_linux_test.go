package loadtest

import (
	"context"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// keeping is a server of whose conns each keeps what grab gives it, until it is closed.
func keeping(t *testing.T, grab func(closed <-chan struct{}) any) *Server {
	type key struct{}
	var conns sync.Map
	s := &http.Server{
		Handler: http.HandlerFunc(ok),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			closed := make(chan struct{})
			conns.Store(c, closed)
			return context.WithValue(ctx, key{}, grab(closed))
		},
		ConnState: func(c net.Conn, state http.ConnState) {
			if state == http.StateClosed {
				closed, _ := conns.LoadAndDelete(c)
				close(closed.(chan struct{}))
			}
		},
	}
	return Serve(t, "tcp", s.Serve)
}

// TestWhatEachConnTakesIsJudged by one run, of a server alone in the test process.
func TestWhatEachConnTakesIsJudged(t *testing.T) {
	usual := Budget{HeapPerConn: 16 << 10, StackPerConn: 16 << 10, GoroutinesPerConn: 1.1}
	for name, test := range map[string]struct {
		server func(t *testing.T) *Server
		budget Budget
		broken []string
	}{
		"plain": {func(t *testing.T) *Server { return NewServer(t, nil) }, usual, nil},
		"64 KB more": {func(t *testing.T) *Server {
			return keeping(t, func(<-chan struct{}) any { return make([]byte, 64<<10) })
		}, Budget{HeapPerConn: 20 << 10, StackPerConn: 16 << 10, GoroutinesPerConn: 1.1}, []string{"HeapPerConn"}},
		"a goroutine more": {func(t *testing.T) *Server {
			return keeping(t, func(closed <-chan struct{}) any { go func() { <-closed }(); return nil })
		}, Budget{HeapPerConn: 20 << 10, StackPerConn: 16 << 10, GoroutinesPerConn: 1.5}, []string{"GoroutinesPerConn"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := test.server(t)
			defer s.Close() // else the next one's run has what it leaves
			cfg := brief(s, "", 300)
			cfg.Processes, cfg.Hold, cfg.Ramp = 1, 100*time.Millisecond, Ramp{Every: -1}
			run := systemRunner()
			run.collects = true
			r, err := run.run(t.Context(), cfg)
			require.NoError(t, err)
			v := r.Judge(test.budget)
			var broken []string
			for _, reason := range v.Broken {
				broken = append(broken, reason.Line)
			}
			require.Equal(t, test.broken, broken, "%v\n%s", v, r)
			for _, reason := range v.Invalid { // whether the load was offered is not the point
				require.NotContains(t, reason.Line, "PerConn", "%v\n%s", v, r)
			}
			t.Log(v)
		})
	}
}

// TestRunDoesNotKnowTheHeap: its report says so, and who does. Goroutines it knows.
func TestRunDoesNotKnowTheHeap(t *testing.T) {
	cfg := brief(NewServer(t, nil), "", 100)
	cfg.Processes = 1
	r, err := Run(t.Context(), cfg)
	require.NoError(t, err)
	require.EqualValues(t, -1, r.ServerUse.Hold.Heap)
	v := r.Judge(Budget{HeapPerConn: 1 << 30, StackPerConn: 1 << 30, GoroutinesPerConn: 0.5})
	texts := map[string]string{}
	for _, reason := range append(v.Invalid, v.Broken...) {
		texts[reason.Line] = reason.Text
	}
	const by = " is collected and read with all conns open by Check, Bench and MeasureCost, not by Run"
	require.Contains(t, texts["HeapPerConn"], "heap"+by)
	require.Contains(t, texts["StackPerConn"], "stacks are read after collections, with all conns open, by Check, Bench and MeasureCost")
	require.Contains(t, texts["GoroutinesPerConn"], "at least 0.")
}
