package generator

import (
	"context"
	"fmt"
	"os"
	"time"

	"example.com/holdfast/internal/netpoll"
)

// A turnMeter reads clocks before and after each turn.
type turnMeter struct {
	duel  *Duel
	sides [2]*contestant
	host  *netpoll.Meter
	known *netpoll.Family // who is no stranger

	start time.Time
	ended [2]time.Duration // each server's CPU clock when its last turn had ended
}

func newTurnMeter(d *Duel, sides [2]*contestant) *turnMeter {
	m := &turnMeter{duel: d, sides: sides, host: netpoll.NewMeter()}
	m.known, _ = netpoll.NewTree(netpoll.NewMeter(), os.Getpid())
	for _, r := range d.Rivals {
		m.known.Add(r.PID) // where there is none, its clock says so
	}
	for _, pid := range d.Known {
		m.known.Add(pid)
	}
	return m
}

func (m *turnMeter) begin() {
	m.start = time.Now()
	for i, s := range m.sides {
		m.ended[i], _ = s.clock()
	}
}

// A look is what all clocks say at an instant.
type look struct {
	at   time.Time
	cpu  time.Duration // of whose turn it is
	ours time.Duration // all CPU time that is not strangers'; −1: unknown
	seen time.Time     // when the host was
	host netpoll.Host
}

// take reads the clock of whose turn it is next to the turn: last of all before it, and first after it.
func (m *turnMeter) take(of int, before bool) (l look, err error) {
	own := func() (ok bool) {
		l.at = time.Now()
		l.cpu, ok = m.sides[of].clock()
		return ok
	}
	ok := before || own()
	l.ours, _ = m.known.Read()
	l.seen, l.host = time.Now(), m.host.Host()
	if before {
		ok = own()
	}
	if !ok {
		err = fmt.Errorf("the CPU clock of server process %d cannot be read: did it end?", m.duel.Rivals[of].PID)
	}
	return l, err
}

// turn has a server loaded for so long.
func (m *turnMeter) turn(ctx context.Context, of int, lasts time.Duration) (Turn, error) {
	a, err := m.take(of, true)
	if err != nil {
		return Turn{}, err
	}
	burst, err := m.sides[of].bursts.Run(ctx, lasts, true)
	if err != nil {
		return Turn{}, err
	}
	b, err := m.take(of, false)
	if err != nil {
		return Turn{}, err
	}
	t := Turn{
		Of: of, At: a.at.Sub(m.start), Took: burst.Took, Answered: burst.Answered,
		CPU: b.cpu - a.cpu, Between: a.cpu - m.ended[of], Foreign: -1, Steal: -1,
	}
	m.ended[of] = b.cpu
	t.strangers(a, b)
	return t, nil
}

// leastTurn is how long a turn must be for shares of it to be told: the kernel counts idle time in ticks of 10 ms, so that of 100 ms
// the share of two CPUs is told to a twentieth.
const leastTurn = 100 * time.Millisecond

// strangers says what of the CPUs' time between two looks was neither idle nor ours.
func (t *Turn) strangers(a, b look) {
	cpus := b.host.CPUs
	if b.seen.Sub(a.seen) < leastTurn || cpus == 0 || a.host.CPUs != cpus || a.host.Idle < 0 || b.host.Idle < 0 {
		return
	}
	all := b.seen.Sub(a.seen) * time.Duration(cpus)
	share := func(d time.Duration) float64 { return min(1, max(0, float64(d)/float64(all))) }
	steal := max(0, b.host.Steal-a.host.Steal)
	t.Steal = share(steal)
	if a.ours < 0 || b.ours < 0 {
		return
	}
	interrupts := max(0, b.host.Interrupts-a.host.Interrupts)
	t.Foreign = share(all - (b.host.Idle - a.host.Idle) - interrupts - steal - (b.ours - a.ours))
}
