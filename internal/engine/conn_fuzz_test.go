package engine

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"reflect"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A fuzzedDriver drives a machine of one or two slots by bytes, each of which is an operation on one of the conns; the
// next ones say how. What a driver never does to a conn in such a state is left out.
type fuzzedDriver struct {
	rig
	data   []byte
	now    time.Duration
	opened uint32 // first attempts begun
	over   bool
}

// operations by the lower half of a byte; the bit above it says which conn.
var operations = [...]func(f *fuzzedDriver, j uint32){
	(*fuzzedDriver).pass, (*fuzzedDriver).wakeUp, (*fuzzedDriver).arrive, (*fuzzedDriver).respond, (*fuzzedDriver).end,
	(*fuzzedDriver).breakOff, (*fuzzedDriver).take, (*fuzzedDriver).takeAll, (*fuzzedDriver).move, (*fuzzedDriver).askNext,
	(*fuzzedDriver).attempt, (*fuzzedDriver).succeed, (*fuzzedDriver).fail, (*fuzzedDriver).flood, (*fuzzedDriver).cancel,
	(*fuzzedDriver).second,
}

// byte takes the next byte; 0 if there is none.
func (f *fuzzedDriver) byte() byte {
	if len(f.data) == 0 {
		return 0
	}
	b := f.data[0]
	f.data = f.data[1:]
	return b
}

func (f *fuzzedDriver) pass(uint32) {
	f.now += time.Duration(1) << (f.byte() % 32) // up to two seconds
}

// wakeUp lets time pass until the conn's deadline.
func (f *fuzzedDriver) wakeUp(j uint32) {
	if c := &f.conns[j]; c.wake != never {
		f.now = max(f.now, c.wake)
		f.woken(j, f.now)
	}
}

// arrive gives the conn bytes of the input.
func (f *fuzzedDriver) arrive(j uint32) {
	n := min(int(f.byte()), len(f.data))
	bytes := f.data[:n]
	f.data = f.data[n:]
	f.give(j, bytes)
}

// respond gives it a part of a response.
func (f *fuzzedDriver) respond(j uint32) {
	b := int(f.byte())
	from := b % len(ok)
	f.give(j, []byte(ok)[from:])
}

func (f *fuzzedDriver) give(j uint32, bytes []byte) {
	c := &f.conns[j]
	if !c.open() && c.state != closed || len(bytes) == 0 {
		return
	}
	arrived, how := f.now, f.byte()
	if how&1 != 0 { // stamped: not before the request was sent
		arrived = min(f.now, c.sent+(f.now-c.sent)/256*time.Duration(how))
	}
	f.received(j, bytes, arrived, f.now, how&1 != 0)
}

func (f *fuzzedDriver) end(j uint32) {
	if c := &f.conns[j]; c.open() || c.state == closed {
		f.eof(j, f.now, ending(f.byte()%3))
	}
}

var fuzzedErrors = [...]error{syscall.ECONNRESET, syscall.EPIPE, syscall.EIO, syscall.ENOBUFS, syscall.ETIMEDOUT,
	&net.OpError{Op: "remote error", Err: tls.AlertError(80)}, &HandshakeError{io.EOF}, errors.New("odd")}

func (f *fuzzedDriver) breakOff(j uint32) {
	if c := &f.conns[j]; c.open() || c.state == closed {
		f.broken(j, f.now, fuzzedErrors[int(f.byte())%len(fuzzedErrors)])
	}
}

// take lets the kernel take some of the request.
func (f *fuzzedDriver) take(j uint32) {
	if f.conns[j].state == writing {
		f.wrote(j, f.now, int(f.byte())%(len(f.plan.Request)-f.offset(j)+1))
	}
}

func (f *fuzzedDriver) takeAll(j uint32) {
	if f.conns[j].state == writing {
		f.wrote(j, f.now, len(f.plan.Request)-f.offset(j))
	}
}

func (f *fuzzedDriver) move(uint32) { f.advance(f.now) }

func (f *fuzzedDriver) askNext(uint32) {
	if f.askDue() <= f.now {
		f.ask(f.now)
	}
}

