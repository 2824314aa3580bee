package engine

import (
	"bufio"
	"context"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// each runs a conformance test in every world: the drivers must not differ in anything that a Result tells.
func each(t *testing.T, test func(t *testing.T, w world)) {
	for _, w := range worlds() {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			test(t, w)
		})
	}
}

func TestConnsAreHeld(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		p := plan(100)
		w.aim(&p, w.serve(t, answer(ok)))
		r := run(t, p)
		require.Equal(t, w.driver, r.Driver)
		require.Equal(t, Conns{
			Requested: 100, EverEstablished: 100, Served: 100, Held: 100, Attempts: 100, Connected: 100, OpenAtEnd: 100,
		}, r.Conns)
		require.Empty(t, r.Drops)
		require.Equal(t, r.Requests.Due, r.Requests.Answered)
		require.Equal(t, r.Requests.Due, r.Requests.Status[2])
		require.Equal(t, r.Requests.HoldDue, r.Requests.HoldSent)
		require.Equal(t, r.Requests.Answered, r.Stamps.Kernel+r.Stamps.User)
	})
}

func TestCadenceSetsTheRate(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		p := plan(50)
		p.Ramp, p.Cadence, p.Hold = Ramp{Conns: 50}, Cadence{Kind: Every, Min: 20 * time.Millisecond}, 400*time.Millisecond
		p.Cadence.Grid = true
		w.aim(&p, w.serve(t, answer(ok)))
		r := run(t, p)
		// On a grid every conn has one request due in each 20 ms, whatever the responses took.
		require.EqualValues(t, 50*20, r.Requests.HoldDue)
	})
}

func TestSilentConnsAreSwept(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		p := plan(40)
		p.Ramp.Conns = 1
		p.Cadence, p.IdleTimeout = Cadence{}, 200*time.Millisecond // nothing that the ramp sent is recent after hold
		w.aim(&p, w.serve(t, answer(ok)))
		r := run(t, p)
		require.EqualValues(t, 40, r.Conns.Held)
		require.EqualValues(t, 80, r.Requests.Answered, "one request in the ramp and one in the sweep")
		require.GreaterOrEqual(t, r.SweepEnd-r.HoldEnd, 39*time.Millisecond, "1000 requests/s")
	})
}

func TestBackToBack(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		p := plan(10)
		p.Cadence, p.Hold = Cadence{Kind: BackToBack}, 2*time.Second // for a machine that is busy with seven of them
		w.aim(&p, w.serve(t, answer(ok)))
		r := run(t, p)
		require.EqualValues(t, 10, r.Conns.Held)
		require.Greater(t, r.Requests.Answered, int64(100))
		require.Zero(t, r.Requests.InFlightAtEnd)
	})
}

func TestHeadEndsAtTheBlankLine(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		p := plan(10)
		p.Request, p.Head = []byte(head), true
		w.aim(&p, w.serve(t, answer("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")))
		require.EqualValues(t, 10, run(t, p).Conns.Held)
	})
}

func TestResponsesInPieces(t *testing.T) {
	body := strings.Repeat("x", 200_000)
	responses := map[string]string{
		"long":    "HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n" + body,
		"chunked": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n30d40\r\n" + body + "\r\n0\r\n\r\n",
		"interim": "HTTP/1.1 100 Continue\r\n\r\n" + ok,
	}
	each(t, func(t *testing.T, w world) {
		for name, response := range responses {
			t.Run(name, func(t *testing.T) {
				p := plan(5)
				w.aim(&p, w.serve(t, func(_ int, nc net.Conn, r *bufio.Reader) {
					for readRequest(r) {
						for cut := range 30 { // the first 30 bytes one by one
							nc.Write([]byte(response[cut : cut+1]))
						}
						nc.Write([]byte(response[30:]))
					}
				}))
				r := run(t, p)
				require.EqualValues(t, 5, r.Conns.Held)
				require.Empty(t, r.Drops)
			})
		}
	})
}

func TestLongRequests(t *testing.T) {
	const size = 3_000_000 // more than a socket's buffers take
	request := "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 3000000\r\n\r\n" + strings.Repeat("x", size)
	each(t, func(t *testing.T, w world) {
		p := plan(3)
		p.Request = []byte(request)
		w.aim(&p, w.serve(t, func(_ int, nc net.Conn, r *bufio.Reader) {
			for readRequest(r) {
				if n, err := r.Discard(size); err != nil {
					t.Errorf("body ends after %d bytes: %v", n, err)
					return
				}
				nc.Write([]byte(ok))
			}
		}))
		require.EqualValues(t, 3, run(t, p).Conns.Held)
	})
}

