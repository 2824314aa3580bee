package gate

import (
	"context"
	"net"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/holdfast/internal/netpoll"
	"example.com/holdfast/internal/spawn"
	"example.com/holdfast/loadtest"
)

// A handicap is what makes the server of TestHandicapped worse than its base, told by its environment.
type handicap struct {
	conns     int
	spin      int // rounds of work for each request
	heap      int // bytes for each conn
	goroutine int // for each conn
	drop      int // one conn of so many is closed by the server; 0: none
	endAfter  int // requests until the process ends; 0: none do that
}

const handicapVariable = "HOLDFAST_GATE_TEST_"

func (h *handicap) fields() map[string]*int {
	return map[string]*int{"CONNS": &h.conns, "SPIN": &h.spin, "HEAP": &h.heap, "GOROUTINE": &h.goroutine, "DROP": &h.drop,
		"END": &h.endAfter}
}

// program returns what starts such a server: this test binary.
func (h handicap) program(t testing.TB, name string) serverProgram {
	path, err := os.Executable()
	require.NoError(t, err)
	env := os.Environ()
	for field, n := range h.fields() {
		env = append(env, handicapVariable+field+"="+strconv.Itoa(*n))
	}
	return serverProgram{name, spawn.Program{Path: path, Args: []string{"-test.run=^TestHandicapped$", "-test.timeout=0"}, Env: env,
		Variable: variable, Stdout: true}}
}

// matchOf returns a match of two such servers, which needs no repository.
func matchOf(t testing.TB, base, head handicap) *match {
	return &match{base: base.program(t, "base"), head: head.program(t, "head"), seed: 1, pace: usualPace}
}

var spun atomic.Uint64

// spin takes time that grows with n, and nothing else.
func spin(n int) uint64 {
	x := uint64(n) | 1
	for range n {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
	}
	return x
}

// TestHandicapped is what server processes of other tests run.
func TestHandicapped(t *testing.T) {
	if master == nil {
		t.Skip("other tests run it, in processes of their own")
	}
	var h handicap
	for field, n := range h.fields() {
		var err error
		*n, err = strconv.Atoi(os.Getenv(handicapVariable + field))
		require.NoError(t, err)
	}
	s := loadtest.Serve(t, "tcp", h.serve)
	Check(t, loadtest.Config{Server: s, Connections: h.conns}, loadtest.Budget{}, Options{})
}

type connKey struct{}

// A burden is what a conn has besides.
type burden struct {
	heap   []byte
	number int64
	asked  atomic.Int64
}

// A spinMeter has the server say what its handicap takes, by the clock of the thread and of one request in 32: an instrument that has
// nothing in common with the gate's. What a round takes on a busy machine is a third more than on an idle one. A server without
// handicap has the meter, too, so that the two differ by the rounds alone.
type spinMeter struct{ requests, timed, spent atomic.Int64 }

func (m *spinMeter) spin(rounds int) {
	if m.requests.Add(1)%32 != 0 {
		spun.Add(spin(rounds) & 1)
		return
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	netpoll.ThreadCPU() // the first reading takes the longest
	before := netpoll.ThreadCPU()
	began := netpoll.ThreadCPU()
	odd := spin(rounds) & 1
	ended := netpoll.ThreadCPU()
	spun.Add(odd)
	m.spent.Add(int64(ended - began - (began - before))) // without what reading the clock takes
	m.timed.Add(1)
}

const spinSays = "spin ns: "

func (m *spinMeter) tell() {
	if n := m.timed.Load(); n > 0 {
		println(spinSays + strconv.FormatInt(m.spent.Load()/n, 10))
	}
}

// spinOf returns what a request's handicap took, by the server's own account.
func spinOf(tb testing.TB, s side) time.Duration {
	_, text, ok := strings.Cut(s.Output, spinSays)
	require.True(tb, ok, s.Output)
	text, _, _ = strings.Cut(text, "\n")
	n, err := strconv.Atoi(text)
	require.NoError(tb, err)
	return time.Duration(n)
}

func (h *handicap) serve(l net.Listener) error {
	var meter spinMeter
	defer meter.tell()
	var conns, requests atomic.Int64
	var waiting sync.Map // by conn: what ends its goroutine
	server := http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			meter.spin(h.spin)
			b := r.Context().Value(connKey{}).(*burden)
			if h.drop > 0 && b.number%int64(h.drop) == 0 && b.asked.Add(1) == 3 {
				panic(http.ErrAbortHandler)
			}
			if n := requests.Add(1); h.endAfter > 0 && n == int64(h.endAfter) {
				println("this server ends")
				os.Exit(7)
			}
			_, _ = w.Write([]byte("hello\n"))
		}),
		ConnContext: func(ctx context.Context, _ net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, &burden{heap: make([]byte, h.heap), number: conns.Add(1)})
		},
		ConnState: func(c net.Conn, s http.ConnState) {
			switch {
			case h.goroutine == 0:
			case s == http.StateNew:
				ends := make(chan struct{})
				waiting.Store(c, ends)
				for range h.goroutine {
					go func() { <-ends }()
				}
			case s == http.StateClosed:
				ends, _ := waiting.LoadAndDelete(c)
				close(ends.(chan struct{}))
			}
		},
	}
	return server.Serve(l)
}
