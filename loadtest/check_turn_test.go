package loadtest

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTurnsAreTakenInTurn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "turn")
	first := &fixtureTB{TB: t}
	endFirst, err := turnAt(first, path, time.Time{})
	require.NoError(t, err)
	require.Empty(t, first.logs)

	second, began := &fixtureTB{TB: t}, time.Now()
	go func() {
		time.Sleep(turnPatience + 15*turnPause) // the time that the first takes
		endFirst()
	}()
	endSecond, err := turnAt(second, path, time.Now().Add(time.Minute))
	require.NoError(t, err)
	require.GreaterOrEqual(t, time.Since(began), turnPatience+15*turnPause)
	require.Len(t, second.logs, 2)
	require.Regexp(t, `^loadtest: waiting for the turn of TestTurnsAreTakenInTurn of example.com/holdfast/loadtest `+
		`\(process \d+\), which loads this machine$`, second.logs[0])
	require.Regexp(t, `^loadtest: waited \S+$`, second.logs[1])
	endSecond()
}

func TestTurnThatComesTooLate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "turn")
	end, err := turnAt(t, path, time.Time{})
	require.NoError(t, err)
	defer end()
	_, err = turnAt(t, path, time.Now().Add(-time.Second))
	require.ErrorContains(t, err, "which loads this machine: there is no time left for a run of this test: raise -timeout")
}

func TestTurnWhereFilesCannotBeLocked(t *testing.T) {
	tb := &fixtureTB{TB: t}
	end, err := turnAt(tb, filepath.Join(t.TempDir(), "no", "directory"), time.Time{})
	require.NoError(t, err)
	end()
	require.Len(t, tb.logs, 1)
	require.Contains(t, tb.logs[0], "no turns are taken, and other tests may load this machine at the same time: ")
}

// Two tests that run in parallel do not disturb one another: neither sees another run.
func TestChecksInParallelTakeTurns(t *testing.T) {
	reports := make(chan *Report, 2)
	for range 2 {
		go func() {
			reports <- checkOf(&fixtureTB{TB: t}, brief(NewServer(t, nil), "", 10), Budget{Latency: Limits{P99: time.Minute}})
		}()
	}
	a, b := <-reports, <-reports
	require.NotNil(t, a)
	require.NotNil(t, b)
	if b.Started.Before(a.Started) {
		a, b = b, a
	}
	require.False(t, b.Started.Before(a.Started.Add(a.Phases.Total())), "the second began at %v, the first at %v and took %v", b.Started,
		a.Started, a.Phases.Total())
}
