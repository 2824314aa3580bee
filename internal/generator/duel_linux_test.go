package generator

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/holdfast/internal/faulty"
)

// newDuel returns one of two servers in this process.
func newDuel(t *testing.T, first, second *faulty.Server, n int) Duel {
	t.Helper()
	d := Duel{
		Outstanding: 4, Warm: 20 * time.Millisecond, Turn: 20 * time.Millisecond, First: []int{0, 1, 1},
	}
	for i, s := range []*faulty.Server{first, second} {
		p, _ := planFor(t, s, n, "tcp", "127.0.0.1:0")
		d.Rivals[i] = Rival{Plan: p, PID: os.Getpid()}
	}
	return d
}

func TestDuel(t *testing.T) {
	d := newDuel(t, &faulty.Server{}, &faulty.Server{}, 10)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, err := children(t, 1).Duel(ctx, d)
	require.NoError(t, err)

	require.Len(t, out.Turns, 6)
	var answered [2]int64
	var end time.Duration
	for i, turn := range out.Turns {
		require.Equal(t, []int{0, 1, 1, 0, 1, 0}[i], turn.Of, "turn %d", i)
		require.GreaterOrEqual(t, turn.Took, d.Turn)
		require.GreaterOrEqual(t, turn.At, end, "one after the other")
		end = turn.At + d.Turn/2 // a burst begins at an instant that its worker may have read just before it was asked for
		require.Positive(t, turn.Answered)
		require.Positive(t, turn.CPU)
		answered[turn.Of] += turn.Answered
	}
	for i, side := range out.Sides {
		require.EqualValues(t, 10, side.Conns.OpenAtEnd)
		require.Equal(t, answered[i], side.ServiceTime.Count(), "neither ramp nor warming up is in it")
		require.Greater(t, side.Requests.Answered, answered[i]+10)
		require.Equal(t, side.Requests.Sent, side.Requests.Answered)
	}
	require.NotZero(t, out.Usage)
}

func TestDuelWithoutAServer(t *testing.T) {
	d := newDuel(t, &faulty.Server{}, &faulty.Server{}, 2)
	d.Rivals[1].PID = 1 << 25
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, err := children(t, 1).Duel(ctx, d)
	require.ErrorContains(t, err, "the CPU clock of server process 33554432 cannot be read")

	d.Rivals[1].Tree = true
	_, err = children(t, 1).Duel(ctx, d)
	require.ErrorContains(t, err, "there is no process 33554432")
}

func TestDuelIsCancelled(t *testing.T) {
	d := newDuel(t, &faulty.Server{}, &faulty.Server{}, 2)
	d.Turn = time.Hour
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := children(t, 1).Duel(ctx, d)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

// TestDuelChildDies, and the parent says how.
func TestDuelChildDies(t *testing.T) {
	d := newDuel(t, &faulty.Server{}, &faulty.Server{}, 2)
	d.Turn = time.Hour
	c := children(t, 1)
	time.AfterFunc(100*time.Millisecond, func() { c.all[0].Kill() })
	_, err := c.Duel(t.Context(), d)
	require.ErrorContains(t, err, "signal: killed")
}