func TestLossesAreNamed(t *testing.T) {
	tests := []struct {
		name   string
		script script
		want   Cause
		sent   Requests // the classes that differ from 0, per conn
	}{
		{"closed before first", func(_ int, nc net.Conn, r *bufio.Reader) { readRequest(r) },
			ClosedBeforeFirst, Requests{Due: 1, Sent: 1, LostWithConn: 1}},
		{"closed while idle", func(_ int, nc net.Conn, r *bufio.Reader) { readRequest(r); nc.Write([]byte(ok)) },
			ClosedIdle, Requests{Due: 1, Sent: 1, Answered: 1}},
		{"closed in head", func(_ int, nc net.Conn, r *bufio.Reader) { readRequest(r); nc.Write([]byte(ok[:20])) },
			ClosedInHead, Requests{Due: 1, Sent: 1, LostWithConn: 1}},
		{"closed in body", func(_ int, nc net.Conn, r *bufio.Reader) { readRequest(r); nc.Write([]byte(ok[:len(ok)-1])) },
			ClosedInBody, Requests{Due: 1, Sent: 1, LostWithConn: 1}},
		{"closed as announced", answer("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"),
			ClosedAnnounced, Requests{Due: 1, Sent: 1, Answered: 1}},
		{"body until close", func(_ int, nc net.Conn, r *bufio.Reader) {
			readRequest(r)
			nc.Write([]byte("HTTP/1.1 200 OK\r\n\r\nuntil the end"))
		}, ClosedAnnounced, Requests{Due: 1, Sent: 1, Answered: 1}},
		{"no answer", func(_ int, nc net.Conn, r *bufio.Reader) { readRequest(r); readRequest(r) },
			ResponseTimedOut, Requests{Due: 1, Sent: 1, TimedOut: 1}},
		{"half an answer", func(_ int, nc net.Conn, r *bufio.Reader) {
			readRequest(r)
			nc.Write([]byte(ok[:20]))
			readRequest(r)
		}, ResponseUnfinished, Requests{Due: 1, Sent: 1, TimedOut: 1}},
		{"malformed", answer("HTTP/1.1 2xx OK\r\n\r\n"), Malformed, Requests{Due: 1, Sent: 1, Malformed: 1}},
		{"endless head", answer("HTTP/1.1 200 OK\r\nA: " + strings.Repeat("x", 70_000)),
			HeadTooLarge, Requests{Due: 1, Sent: 1, Malformed: 1}},
		{"bytes after the response", answer(ok + "!"), IdleBytes, Requests{Due: 1, Sent: 1, Answered: 1}},
	}
	each(t, func(t *testing.T, w world) {
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				const n = 7
				p := plan(n)
				if test.sent.TimedOut > 0 {
					p.ResponseTimeout = 50 * time.Millisecond
				}
				p.Cadence = Cadence{} // one request a conn
				w.aim(&p, w.serve(t, test.script))
				r := run(t, p)
				require.Zero(t, r.Conns.Held)
				require.EqualValues(t, n, r.Conns.Dropped)
				for _, d := range r.Drops { // one, or two if some fell into hold
					require.Equal(t, test.want, d.Cause, "%+v", d)
				}
				want := Requests{Due: n * test.sent.Due, Sent: n * test.sent.Sent, Answered: n * test.sent.Answered,
					TimedOut: n * test.sent.TimedOut, Malformed: n * test.sent.Malformed,
					LostWithConn: n * test.sent.LostWithConn, Status: [6]int64{2: n * test.sent.Answered}}
				require.Equal(t, want, r.Requests)
				require.Equal(t, want.TimedOut, r.Latency.Censored)
			})
		}
	})
}

func TestUnwantedStatus(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		p := plan(5)
		w.aim(&p, w.serve(t, answer("HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n")))
		r := run(t, p)
		require.EqualValues(t, 5, r.Conns.Held, "the status of a request says nothing about the conn")
		require.Equal(t, r.Requests.Answered, r.Requests.Unwanted)
		require.Len(t, r.Unwanted, 1)
		require.Equal(t, 405, r.Unwanted[0].Status)
		require.Equal(t, r.Requests.Unwanted, r.Unwanted[0].Count)
	})
}

func TestConnectRefused(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		p := plan(6)
		l := w.listen(t)
		w.aim(&p, l)
		l.Close()
		r := run(t, p)
		require.Equal(t, Conns{Requested: 6, NeverEstablished: 6, Attempts: 6, ConnectFailed: 6}, r.Conns)
		require.Len(t, r.Drops, 1)
		require.Equal(t, ConnectRefused, r.Drops[0].Cause, "%+v", r.Drops[0])
	})
}

// TestCancelled cancels in the middle of each phase, when the server has seen it: the result is partial and lawful, and
// comes at once.
func TestCancelled(t *testing.T) {
	tests := []struct {
		phase Phase
		plan  func(p *Plan)
		seen  func(requests []int) bool // of each conn
	}{
		{PhaseRamp, func(p *Plan) { p.Ramp = Ramp{Conns: 1, Every: 10 * time.Millisecond} },
			func(requests []int) bool { return len(requests) >= 10 }},
		{PhaseHold, func(p *Plan) { p.Hold = time.Hour },
			func(requests []int) bool { return len(requests) == 50 && slices.Min(requests) >= 3 }},
		{PhaseSweep, func(p *Plan) {
			p.Slots = 400 // a sweep of 400 ms: longer than any server goroutine is kept waiting
			p.Cadence, p.Hold, p.IdleTimeout, p.Ramp.Conns = Cadence{}, 20*time.Millisecond, 2*time.Second, 1
		}, func(requests []int) bool { return slices.Max(requests) >= 2 }},
	}
	each(t, func(t *testing.T, w world) {
		for _, test := range tests {
			t.Run(test.phase.String(), func(t *testing.T) {
				p := plan(50)
				test.plan(&p)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				var cancelled atomic.Int64
				var mu sync.Mutex
				requests := []int{}
				w.aim(&p, w.serve(t, func(index int, nc net.Conn, r *bufio.Reader) {
					for readRequest(r) {
						mu.Lock()
						for index >= len(requests) {
							requests = append(requests, 0)
						}
						requests[index]++
						if test.seen(requests) && cancelled.CompareAndSwap(0, time.Now().UnixNano()) {
							cancel()
						}
						mu.Unlock()
						nc.Write([]byte(ok))
					}
				}))
				r, err := Run(ctx, p)
				require.Less(t, time.Since(time.Unix(0, cancelled.Load())), 2*time.Second)
				require.ErrorIs(t, err, context.Canceled)
				requireLawful(t, r)
				require.Zero(t, r.Conns.Held, "nothing was held to the end")
				require.Equal(t, test.phase, r.Ended)
			})
		}
	})
}
