package engine

import (
	"errors"
	"reflect"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
)

const ms = time.Millisecond

func TestConnRecord(t *testing.T) {
	require.LessOrEqual(t, unsafe.Sizeof(conn{}), uintptr(64))
	var walk func(path string, typ reflect.Type)
	walk = func(path string, typ reflect.Type) {
		switch typ.Kind() {
		case reflect.Struct:
			for i := range typ.NumField() {
				walk(path+"."+typ.Field(i).Name, typ.Field(i).Type)
			}
		case reflect.Array:
			walk(path+"[]", typ.Elem())
		case reflect.Pointer, reflect.UnsafePointer, reflect.Slice, reflect.String, reflect.Map, reflect.Chan,
			reflect.Func, reflect.Interface:
			t.Errorf("%s is a %v: the collector would scan every conn", path, typ)
		}
	}
	walk("conn", reflect.TypeFor[conn]())
}

// A rig is a machine with one worker, driven by hand.
type rig struct {
	*machine
	t *testing.T
}

func newRig(t *testing.T, p Plan) rig {
	p.Tick = 0
	return rig{newMachine(&p, newPhases(p.Slots, 1, p.Hold), 0), t}
}

// up brings conn j up at now.
func (r rig) up(j uint32, now time.Duration) want {
	r.dial(j, now-ms)
	return r.established(j, now)
}

// write writes conn j's request whole.
func (r rig) write(j uint32, at time.Duration) {
	r.t.Helper()
	require.Equal(r.t, writing, r.conns[j].state)
	require.Equal(r.t, wantWait, r.wrote(j, at, len(r.plan.Request)))
	require.Equal(r.t, waiting, r.conns[j].state)
}

// answer lets conn j's response arrive, stamped.
func (r rig) answer(j uint32, at time.Duration) want { return r.received(j, []byte(ok), at, at, true) }

// requireLawful checks the laws of a machine whose run is over.
func (r rig) requireLawful() *Result {
	r.t.Helper()
	res := result(r.plan, r.phases, newTimeline(1, nil), "none", []*machine{r.machine}, time.Hour)
	requireLawful(r.t, res)
	return res
}

func TestExchangeAllocatesNothing(t *testing.T) {
	response := []byte(ok)
	halves := [][]byte{response[:25], response[25:]}
	r := newRig(t, func() Plan { p := plan(1); p.Hold = 1000 * time.Hour; return p }())
	r.up(0, ms)
	now := r.conns[0].due
	exchange := func(pieces ...[]byte) func() {
		return func() {
			now = max(now+ms, r.conns[0].due)
			r.woken(0, now)
			r.wrote(0, now, 10)
			r.wrote(0, now+ms, len(r.plan.Request)-10)
			for _, piece := range pieces {
				r.received(0, piece, now+2*ms, now+3*ms, true)
			}
		}
	}
	require.Zero(t, testing.AllocsPerRun(1000, exchange(response)))
	require.Zero(t, testing.AllocsPerRun(1000, exchange(halves...)), "in pieces")
	require.EqualValues(t, 2002, r.tally.Requests.Answered)
	require.Len(t, r.sides.table, 1, "the side of a partial exchange is used again")
}

func TestSidesAreReused(t *testing.T) {
	var s sides
	a, b := s.take(), s.take()
	require.NotEqual(t, a, b)
	require.NotZero(t, a*b, "0 means none")
	s.at(a).offset, s.at(a).begun = 7, true
	s.give(a)
	c := s.take()
	require.Equal(t, a, c)
	require.Zero(t, s.at(c).offset)
	require.False(t, s.at(c).begun)
}

// TestTimeoutIsDecidedByArrival: what arrived in time is an answer however late it is read, and what did not is none
// however early the worker looks.
func TestTimeoutIsDecidedByArrival(t *testing.T) {
	const sent, timeout = 2 * s, 3 * s
	tests := []struct {
		name    string
		arrived time.Duration
		now     time.Duration
		stamped bool
		want    Requests
	}{
		{"in time, read late", sent + timeout, sent + 10*timeout, true, Requests{Answered: 1}},
		{"late", sent + timeout + 1, sent + 10*timeout, true, Requests{TimedOut: 1}},
		{"late, read before its deadline was handled", sent + timeout + 1, sent + timeout + 1, true, Requests{TimedOut: 1}},
		{"unknown, read late", sent + 10*timeout, sent + 10*timeout, false, Requests{Answered: 1}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := plan(1)
			p.Cadence, p.ResponseTimeout = Cadence{}, timeout
			r := newRig(t, p)
			require.Equal(t, wantWrite, r.up(0, s))
			r.write(0, sent)
			require.Equal(t, sent+timeout, r.conns[0].wake, "the deadline counts from sent")
			r.received(0, []byte(ok), test.arrived, test.now, test.stamped)
			got := r.tally.Requests
			require.Equal(t, test.want.Answered, got.Answered)
			require.Equal(t, test.want.TimedOut, got.TimedOut)
			require.Equal(t, test.want.TimedOut, r.tally.Rest.Latency.Censored)
			if test.want.TimedOut == 1 {
				require.Equal(t, sent+timeout-s, r.tally.Rest.Latency.Sum, "censored at the deadline, from due")
			}
			require.Equal(t, int64(1), r.tally.Rest.Latency.Count())
		})
	}
}

