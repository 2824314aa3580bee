package faulty

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/holdfast/internal/memnet"
)

// TestManyConns gives every conn another fault at its second request: each client sees the one of its own number, and
// the counts are exact.
func TestManyConns(t *testing.T) {
	const conns = 400
	var mix []Fault
	for _, f := range All() {
		if w, listed := wants[f]; listed && f.Method() != "HEAD" && w.then <= reset {
			mix = append(mix, f)
		}
	}
	each(t, func(t *testing.T, w world) {
		faultOf := func(conn, request int) Fault {
			f := mix[conn%len(mix)]
			if request != 1 || f.Possible(w.network, w.overTLS, request) != nil {
				return None
			}
			return f
		}
		v := w.start(t, &Server{Fault: faultOf})
		var wg sync.WaitGroup
		injected := map[Fault]int{}
		for i := range conns {
			f := faultOf(i, 1)
			if f != None {
				injected[f]++
			}
			nc, err := v.connect(t.Context())
			require.NoError(t, err)
			wg.Go(func() {
				if err := v.plays(t, nc, f); err != nil {
					t.Errorf("conn %d: %v: %v", i, f, err)
				}
			})
		}
		wg.Wait()
		for range conns {
			<-v.closed
		}
		require.Equal(t, injected, v.Injected())
		require.Equal(t, conns, v.Accepted())
		require.Equal(t, 2*conns, v.Requests())
	})
}

// plays is a client that sends two requests, and expects f at the second.
func (v *service) plays(t *testing.T, raw net.Conn, f Fault) error {
	defer raw.Close()
	nc, err := v.secure(t.Context(), raw)
	if err != nil {
		return err
	}
	want := proper
	if acts[f].when != answering {
		want += proper
	}
	want += strings.Join(wants[f].reads, "")
	got := make([]byte, len(want))
	nc.Write([]byte(get))
	if _, err := io.ReadFull(nc, got[:len(proper)]); err != nil {
		return err
	}
	nc.Write([]byte(get))
	if n, err := io.ReadFull(nc, got[len(proper):]); err != nil || string(got) != want {
		return fmt.Errorf("got %q after the first answer, want %q: %w", got[len(proper):len(proper)+n], want[len(proper):], err)
	}
	wantErr := map[then]error{end: io.EOF, reset: syscall.ECONNRESET}[wants[f].then]
	if wantErr == nil {
		return nil
	}
	if n, err := nc.Read(got); n != 0 || !errors.Is(err, wantErr) {
		return fmt.Errorf("got %q and %v at the end, want %w", got[:n], err, wantErr)
	}
	return nil
}

// eachIdle runs a test for faults of idle conns, wherever they can be, at each conn's first request.
func eachIdle(t *testing.T, idle time.Duration, test func(t *testing.T, v *service, f Fault)) {
	each(t, func(t *testing.T, w world) {
		for _, f := range []Fault{CloseIdle, ResetIdle, BytesIdle} {
			if f.Possible(w.network, w.overTLS, 0) == nil {
				t.Run(f.String(), func(t *testing.T) { test(t, w.start(t, &Server{Idle: idle, Fault: at(0, f)}), f) })
			}
		}
	})
}

// TestFaultComesWhenIdle has the client rest for as long as a fault waits.
func TestFaultComesWhenIdle(t *testing.T) {
	const idle = 50 * time.Millisecond
	eachIdle(t, idle, func(t *testing.T, v *service, f Fault) {
		nc, err := v.dial(t.Context())
		require.NoError(t, err)
		start := time.Now()
		exchange(t, nc, get)
		for _, want := range wants[f].reads {
			wantRead(t, nc, want)
		}
		v.wantThen(t, nc, wants[f].then)
		require.GreaterOrEqual(t, time.Since(start), idle)
		require.Equal(t, map[Fault]int{f: 1}, v.Injected())
	})
}

// TestRequestCallsFaultOff: a conn with a request is not idle.
func TestRequestCallsFaultOff(t *testing.T) {
	eachIdle(t, time.Hour, func(t *testing.T, v *service, f Fault) {
		nc, err := v.dial(t.Context())
		require.NoError(t, err)
		for range 3 {
			exchange(t, nc, get)
		}
		nc.Close()
		<-v.closed
		require.Empty(t, v.Injected())
		require.Equal(t, 3, v.Requests())
	})
}

// TestClientGoesBeforeTheFault: then there is none.
func TestClientGoesBeforeTheFault(t *testing.T) {
	eachIdle(t, time.Hour, func(t *testing.T, v *service, f Fault) {
		nc, err := v.dial(t.Context())
		require.NoError(t, err)
		exchange(t, nc, get)
		nc.Close()
		<-v.closed
		require.Empty(t, v.Injected())
	})
}

