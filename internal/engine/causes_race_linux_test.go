package engine

import (
	"bufio"
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The keep-alive race, lost on purpose: each conn's second request leaves when the server has closed and we do not know.

// requireRaces demands that n conns lost the race after one answer, each by the fault of whoever was late.
func requireRaces(t *testing.T, r *Result, n int64, late bool) {
	t.Helper()
	var found int64
	for _, d := range r.Drops {
		require.Contains(t, []Cause{ResetWriting, ResetWritingLate}, d.Cause, "%+v", d)
		require.Equal(t, d.Cause == ResetWritingLate, d.Sample.Idle-d.Sample.Pause > punctual, "%+v", d)
		require.Equal(t, d.Cause == ResetWritingLate, d.Cause.ByGenerator())
		require.EqualValues(t, 1, d.MostServed)
		if late {
			require.Equal(t, ResetWritingLate, d.Cause, "%+v", d)
		}
		found += d.Count
	}
	require.Equal(t, n, found, "%+v", r.Drops)
	require.Equal(t, n, r.Conns.Dropped)
	require.Equal(t, n, r.Requests.LostWithConn+r.Requests.Unsent, "%+v", r.Requests)
	var closes int64
	for _, b := range r.Hazard {
		closes += b.Closes
	}
	require.Equal(t, n, closes, "the server ended idle conns")
}

// TestRaceOfEpoll goes through the worker's loop by itself: what the server closed is not looked at before the requests
// leave.
func TestRaceOfEpoll(t *testing.T) {
	for name, listen := range map[string]func(*testing.T) net.Listener{"tcp": listenTCP, "unix": listenUnix} {
		for _, late := range []bool{false, true} {
			t.Run(map[bool]string{false: name, true: name + ", late"}[late], func(t *testing.T) {
				const n = 5
				p := plan(n)
				p.Ramp, p.Cadence, p.Hold = Ramp{Conns: n}, Cadence{Kind: Every, Min: 60 * ms}, time.Minute
				st := newSteppedOn(t, p, listen(t))
				st.exchange(ok)
				st.until(func() bool { return st.outstanding == 0 })
				for _, nc := range st.server {
					nc.Close()
				}
				var due time.Duration
				for _, c := range st.machine.conns {
					due = max(due, c.due)
				}
				if late {
					due += 2 * punctual
				}
				<-time.After(due - st.run.clock.now())
				st.turn(st.run.clock.now())
				st.look()
				st.turn(st.run.clock.now())
				st.turn(st.phases.holdEnd())
				requireRaces(t, st.result(), n, late)
			})
		}
	}
}

// A racingConn has its server close, and that arrive, just before its second request is written.
type racingConn struct {
	net.Conn
	race *race
}

type race struct {
	writes int
	late   time.Duration
	close  chan struct{} // the server is to close
	closed chan struct{} // it has closed
	once   sync.Once
}

// SetWriteDeadline is called before the instant sent is taken.
func (c racingConn) SetWriteDeadline(at time.Time) error {
	if c.race.writes++; c.race.writes == 2 {
		c.race.once.Do(func() { close(c.race.close) })
		<-c.race.closed
		<-time.After(c.race.late)
	}
	return c.Conn.SetWriteDeadline(at)
}

// NetConn shows what is below, as tls.Conn does.
func (c racingConn) NetConn() net.Conn {
	if t, ok := c.Conn.(interface{ NetConn() net.Conn }); ok {
		return t.NetConn()
	}
	return c.Conn
}

func TestRaceOfBlocking(t *testing.T) {
	t.Parallel()
	for _, w := range worlds() {
		for _, late := range []bool{false, true} {
			if w.driver != "blocking" {
				continue
			}
			t.Run(map[bool]string{false: w.name, true: w.name + ", late"}[late], func(t *testing.T) {
				t.Parallel()
				const n = 5
				p := plan(n)
				p.MaxConnecting = 1 // so that conns are accepted in the order of their slots
				p.Hold, p.ResponseTimeout = time.Second, 10*s
				races := make([]*race, n)
				for i := range races {
					races[i] = &race{close: make(chan struct{}), closed: make(chan struct{})}
					if late {
						races[i].late = 2 * punctual
					}
				}
				w.aim(&p, w.serve(t, func(index int, nc net.Conn, r *bufio.Reader) {
					readRequest(r)
					nc.Write([]byte(ok))
					<-races[index].close
					nc.Close()
					close(races[index].closed)
				}))
				dial := p.Dial
				p.Dial = func(ctx context.Context, slot int) (net.Conn, error) {
					nc, err := dial(ctx, slot)
					if err != nil {
						return nil, err
					}
					return racingConn{nc, races[slot]}, nil
				}
				requireRaces(t, run(t, p), n, late)
			})
		}
	}
}
