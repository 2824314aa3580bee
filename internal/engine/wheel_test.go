package engine

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A wheelModel is what a wheel should do, said plainly: each conn that was set pops once, at the first tick boundary not
// before its wake instant, in the order of the ticks.
type wheelModel struct {
	t     *testing.T
	tick  time.Duration
	wheel *wheel
	conns []conn
	now   time.Duration
	pops  int
	loose bool // something was set lazily or beyond the horizon: what is late may pop in any order
}

func newWheelModel(t *testing.T, tick time.Duration, n int) *wheelModel {
	conns := make([]conn, n)
	for j := range conns {
		conns[j] = conn{wake: never}
	}
	return &wheelModel{t: t, tick: tick, wheel: newWheel(tick, conns), conns: conns}
}

// set moves conn j's deadline. As in a driver, a lazy set is one that follows an earlier set.
func (m *wheelModel) set(j int, wake time.Duration, lazy bool) {
	m.loose = m.loose || lazy || wake != never && wake > m.now+(wheelSize-2)*m.tick
	m.conns[j].wake = wake
	m.wheel.set(uint32(j), lazy)
}

// boundary is the instant at which a deadline may first pop; there is no tick 0.
func (m *wheelModel) boundary(wake time.Duration) time.Duration {
	if wake == never {
		return never
	}
	return max(m.tick, (wake+m.tick-1)/m.tick*m.tick)
}

// due returns the conns that must pop at now.
func (m *wheelModel) due() []int {
	var due []int
	for j := range m.conns {
		if m.boundary(m.conns[j].wake) <= m.now {
			due = append(due, j)
		}
	}
	return due
}

// advance moves time and compares what pops with what must. after is called for each that popped, and may set it anew.
func (m *wheelModel) advance(to time.Duration, after func(j int)) {
	m.now = to
	due := m.due()
	var popped []int
	last := time.Duration(-1)
	for {
		m.checkNext()
		from := time.Duration(m.wheel.current) * m.tick
		j, ok := m.wheel.pop(to)
		if !ok {
			break
		}
		wake := m.conns[j].wake
		require.LessOrEqual(m.t, wake, to, "conn %d popped early", j)
		require.NotContains(m.t, popped, int(j), "popped twice")
		require.Zero(m.t, m.conns[j].links.tick, "a conn that popped is still linked")
		if at := max(m.boundary(wake), from); at < last && !m.loose {
			m.t.Fatalf("conn %d of tick %v popped after one of %v", j, at, last)
		} else {
			last = at
		}
		m.conns[j].wake = never
		popped = append(popped, int(j))
	}
	m.pops += len(popped)
	slices.Sort(popped)
	if m.loose { // a conn that pops from the bucket where it was left may do so before its own tick, but not its deadline
		require.Subset(m.t, popped, due, "at %v", to)
	} else {
		require.Equal(m.t, due, popped, "at %v", to)
	}
	for _, j := range popped {
		after(j)
	}
}

// checkNext: next must not be later than the first deadline, or a conn would be woken late; nor may the cached bound.
func (m *wheelModel) checkNext() {
	first := never
	for j := range m.conns {
		first = min(first, m.boundary(m.conns[j].wake))
	}
	first = max(first, time.Duration(m.wheel.current)*m.tick)
	require.LessOrEqual(m.t, m.wheel.soonest, first, "the bound lies after the first deadline")
	require.LessOrEqual(m.t, m.wheel.next(), first, "next lies after the first deadline")
}

// TestWheelAgainstModel sets, moves, clears and pops deadlines at random, with jumps of time beyond the horizon.
func TestWheelAgainstModel(t *testing.T) {
	for seed := range uint64(12) {
		rng := rand.New(rand.NewPCG(seed, 1))
		tick := []time.Duration{1, time.Millisecond, 10 * time.Millisecond}[seed%3]
		m := newWheelModel(t, tick, 60)
		// Spans reach from the past through the next ticks to several horizons ahead.
		wake := func() time.Duration {
			span := []int64{3, 100, wheelSize, 3 * wheelSize}[rng.IntN(4)] * int64(tick)
			return max(0, m.now-2*tick+time.Duration(rng.Int64N(span)))
		}
		again := func(j int) {
			if rng.IntN(4) > 0 {
				m.set(j, wake(), rng.IntN(2) == 0)
			}
		}
		for range 1500 {
			switch j := rng.IntN(len(m.conns)); rng.IntN(6) {
			case 0, 1:
				m.set(j, wake(), false)
			case 2:
				m.set(j, wake(), true)
			case 3:
				m.set(j, never, rng.IntN(2) == 0)
			default:
				jump := []int64{1, 20, 500, wheelSize, 2*wheelSize + 7}[min(rng.IntN(40)/6, 4)] * int64(tick)
				m.advance(m.now+time.Duration(rng.Int64N(jump+1)), again)
			}
		}
		require.Greater(t, m.pops, 500, "the sequence exercised little")
		for range 6 { // horizons: more than any deadline lies ahead
			m.advance(m.now+wheelSize*tick, func(int) {})
		}
		require.Equal(t, never, m.wheel.next(), "after the last deadline")
	}
}

