package engine

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"example.com/holdfast/internal/netpoll"
)

// epollWorlds returns the worlds of the epoll driver.
func epollWorlds() (ws []world) {
	for _, w := range worlds() {
		if w.driver == "epoll" {
			ws = append(ws, w)
		}
	}
	return ws
}

// echo answers every read with a response, and allocates nothing per exchange.
func echo(_ int, nc net.Conn, _ *bufio.Reader) {
	buf, response := make([]byte, 4096), []byte(ok)
	for {
		if _, err := nc.Read(buf); err != nil {
			return
		}
		if _, err := nc.Write(response); err != nil {
			return
		}
	}
}

// TestEpollAllocatesNothingPerExchange counts the allocations of a whole run, server included.
func TestEpollAllocatesNothingPerExchange(t *testing.T) {
	for _, w := range epollWorlds() {
		t.Run(w.name, func(t *testing.T) {
			p := plan(10)
			p.Cadence, p.Hold = Cadence{Kind: BackToBack}, 300*ms
			w.aim(&p, w.serve(t, echo))
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			r := run(t, p)
			runtime.ReadMemStats(&after)
			allocated := float64(after.Mallocs - before.Mallocs)
			require.Greater(t, r.Requests.Answered, int64(2000))
			// To set up a run, its conns and the server's takes some hundred.
			require.Less(t, allocated, 1000+0.01*float64(r.Requests.Answered), "%d exchanges", r.Requests.Answered)
		})
	}
}

// TestResponsesAroundTheBuffer: a read that fills the buffer is followed by another, whether there is more or not, and a
// close right behind the response is seen with it.
func TestResponsesAroundTheBuffer(t *testing.T) {
	for _, w := range epollWorlds() {
		for _, size := range []int{readBuffer - 1, readBuffer, readBuffer + 1, 2 * readBuffer, 3*readBuffer + 1} {
			const header = "HTTP/1.1 200 OK\r\nContent-Length: %6d\r\n\r\n"
			body := size - len(fmt.Sprintf(header, 0))
			response := []byte(fmt.Sprintf(header, body) + strings.Repeat("x", body))
			require.Len(t, response, size)
			ends := []struct {
				name  string
				last  []byte // what the server writes after the response, before it closes
				cause Cause
			}{{"close", nil, ClosedIdle}, {"bytes", []byte("!"), IdleBytes}}
			for _, end := range ends {
				t.Run(fmt.Sprintf("%s/%d/%s", w.name, size, end.name), func(t *testing.T) {
					t.Parallel()
					p := plan(4)
					p.Cadence = Cadence{} // one request a conn
					w.aim(&p, w.serve(t, func(_ int, nc net.Conn, r *bufio.Reader) {
						readRequest(r)
						nc.Write(append(response[:size:size], end.last...))
					}))
					r := run(t, p)
					require.EqualValues(t, 4, r.Requests.Answered)
					require.EqualValues(t, 4, r.Conns.Dropped)
					for _, d := range r.Drops {
						require.Equal(t, end.cause, d.Cause, "%+v", d)
					}
				})
			}
		}
	}
}

