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
	known []int

	start time.Time
	ended [2]time.Duration // each server's CPU clock when its last turn had ended
}

func newTurnMeter(d *Duel, sides [2]*contestant) *turnMeter {
	return &turnMeter{duel: d, sides: sides, host: netpoll.NewMeter(), known: append([]int{os.Getpid()}, d.Known...)}
}

func (m *turnMeter) begin() {
	m.start = time.Now()
	for i, s := range m.sides {
		m.ended[i], _ = s.clock()
	}
}

// A look is what all clocks say at an instant.
type look struct {
	at      time.Time
	rivals  [2]time.Duration
	ours    time.Duration // all CPU time that is not strangers'
	host    netpoll.Host
	unknown bool
}

// take reads the clock of whose turn it is next to the turn: last of all before it, and first after it.
func (m *turnMeter) take(of int, before bool) (l look, err error) {
	own := func() error {
		l.at = time.Now()
		cpu, ok := m.sides[of].clock()
		if !ok {
			return fmt.Errorf("the CPU clock of server process %d cannot be read: did it end?", m.duel.Rivals[of].PID)
		}
		l.rivals[of] = cpu
		return nil
	}
	if !before {
		if err := own(); err != nil {
			return l, err
		}
	}
	l.host = m.host.Host()
	other := 1 - of
	if cpu, ok := m.sides[other].clock(); ok {
		l.rivals[other] = cpu
	}
	for _, pid := range m.known {
		cpu, ok := netpoll.CPUClock(pid)
		l.ours += cpu
		l.unknown = l.unknown || !ok
	}
	if before {
		err = own()
	}
	l.ours += l.rivals[0] + l.rivals[1]
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
		CPU: b.rivals[of] - a.rivals[of], Between: a.rivals[of] - m.ended[of], Foreign: -1, Steal: -1,
	}
	m.ended[of] = b.rivals[of]
	t.strangers(a, b)
	return t, nil
}

// strangers says what of the CPUs' time between two looks was neither idle nor ours. The kernel counts idle time in ticks of
// 10 ms: of a turn of 100 ms the share of two CPUs is told to a twentieth.
func (t *Turn) strangers(a, b look) {
	cpus := b.host.CPUs
	if cpus == 0 || a.host.CPUs != cpus || a.host.Idle < 0 || b.host.Idle < 0 {
		return
	}
	all := b.at.Sub(a.at) * time.Duration(cpus)
	share := func(d time.Duration) float64 { return min(1, max(0, float64(d)/float64(all))) }
	steal := max(0, b.host.Steal-a.host.Steal)
	t.Steal = share(steal)
	if a.unknown || b.unknown {
		return
	}
	interrupts := max(0, b.host.Interrupts-a.host.Interrupts)
	t.Foreign = share(all - (b.host.Idle - a.host.Idle) - interrupts - steal - (b.ours - a.ours))
}
