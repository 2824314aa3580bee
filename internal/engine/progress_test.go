package engine

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// TestProgressThatBlocksIsLeftBehind, after a second to the nanosecond.
func TestProgressThatBlocksIsLeftBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		tl := newTimeline(1, func(Sample) { <-release })
		of := newTally(&Plan{})
		tl.add(&of, s, PhaseHold)
		begin := time.Now()
		require.Len(t, tl.end(), 1)
		require.Equal(t, progressPatience, time.Since(begin))
		close(release)
	})
}

// TestRunWithProgressThatBlocks: the run ends all the same, by either driver.
func TestRunWithProgressThatBlocks(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w world) {
		release := make(chan struct{})
		defer close(release)
		p := plan(5)
		p.Progress = func(Sample) { <-release }
		w.aim(&p, w.serve(t, answer(ok)))
		r := run(t, p)
		require.Equal(t, allHeld(5), r.Conns)
		require.NotEmpty(t, r.Timeline)
	})
}