// TestBytesAfterTheResponseInAClosedLoop: they are no answer to the request that follows at once.
func TestBytesAfterTheResponseInAClosedLoop(t *testing.T) {
	body := readBuffer - len("HTTP/1.1 200 OK\r\nContent-Length: 65494\r\n\r\n")
	response := []byte(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", body, strings.Repeat("x", body)))
	require.Len(t, response, readBuffer, "one read takes all of it, and the next what follows")
	for _, w := range epollWorlds() {
		t.Run(w.name, func(t *testing.T) {
			p := plan(4)
			p.Cadence = Cadence{Kind: BackToBack}
			w.aim(&p, w.serve(t, func(_ int, nc net.Conn, r *bufio.Reader) {
				readRequest(r)
				nc.Write([]byte(ok))
				readRequest(r)
				nc.Write(append(response[:readBuffer:readBuffer], ok...))
				readRequest(r)
			}))
			r := run(t, p)
			require.EqualValues(t, 4, r.Conns.Dropped)
			require.LessOrEqual(t, r.Requests.Answered, r.Requests.Sent)
		})
	}
}

func TestSeveralWorkers(t *testing.T) {
	for _, w := range epollWorlds() {
		t.Run(w.name, func(t *testing.T) {
			p := plan(50)
			p.Workers = 3
			w.aim(&p, w.serve(t, answer(ok)))
			r := run(t, p)
			require.Equal(t, 3, r.Workers)
			require.EqualValues(t, 50, r.Conns.Held)
			require.Empty(t, r.Drops)
			require.Equal(t, r.Requests.Due, r.Requests.Answered)
		})
	}
}

// TestMoreWorkersThanConns: a worker without conns must not keep the others from ending.
func TestMoreWorkersThanConns(t *testing.T) {
	w := epollWorlds()[0]
	p := plan(2)
	p.Workers = 5
	w.aim(&p, w.serve(t, answer(ok)))
	require.EqualValues(t, 2, run(t, p).Conns.Held)
}

// TestBatching: with a coarse tick responses are read once a tick, and their arrival is the kernel's.
func TestBatching(t *testing.T) {
	stop, stamps := netpoll.StartStamps()
	defer stop()
	if !stamps {
		t.Skip("this kernel stamps nothing, so that responses are read as they come")
	}
	w := epollWorlds()[0]
	p := plan(50)
	p.Tick, p.Workers = 10*ms, 3
	w.aim(&p, w.serve(t, answer(ok)))
	r := run(t, p)
	require.EqualValues(t, 50, r.Conns.Held)
	require.Equal(t, r.Requests.Due, r.Requests.Answered)
	require.Greater(t, r.Stamps.Kernel, 9*r.Stamps.User)
	require.Greater(t, r.ClientWait.Quantile(0.5), r.ServiceTime.Quantile(0.1), "they wait for us, and it is not in their latency")
	require.Equal(t, r.Latency.Sum, r.Lag.Sum+r.ServiceTime.Sum)
}

// TestCancelledAtAnyInstant of ramp and hold: the result is lawful and comes within two seconds. TestMain sees to what
// is left behind.
func TestCancelledAtAnyInstant(t *testing.T) {
	for _, w := range epollWorlds() {
		for seed := range uint64(10) {
			t.Run(fmt.Sprintf("%s/%d", w.name, seed), func(t *testing.T) {
				t.Parallel()
				rng := rand.New(rand.NewPCG(seed, 1))
				p := plan(50)
				p.Ramp, p.Hold, p.Workers = Ramp{Conns: 1, Every: ms}, time.Hour, 3
				p.Tick = []time.Duration{ms, 10 * ms}[seed%2]
				w.aim(&p, w.serve(t, answer(ok)))
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				reason := fmt.Errorf("reason %d", seed)
				cancelled := make(chan time.Time, 1)
				time.AfterFunc(time.Duration(rng.Int64N(int64(120*ms))), func() {
					cancelled <- time.Now()
					cancel(reason)
				})
				r, err := Run(ctx, p)
				require.Less(t, time.Since(<-cancelled), 2*time.Second)
				require.Equal(t, reason, err)
				requireLawful(t, r)
				requireSums(t, r)
				require.Zero(t, r.Conns.Held)
				require.NotEqual(t, PhaseDrain, r.Ended)
			})
		}
	}
}

func TestCancelledBeforeTheStart(t *testing.T) {
	w := epollWorlds()[0]
	p := plan(50)
	w.aim(&p, w.serve(t, answer(ok)))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r, err := Run(ctx, p)
	require.ErrorIs(t, err, context.Canceled)
	requireLawful(t, r)
	require.Equal(t, PhaseRamp, r.Ended)
}

// TestSecondAddress: where nobody listens at a host's first address, each attempt goes on to the second and is one
// attempt.
func TestSecondAddress(t *testing.T) {
	for _, workers := range []int{1, 3} {
		t.Run(fmt.Sprint(workers), func(t *testing.T) {
			w := epollWorlds()[0]
			p := plan(20)
			p.Workers = workers
			w.aim(&p, w.serve(t, answer(ok)))
			dead := listenTCP(t)
			dead.Close()
			p.Target.Addrs = []netip.AddrPort{dead.Addr().(*net.TCPAddr).AddrPort(), p.Target.Addrs[0]}
			p.Hold = 50 * ms
			r := run(t, p)
			require.Equal(t, Conns{Requested: 20, EverEstablished: 20, Served: 20, Held: 20, Attempts: 20, Connected: 20,
				OpenAtEnd: 20}, r.Conns)
			p.Target.Addrs[1] = p.Target.Addrs[0]
			r = run(t, p)
			require.Equal(t, Conns{Requested: 20, NeverEstablished: 20, Attempts: 20, ConnectFailed: 20}, r.Conns)
		})
	}
}

// TestLocalAddresses: slot i goes out from source address i mod n.
func TestLocalAddresses(t *testing.T) {
	w := epollWorlds()[0]
	p := plan(20)
	p.Target.Local = []netip.Addr{netip.MustParseAddr("127.1.2.3"), netip.MustParseAddr("127.4.5.6")}
	from := make(chan string, 20)
	local := p.Target.Local
	w.aim(&p, w.serve(t, func(_ int, nc net.Conn, r *bufio.Reader) {
		from <- nc.RemoteAddr().(*net.TCPAddr).IP.String()
		answer(ok)(0, nc, r)
	}))
	p.Target.Local = local
	require.EqualValues(t, 20, run(t, p).Conns.Held)
	counts := map[string]int{}
	for range 20 {
		counts[<-from]++
	}
	require.Equal(t, map[string]int{"127.1.2.3": 10, "127.4.5.6": 10}, counts)
}

// listenTiny returns a unix listener whose backlog takes two conns: listen(2) with 1.
func listenTiny(t *testing.T) net.Listener {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "s")
	require.NoError(t, unix.Bind(fd, &unix.SockaddrUnix{Name: path}))
	require.NoError(t, unix.Listen(fd, 1))
	file := os.NewFile(uintptr(fd), path)
	defer file.Close()
	l, err := net.FileListener(file)
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	return l
}