// TestBytesBeforeTheRequest: no response can be to a request of which no byte was sent, due or not.
func TestBytesBeforeTheRequest(t *testing.T) {
	p := plan(1)
	p.Cadence = Cadence{}
	r := newRig(t, p)
	require.Equal(t, wantWrite, r.up(0, s))
	require.Equal(t, wantHangUp, r.answer(0, s+ms))
	require.Equal(t, Requests{Due: 1, Unsent: 1}, r.tally.Requests)
	require.Equal(t, IdleBytes, r.tally.sorted()[0].Cause)
	r.advance(s + ms)
	r.advance(2 * s)
	r.requireLawful()
}

// TestEarlyResponse: a response to half a request counts, and its conn cannot be used again.
func TestEarlyResponse(t *testing.T) {
	p := plan(1)
	p.Cadence = Cadence{}
	r := newRig(t, p)
	r.up(0, s)
	require.Equal(t, wantWait, r.wrote(0, s, 5))
	require.Equal(t, wantHangUp, r.answer(0, s+ms))
	require.Equal(t, Requests{Due: 1, Sent: 1, Answered: 1, Status: [6]int64{2: 1}}, r.tally.Requests)
	require.Equal(t, ClosedAnnounced, r.tally.sorted()[0].Cause)
}

// TestCloseBeforeTheFirstByte: a server that closed before our request was on the wire closed an idle conn, and the
// request was not lost with it.
func TestCloseBeforeTheFirstByte(t *testing.T) {
	ends := []struct {
		want Cause
		end  func(r rig) want
	}{
		{ClosedIdle, func(r rig) want { return r.eof(0, 2*s, endUnknown) }},
		{ResetWriting, func(r rig) want { return r.broken(0, s+5*ms, syscall.EPIPE) }},
		{ResetWriting, func(r rig) want { return r.broken(0, s+5*ms, syscall.ECONNRESET) }},
		{ResetWritingLate, func(r rig) want { return r.broken(0, s+20*ms, syscall.EPIPE) }},
	}
	for _, test := range ends {
		t.Run(test.want.String(), func(t *testing.T) {
			p := plan(1)
			p.Cadence = Cadence{Kind: BackToBack}
			r := newRig(t, p)
			r.up(0, s)
			r.write(0, s)
			r.answer(0, s+ms)
			require.True(t, r.advance(s+ms).released, "the ramp is over: the closed loop begins")
			require.Equal(t, wantWrite, r.woken(0, s+ms))
			require.Equal(t, wantHangUp, test.end(r))
			require.EqualValues(t, 1, r.tally.Requests.Unsent)
			require.Zero(t, r.tally.Requests.LostWithConn)
			require.Equal(t, test.want, r.tally.sorted()[0].Cause)
		})
	}
}

func TestEventsAfterTheEndChangeNothing(t *testing.T) {
	r := newRig(t, plan(1))
	r.up(0, s)
	require.Equal(t, wantHangUp, r.eof(0, s, endUnknown))
	before := r.tally.Requests
	require.Equal(t, wantHangUp, r.eof(0, s, endUnknown))
	require.Equal(t, wantHangUp, r.broken(0, s, errors.New("x")))
	require.Equal(t, wantHangUp, r.answer(0, s))
	require.Equal(t, wantWait, r.woken(0, s))
	require.Equal(t, before, r.tally.Requests)
	require.EqualValues(t, 1, r.tally.Conns.Dropped)
}

// TestGridIsNeverBackDated: on a grid a stall costs no request: the missed ones go out one after the other, each due
// when it was due, none sent before it.
func TestGridIsNeverBackDated(t *testing.T) {
	p := plan(1)
	p.Cadence, p.Hold = Cadence{Kind: Every, Min: 100 * ms, Grid: true}, time.Hour
	r := newRig(t, p)
	r.up(0, 0)
	first := r.conns[0].due
	now := first + s // a stall of a second
	require.Equal(t, wantWrite, r.woken(0, now))
	for k := range 11 { // those due at first, first+100 ms … first+1 s
		require.Equal(t, first+time.Duration(k)*100*ms, r.conns[0].due)
		r.write(0, now)
		now += ms
		if k < 10 {
			require.Equal(t, wantWrite, r.answer(0, now), "request %d is overdue", k+1)
		}
	}
	require.Equal(t, wantWait, r.answer(0, now), "caught up")
	require.Equal(t, first+1100*ms, r.conns[0].due)
	require.Equal(t, s, r.tally.Lag.Max, "of the first only: the others waited for an answer, not for us")
}

// TestHoldIsDecidedOnce: the end of the ramp may come to be known between due and sent of a request.
func TestHoldIsDecidedOnce(t *testing.T) {
	p := plan(2)
	p.Cadence = Cadence{}
	for name, end := range map[string]func(r rig){
		"sent":      func(r rig) { r.write(0, s) },
		"lost":      func(r rig) { r.broken(0, s, syscall.EPIPE) },
		"abandoned": func(r rig) { r.abandon(s) },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, p)
			require.Equal(t, wantWrite, r.up(0, s))
			r.phases.rampEnd.Store(int64(s - 1))
			end(r)
			require.EqualValues(t, 1, r.tally.Requests.HoldDue)
			require.Equal(t, r.tally.Requests.Sent, r.tally.Requests.HoldSent)
		})
	}
}
