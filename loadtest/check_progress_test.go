package loadtest

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestNarratorTellsEveryFiveSeconds(t *testing.T) {
	var out strings.Builder
	n := &narrator{out: &out, expected: 14 * time.Second, hold: 8 * time.Second}
	at := func(second int, phase string, open int64) {
		n.tell(Sample{At: time.Duration(second) * time.Second, Phase: phase, Open: open, Answered: 100, Dropped: 1, LatencyP99: 1234567})
	}
	for second := 1; second <= 6; second++ {
		at(second, "ramp", int64(100*second))
	}
	for second := 7; second <= 15; second++ {
		at(second, "hold", 600)
	}
	require.Equal(t, `   5s ramp   500 open  100 answers/s  5 dropped  p99 1.23ms  some 9s left
  10s hold   600 open  100 answers/s  10 dropped  p99 1.23ms  some 5s left
  15s hold   600 open  100 answers/s  15 dropped  p99 1.23ms
`, out.String())
}

// A benchmark's result line is not to be split.
func TestNobodyNarratesInABenchmark(t *testing.T) {
	cfg := Config{URL: "http://127.0.0.1:1/"}
	require.Nil(t, (&check{tb: &testing.B{}, cfg: cfg}).narrate())
	require.Equal(t, testing.Verbose(), (&check{tb: t, cfg: cfg}).narrate() != nil)
}