// attempt opens the next conn of the ramp, or one of those that were lost.
func (f *fuzzedDriver) attempt(uint32) {
	if int(f.opened) < len(f.conns) {
		f.dial(f.opened, f.now)
		f.opened++
	} else if j, ok := f.reopenNext(f.now); ok {
		f.dial(j, f.now)
	}
}

func (f *fuzzedDriver) succeed(j uint32) {
	if f.conns[j].state == dialling {
		f.established(j, f.now)
	}
}

func (f *fuzzedDriver) fail(j uint32) {
	if f.conns[j].state == dialling {
		err := fuzzedErrors[int(f.byte())%len(fuzzedErrors)]
		f.failed(j, f.now, causeOfConnect(err), err)
	}
}

// flood gives the conn the same byte again and again.
func (f *fuzzedDriver) flood(j uint32) {
	bytes := make([]byte, int(f.byte())*64)
	b := f.byte()
	for i := range bytes {
		bytes[i] = b
	}
	f.give(j, bytes)
}

func (f *fuzzedDriver) cancel(uint32) {
	f.abandon(f.now)
	f.over = true
}

func (f *fuzzedDriver) second(uint32) { f.tally.second(f.now, f.phase) }

// require checks what must hold after each operation.
func (f *fuzzedDriver) require() {
	var open int64
	var outstanding, unproven, sides, awaiting int
	for j := range f.conns {
		c := &f.conns[j]
		if c.open() {
			open++
		}
		if c.state == writing || c.state == waiting {
			outstanding++
			if c.served == 0 {
				unproven++
			}
		}
		if c.side != 0 {
			sides++
			require.True(f.t, f.offset(uint32(j)) > 0 || f.begun(c), "a side for nothing")
			require.True(f.t, c.state == writing || c.state == waiting, "a side of a conn in state %d", c.state)
			require.LessOrEqual(f.t, storedBy(f.sides.at(c.side)), 2*64<<10, "octets stored")
		}
		if c.has(awaited) {
			awaiting++
			require.True(f.t, c.open(), "the sweep awaits a conn that is closed")
		}
	}
	require.Equal(f.t, open, f.tally.open, "open")
	require.Equal(f.t, outstanding, f.outstanding, "outstanding")
	require.Equal(f.t, unproven, f.unproven, "unproven")
	require.Equal(f.t, awaiting, f.sweep.awaited, "awaited by the sweep")
	require.Equal(f.t, sides, len(f.sides.table)-len(f.sides.free), "sides in use")
	require.LessOrEqual(f.t, len(f.sides.table), len(f.conns), "sides")
	require.LessOrEqual(f.t, len(f.heap), len(f.conns), "slots to open again")
}

// storedBy returns how many octets of a response a side has room for.
func storedBy(s *side) int {
	return reflect.ValueOf(s).Elem().FieldByName("parser").FieldByName("line").Cap()
}

// FuzzConn lets anything happen to conns, in any order: the ledgers are lawful whatever it is, and memory is bounded.
func FuzzConn(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte) {
		d := &fuzzedDriver{data: data}
		how := d.byte()
		p := plan(1 + int(how&1))
		p.Head = how&2 != 0
		p.Cadence = Cadence{Kind: Kind(how >> 2 % 5), Min: 20 * ms, Max: 60 * ms}
		p.Cadence.Grid = how&32 != 0 && p.Cadence.Kind != BackToBack
		if how&64 != 0 {
			p.Reopen = Reopen{Delay: 10 * ms, Most: s, Rate: 50}
		}
		d.rig = newRig(t, p)
		for len(d.data) > 0 && !d.over && !d.drained() {
			op := d.byte()
			operations[op%16](d, uint32(op>>4)%uint32(len(d.conns)))
			d.require()
		}
		if !d.over && !d.drained() {
			d.abandon(d.now)
		}
		require.LessOrEqual(t, storedBy(&side{parser: d.parser}), 2*64<<10, "octets stored")
		requireLawful(t, result(d.plan, d.phases, newTimeline(1, nil), "none", []*machine{d.machine}, d.now))
	})
}
