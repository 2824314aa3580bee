package engine

import (
	"bufio"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"example.com/holdfast/internal/netpoll"
)

// A stepped is an epoll worker whose loop the test goes through by itself, with the server's ends of its conns: what the
// kernel has for the worker before each look is then known.
type stepped struct {
	*epollWorker
	t      *testing.T
	server []net.Conn
}

// newStepped opens the conns of p to a unix socket, where what is written has arrived when the write returns.
func newStepped(t *testing.T, p Plan) *stepped { return newSteppedOn(t, p, listenUnix(t)) }

// newSteppedOn opens them to l, over TCP or a unix socket.
func newSteppedOn(t *testing.T, p Plan, l net.Listener) *stepped {
	if addr, ok := l.Addr().(*net.TCPAddr); ok {
		p.Target = Target{Addrs: []netip.AddrPort{addr.AddrPort()}}
	} else {
		p.Target = Target{Unix: l.Addr().String()}
	}
	p.MaxConnecting = p.Slots
	r := &epollRun{plan: &p, clock: clock{time.Now()}, phases: newPhases(p.Slots, 1, p.Hold), timeline: newTimeline(1, nil)}
	r.addEndpoints()
	w, err := newEpollWorker(r, 0)
	require.NoError(t, err)
	st := &stepped{epollWorker: w, t: t}
	t.Cleanup(func() {
		w.closeAll()
		w.poll.Close()
		l.Close()
		for _, nc := range st.server {
			nc.Close()
		}
	})
	st.until(func() bool {
		for len(st.server) < w.opened {
			nc, err := l.Accept()
			require.NoError(t, err)
			st.server = append(st.server, nc)
		}
		return w.outstanding == p.Slots
	})
	return st
}

// until does what the loop does until condition holds.
func (st *stepped) until(condition func() bool) {
	for deadline := time.Now().Add(20 * s); !condition(); {
		require.True(st.t, time.Now().Before(deadline), "%d requests outstanding", st.outstanding)
		st.turn(st.run.clock.now())
		n, err := st.poll.Wait(max(0, min(st.delay(), ms)))
		require.NoError(st.t, err)
		st.events(n)
	}
}

// exchange lets the server read a request on each conn and write response.
func (st *stepped) exchange(response string) {
	for _, nc := range st.server {
		nc.SetDeadline(time.Now().Add(20 * s)) // else a request that is missing is waited for without end
		require.True(st.t, readRequest(bufio.NewReader(nc)))
		n, err := nc.Write([]byte(response))
		require.NoError(st.t, err)
		require.Equal(st.t, len(response), n)
	}
}

// look handles all events that the kernel has.
func (st *stepped) look() {
	n, err := st.poll.Wait(0)
	require.NoError(st.t, err)
	st.events(n)
}

func (st *stepped) result() *Result {
	res := result(st.plan, st.phases, st.run.timeline, "epoll", []*machine{&st.machine}, st.run.clock.now())
	requireLawful(st.t, res)
	return res
}

// TestMassCloseIsSeenInFull: more conns than one look returns are closed in hold, and the worker looks again only after
// the end of the sweep: none of them was held.
func TestMassCloseIsSeenInFull(t *testing.T) {
	const n = 3*eventBatch + 1
	p := plan(n)
	p.Ramp, p.Cadence, p.Hold = Ramp{Conns: n}, Cadence{}, time.Minute
	st := newStepped(t, p)
	st.exchange(ok)
	st.look()
	require.EqualValues(t, n, st.tally.Conns.Served)
	st.turn(st.run.clock.now())
	require.Equal(t, PhaseHold, st.phase)
	for _, nc := range st.server {
		nc.Close()
	}
	st.look()
	st.turn(st.phases.holdEnd())
	require.True(t, st.drained())
	r := st.result()
	require.Equal(t, Conns{Requested: n, EverEstablished: n, Served: n, Attempts: n, Connected: n, Dropped: n}, r.Conns)
	require.Len(t, r.Drops, 1)
	require.Equal(t, ClosedIdle, r.Drops[0].Cause)
	require.EqualValues(t, n, r.Drops[0].Count)
	require.Equal(t, PhaseHold, r.Drops[0].Phase)
	require.Equal(t, Requests{Due: n, Sent: n, Answered: n, Status: [6]int64{2: n}}, r.Requests)
}

// TestBytesBehindAFullBuffer: a response fills the buffer to the last byte, and another one that nobody asked for lies
// behind it. In a closed loop the next request is due between the two reads; that one is no answer to it.
func TestBytesBehindAFullBuffer(t *testing.T) {
	const n = 4
	const header = "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"
	body := readBuffer - len(fmt.Sprintf(header, readBuffer))
	full := fmt.Sprintf(header, body) + strings.Repeat("x", body)
	require.Len(t, full, readBuffer)
	p := plan(n)
	p.Cadence, p.Hold = Cadence{Kind: BackToBack}, time.Minute
	st := newStepped(t, p)
	st.exchange(ok)
	st.look()
	st.until(func() bool { return st.outstanding == n }) // the closed loop has begun
	require.Equal(t, PhaseHold, st.phase)
	st.exchange(full + ok)
	st.look()
	require.Equal(t, Requests{Due: 3 * n, Sent: 2 * n, Unsent: n, Answered: 2 * n, Status: [6]int64{2: 2 * n}, HoldDue: 2 * n,
		HoldSent: n}, st.tally.Requests)
	require.EqualValues(t, n, st.tally.Conns.Dropped)
	drops := st.tally.sorted()
	require.Len(t, drops, 1)
	require.Equal(t, IdleBytes, drops[0].Cause)
	require.Contains(t, drops[0].Sample.Detail, `no request was outstanding, and this arrived: "HTTP/1.1 200 OK`)
}