// TestEndsWithItsListener leaves conns on which nothing will ever happen to the server.
func TestEndsWithItsListener(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		faults := []Fault{None, NeverAnswer, HalfAnswer, DripFeed, HalfCloseUnanswered, HeadTooLarge}
		v := w.start(t, &Server{Fault: func(conn, request int) Fault {
			if request == 0 {
				return faults[conn]
			}
			return None
		}})
		for range faults {
			nc, err := v.dial(t.Context())
			require.NoError(t, err)
			defer nc.Close()
			_, err = nc.Write([]byte(get))
			require.NoError(t, err)
		}
		require.Eventually(t, func() bool { return v.Requests() == len(faults) }, 5*time.Second, time.Millisecond)
		require.Empty(t, v.closed)
		v.listener.Close()
		err := <-v.returned
		require.ErrorIs(t, err, net.ErrClosed)
		require.Len(t, v.closed, len(faults))
		v.returned <- err
	})
}

func TestOwnResponse(t *testing.T) {
	v := world{"memory", false}.start(t, &Server{Response: "HTTP/1.1 204 No Content\r\n\r\n"})
	nc, err := v.dial(t.Context())
	require.NoError(t, err)
	defer nc.Close()
	_, err = nc.Write([]byte(head))
	require.NoError(t, err)
	wantRead(t, nc, "HTTP/1.1 204 No Content\r\n\r\n")
	require.ErrorContains(t, (&Server{Response: "ok"}).Serve(v.listener), `no blank line in Response "ok"`)
}

// TestImpossible panics rather than do something else.
func TestImpossible(t *testing.T) {
	for _, test := range []struct {
		f       Fault
		w       world
		request int
		want    string
	}{
		{NeverAnswer, world{"tcp", false}, -1, `"never answer" needs a request`},
		{CloseAccepted, world{"tcp", false}, 0, `"close on accept" is for request -1`},
		{NotTLS, world{"tcp", false}, -1, `"plain text instead of TLS" needs TLS`},
		{ResetAccepted, world{"unix", false}, -1, `"reset on accept" on a unix socket needs bytes of the client that are left unread`},
		{ResetIdle, world{"unix", false}, -1, `"reset while idle" on a unix socket needs bytes of the client that are left unread`},
		{ResetIdle, world{"unix", true}, 0, `"reset while idle" on a unix socket needs a byte of the request that is left unread; TLS reads it whole`},
		{200, world{"tcp", false}, 0, "there is no Fault(200)"},
	} {
		require.EqualError(t, test.f.Possible(test.w.network, test.w.overTLS, test.request), test.want)
		s := &Server{Fault: func(int, int) Fault { return test.f }}
		if test.w.overTLS {
			s.TLS = &tls.Config{}
		}
		c := newConn(&serving{Server: s, network: test.w.network}, nil, 7)
		require.Panics(t, func() { c.ask(test.request) })
	}
	c := newConn(&serving{Server: &Server{}}, nil, 7)
	require.PanicsWithValue(t, `faulty: conn 7: "body after HEAD" is for requests HEAD, got HEAD: false`,
		func() { c.answer(BodyAfterHead, false) })
}

// TestNames: each fault has its own, as counts and subtests go by it.
func TestNames(t *testing.T) {
	names := map[string]Fault{}
	for _, f := range All() {
		require.NotEmpty(t, f.String())
		require.NotContains(t, names, f.String())
		names[f.String()] = f
	}
	require.Len(t, names, int(numFaults)-1)
}

// TestInFakeTime: what waits, waits exactly.
func TestInFakeTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := memnet.Listen()
		s := &Server{Idle: time.Hour, Fault: at(0, TimeoutIdle)}
		returned := make(chan error)
		go func() { returned <- s.Serve(l) }()
		nc, err := l.Dial(t.Context())
		require.NoError(t, err)
		start := time.Now()
		exchange(t, nc, get)
		wantRead(t, nc, acts[TimeoutIdle].apart)
		require.Equal(t, time.Hour, time.Since(start).Truncate(time.Second))
		nc.Close()
		l.Close()
		require.ErrorIs(t, <-returned, net.ErrClosed)
	})
}

// TestProperAnswersAllocateNothing: thousands of conns are served in the process that measures.
func TestProperAnswersAllocateNothing(t *testing.T) {
	v := world{"tcp", false}.start(t, &Server{Fault: func(int, int) Fault { return None }})
	nc, err := v.dial(t.Context())
	require.NoError(t, err)
	defer nc.Close()
	buf, request := make([]byte, 1<<10), []byte(get)
	require.Zero(t, testing.AllocsPerRun(200, func() {
		nc.Write(request)
		nc.Read(buf)
	}))
}
