package loadtest

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"example.com/holdfast/internal/lines"
	"example.com/holdfast/internal/netpoll"
	"example.com/holdfast/internal/rerun"
)

// turnPath is the file that all tests of this machine lock in turn.
func turnPath() string { return filepath.Join(os.TempDir(), "holdfast.turn") }

// turnPatience is how long somebody waits without a word.
const turnPatience = time.Second

// turnPause is how often somebody who waits looks whether it is his turn: much shorter than a run.
const turnPause = 20 * time.Millisecond

// haveTurn says that the process belongs to a test of another that has the turn; see package gate.
var haveTurn atomic.Bool

// takeTurn waits until no other test loads this machine, also of this process, and returns what ends the turn. It gives up
// at latest, unless that is zero, and when the test's Context ends. Where files cannot be locked nobody waits.
func takeTurn(tb testing.TB, latest time.Time) (end func(), err error) {
	tb.Helper()
	if inBubble() || haveTurn.Load() {
		return func() {}, nil
	}
	return turnAt(tb, turnPath(), latest)
}

func turnAt(tb testing.TB, path string, latest time.Time) (end func(), err error) {
	tb.Helper()
	logf := tb.Logf
	if _, bench := tb.(*testing.B); bench {
		logf = func(string, ...any) {} // it would split the result's line
	}
	who := fmt.Sprintf("%s of %s (process %d)", orNone(tb.Name(), "a test"), rerun.Package(), os.Getpid())
	began, told, waitedFor := time.Now(), false, ""
	for {
		turn, by, err := netpoll.TakeTurn(path, who)
		waited := time.Since(began)
		waitedFor = cmp.Or(lines.One(by), waitedFor, "another test")
		switch {
		case err != nil:
			logf("loadtest: no turns are taken, and other tests may load this machine at the same time: %v", err)
			return func() {}, nil
		case turn != nil:
			if told {
				logf("loadtest: waited %s", threeDigits(waited))
			}
			return turn.End, nil
		case !told && waited > turnPatience:
			told = true
			logf("loadtest: waiting for the turn of %s, which loads this machine", waitedFor)
		}
		if err := waitTurn(tb, latest); err != nil {
			return nil, fmt.Errorf("loadtest: not begun: waited %s for the turn of %s, which loads this machine: %w", threeDigits(waited),
				waitedFor, err)
		}
	}
}

func waitTurn(tb testing.TB, latest time.Time) error {
	if !latest.IsZero() && time.Now().After(latest) {
		return errors.New("there is no time left for a run of this test: raise -timeout, or run the packages one after the other " +
			"(go test -p=1)")
	}
	select {
	case <-tb.Context().Done():
		return tb.Context().Err()
	case <-time.After(turnPause):
		return nil
	}
}