// TestFullUnixBacklog: a unix socket refuses at once where TCP would wait. The attempt goes on until there is room.
func TestFullUnixBacklog(t *testing.T) {
	const closed = 30 * ms // nobody accepts before
	w := world{listen: func(t *testing.T) net.Listener { return lateListener{listenTiny(t), time.Now().Add(closed)} }}
	p := plan(20)
	p.Ramp = Ramp{Conns: 20}
	l := w.serve(t, answer(ok))
	p.Target = Target{Unix: l.Addr().String()}
	r := run(t, p)
	require.Equal(t, Conns{Requested: 20, EverEstablished: 20, Served: 20, Held: 20, Attempts: 20, Connected: 20,
		OpenAtEnd: 20}, r.Conns)
	require.Greater(t, r.Connect.Max, closed/2, "the wait is part of the connect time")
}

// A lateListener accepts nothing before an instant.
type lateListener struct {
	net.Listener
	from time.Time
}

func (l lateListener) Accept() (net.Conn, error) {
	<-time.After(time.Until(l.from))
	return l.Listener.Accept()
}

// TestUnixBacklogThatStaysFull: the attempt ends with its timeout.
func TestUnixBacklogThatStaysFull(t *testing.T) {
	l := listenTiny(t)
	p := plan(20)
	p.Ramp, p.Cadence = Ramp{Conns: 20}, Cadence{}
	p.ConnectTimeout, p.ResponseTimeout = 50*ms, 100*ms
	p.Target = Target{Unix: l.Addr().String()}
	r := run(t, p)
	require.Equal(t, Conns{Requested: 20, NeverEstablished: 18, EverEstablished: 2, Attempts: 20, Connected: 2,
		ConnectFailed: 18, Dropped: 2}, r.Conns)
	require.Equal(t, ConnectTimedOut, r.Drops[0].Cause)
	require.EqualValues(t, 18, r.Drops[0].Count)
	require.GreaterOrEqual(t, r.Drops[0].First, p.ConnectTimeout, "not before its time")
}