// TestLastReadReadsAll: what the server sent and its close had come when the deadline passed; nobody had looked. That it
// was closed, or complete, is told as if somebody had.
func TestLastReadReadsAll(t *testing.T) {
	tests := map[string]struct {
		response string
		want     Requests
		cause    Cause
	}{
		"until close":    {"HTTP/1.1 200 OK\r\n\r\nok", Requests{Due: 2, Sent: 2, Answered: 2, Status: [6]int64{2: 2}}, ClosedAnnounced},
		"closed in body": {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no", Requests{Due: 2, Sent: 2, LostWithConn: 2}, ClosedInBody},
		"closed in head": {"HTTP/1.1 200 OK\r\nCont", Requests{Due: 2, Sent: 2, LostWithConn: 2}, ClosedInHead},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p := plan(2)
			p.Cadence = Cadence{}
			st := newStepped(t, p)
			st.exchange(test.response)
			for _, nc := range st.server {
				nc.Close()
			}
			st.turn(max(st.machine.conns[0].wake, st.machine.conns[1].wake) + p.Tick)
			require.Equal(t, test.want, st.tally.Requests)
			drops := st.tally.sorted()
			require.Len(t, drops, 1)
			require.Equal(t, test.cause, drops[0].Cause)
			require.EqualValues(t, 2, drops[0].Count)
		})
	}
}

// TestConnectedInTime: a connect that had succeeded when its deadline passed is none that timed out, though nobody had
// looked.
func TestConnectedInTime(t *testing.T) {
	l := listenTCP(t)
	defer l.Close()
	p := plan(1)
	p.Cadence, p.ResponseTimeout = Cadence{}, time.Minute
	p.Target = Target{Addrs: []netip.AddrPort{l.Addr().(*net.TCPAddr).AddrPort()}}
	r := &epollRun{plan: &p, clock: clock{time.Now()}, phases: newPhases(1, 1, p.Hold), timeline: newTimeline(1, nil)}
	r.addEndpoints()
	w, err := newEpollWorker(r, 0)
	require.NoError(t, err)
	defer w.poll.Close()
	defer w.closeAll()

	fd, _, err := netpoll.Connect(r.endpoints[0], nil, false)
	require.NoError(t, err)
	w.dial(0, 0)
	w.opened, w.connecting = 1, 1
	c := &w.machine.conns[0]
	c.fd = int32(fd)
	require.NoError(t, w.poll.Add(fd, 0, true))
	w.set(0, false)
	w.turn(c.wake + p.Tick)
	require.Equal(t, waiting, c.state)
	require.Equal(t, Conns{Requested: 1, EverEstablished: 1, Attempts: 1, Connected: 1}, w.tally.Conns)
	require.Zero(t, w.connecting)
}

// TestFirstAddressSilent: an address that swallows what is sent to it gets its share of the time, and all conns go to the
// next.
func TestFirstAddressSilent(t *testing.T) {
	t.Parallel()
	silent := swallow(t)
	for _, workers := range []int{1, 3} {
		t.Run(fmt.Sprint(workers), func(t *testing.T) {
			t.Parallel()
			w := epollWorlds()[0]
			p := plan(10)
			p.Workers, p.ConnectTimeout = workers, 2*s
			w.aim(&p, w.serve(t, answer(ok)))
			p.Target.Addrs = []netip.AddrPort{silent, p.Target.Addrs[0]}
			r := run(t, p)
			require.Equal(t, allHeld(10), r.Conns, "%+v", r.Drops)
			require.GreaterOrEqual(t, r.Connect.Max, p.ConnectTimeout/2, "the time at the first is in the connect time")
		})
	}
}

// swallow returns an address whose accept queue is full for the rest of the test: Linux drops each SYN to it.
func swallow(t *testing.T) netip.AddrPort {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	t.Cleanup(func() { unix.Close(fd) })
	require.NoError(t, unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 2}}))
	require.NoError(t, unix.Listen(fd, 0))
	name, err := unix.Getsockname(fd)
	require.NoError(t, err)
	addr := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 2}), uint16(name.(*unix.SockaddrInet4).Port))
	for range 8 {
		nc, err := (&net.Dialer{Timeout: 100 * ms}).Dial("tcp", addr.String())
		if isTimeout(err) {
			return addr
		}
		require.NoError(t, err)
		t.Cleanup(func() { nc.Close() })
	}
	require.FailNow(t, "the accept queue of backlog 0 takes 8 conns")
	return addr
}

// TestLateForWhatWasFound: what no kernel stamps is timed when it is handled. How long it may have lain there by then, behind
// other events, is our lateness.
func TestLateForWhatWasFound(t *testing.T) {
	st := newStepped(t, plan(1))
	st.tally.second(s, PhaseRamp)
	st.looked = st.run.clock.now() - 50*ms
	_, err := st.server[0].Write([]byte(ok))
	require.NoError(t, err)
	require.True(t, st.read(0, false))
	require.EqualValues(t, 1, st.Stamps.User)
	require.GreaterOrEqual(t, st.tally.second(s, PhaseRamp).Late, 50*ms)
}