// TestWheelIsExact: without lazy sets and within the horizon, next is the first deadline itself, and conns pop in the
// order of their ticks.
func TestWheelIsExact(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	m := newWheelModel(t, time.Millisecond, 20)
	require.Equal(t, never, m.wheel.next())
	for range 2000 {
		m.set(rng.IntN(20), m.now+time.Duration(1+rng.IntN(3000))*time.Millisecond, false)
		first := never
		for j := range m.conns {
			first = min(first, m.boundary(m.conns[j].wake))
		}
		require.Equal(t, first, m.wheel.next())
		m.advance(m.now+time.Duration(rng.IntN(100))*time.Millisecond, func(int) {})
	}
	require.False(t, m.loose)
	require.Greater(t, m.pops, 500, "the sequence exercised little")
}

func TestWheelMoves(t *testing.T) {
	const tick = time.Millisecond
	pops := func(m *wheelModel, at time.Duration) (popped int) {
		m.advance(at, func(int) { popped++ })
		return popped
	}
	t.Run("later", func(t *testing.T) {
		for _, lazy := range []bool{false, true} {
			m := newWheelModel(t, tick, 1)
			m.set(0, 5*tick, false)
			m.set(0, 9*tick, lazy)
			require.Equal(t, 0, pops(m, 8*tick))
			require.Equal(t, 1, pops(m, 9*tick))
		}
	})
	t.Run("earlier", func(t *testing.T) {
		for _, lazy := range []bool{false, true} {
			m := newWheelModel(t, tick, 1)
			m.set(0, 9*tick, false)
			m.set(0, 5*tick, lazy)
			require.Equal(t, 5*tick, m.wheel.next())
			require.Equal(t, 1, pops(m, 5*tick))
		}
	})
	t.Run("never", func(t *testing.T) {
		for _, lazy := range []bool{false, true} {
			m := newWheelModel(t, tick, 1)
			m.set(0, 5*tick, false)
			m.set(0, never, lazy)
			require.Equal(t, 0, pops(m, 10*tick))
			require.Equal(t, never, m.wheel.next())
		}
	})
	t.Run("past", func(t *testing.T) {
		m := newWheelModel(t, tick, 1)
		require.Equal(t, 0, pops(m, 7*tick))
		m.set(0, 2*tick, false)
		require.Equal(t, 1, pops(m, 7*tick), "a deadline in the past pops at once")
	})
	t.Run("set while popping", func(t *testing.T) {
		m := newWheelModel(t, tick, 2)
		m.set(0, 2*tick, false)
		j, ok := m.wheel.pop(7 * tick)
		require.True(t, ok)
		m.set(int(j), 7*tick, false)
		j, ok = m.wheel.pop(7 * tick)
		require.True(t, ok, "a deadline at now that was set in the same turn pops in it")
		require.Zero(t, j)
	})
	t.Run("beyond the horizon", func(t *testing.T) {
		m := newWheelModel(t, tick, 1)
		m.set(0, 10*wheelSize*tick, false)
		inserted := 0
		for m.now < 10*wheelSize*tick-tick {
			inserted++
			require.Equal(t, 0, pops(m, min(m.wheel.next(), 10*wheelSize*tick-tick)))
		}
		require.Less(t, inserted, 15, "one look per horizon")
		require.Equal(t, 1, pops(m, 10*wheelSize*tick))
	})
}

// TestWheelOfDistantInstants: the longest instant that fits 32 bits of ticks waits in the last bucket.
func TestWheelOfDistantInstants(t *testing.T) {
	const tick = 100 * time.Microsecond
	m := newWheelModel(t, tick, 1)
	m.set(0, 119*time.Hour, false)
	require.Equal(t, wheelSize*tick, m.wheel.next())
}
