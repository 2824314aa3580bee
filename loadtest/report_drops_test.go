package loadtest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/holdfast/internal/engine"
)

// A hint claims no more than the first loss, the last, their number and one sample can tell.
func TestIdleHint(t *testing.T) {
	const (
		stopped = "all within 200ms: did the server stop or restart?"
		asks    = "is the server's keep-alive timeout shorter than Config.IdleTimeout (1m)?"
		asAsked = "the server may close what is idle for Config.IdleTimeout (1m): a Cadence with shorter pauses would " +
			"keep the conns open"
	)
	tests := map[string]struct {
		change func(*Drop, *Report)
		want   string
	}{
		"at once":              {func(*Drop, *Report) {}, stopped},
		"at once, long idle":   {func(d *Drop, _ *Report) { d.Sample.Idle = time.Hour }, stopped},
		"reset":                {func(d *Drop, _ *Report) { d.Cause = engine.ResetIdle.String() }, stopped},
		"silent, slow ramp":    {func(_ *Drop, r *Report) { r.Load.Expected, r.Phases.Ramp = 0, time.Minute }, stopped},
		"too few to tell":      {func(d *Drop, _ *Report) { d.Count = 4 }, asks},
		"one":                  {func(d *Drop, _ *Report) { d.Count, d.Last = 1, d.First }, asks},
		"spread out":           {func(d *Drop, _ *Report) { d.Last += 5 * time.Second }, asks},
		"as fast as the pause": {func(_ *Drop, r *Report) { r.Load.Expected = 1000 / 0.7 }, asks},
		"as fast as the ramp":  {func(_ *Drop, r *Report) { r.Load.Expected, r.Phases.Ramp = 0, 700*time.Millisecond }, asks},
		"as long as the sweep": {func(d *Drop, r *Report) { d.Phase, r.Phases.Sweep = "sweep", 228*time.Millisecond }, asks},
		"as long as the ramp":  {func(d *Drop, r *Report) { d.Phase, r.Phases.Ramp = "ramp", 228*time.Millisecond }, asks},
		"idle as long as allowed": {
			func(d *Drop, _ *Report) { d.Last, d.Sample.Idle = d.Last+5*time.Second, time.Minute }, asAsked,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := healthyReport()
			d := Drop{
				Phase: "hold", Cause: engine.ClosedIdle.String(), Count: 50,
				First: 9 * time.Second, Last: 9*time.Second + 200*time.Millisecond,
				Sample: Loss{Idle: 154 * time.Millisecond},
			}
			test.change(&d, r)
			require.Equal(t, test.want, dropHint(d, r))
		})
	}
}

// Every cause that the engine knows is decided on here: one that is new has no fate until somebody gives it one.
func TestFateOfEachCause(t *testing.T) {
	want := map[engine.Cause]fate{
		engine.CauseNone: noFate,

		engine.ConnectRefused: connectFailed, engine.ConnectUnreachable: connectFailed,
		engine.ConnectReset: connectFailed, engine.ConnectTimedOut: connectFailed, engine.ConnectError: connectFailed,
		engine.TLSFailed: connectFailed, engine.LocalExhaustion: connectFailed,

		engine.Abandoned: connectAbandoned,

		engine.ClosedBeforeFirst: connLost, engine.ClosedIdle: connLost, engine.ClosedAnnounced: connLost,
		engine.ClosedWaiting: connLost, engine.ClosedInResponse: connLost, engine.ResetIdle: connLost,
		engine.ResetWriting: connLost, engine.ResetWaiting: connLost, engine.ResponseTimedOut: connLost,
		engine.Malformed: connLost, engine.HeadTooLarge: connLost, engine.UnexpectedBytes: connLost,
		engine.TransportError: connLost,
	}
	got := map[engine.Cause]fate{}
	for c, ok := engine.CauseNone, true; ok; c++ {
		var name string
		if name, ok = nameOf(c); ok {
			got[c] = fateOf(name)
		}
	}
	require.Equal(t, want, got)
	require.Equal(t, noFate, fateOf("bad luck"))
}

// nameOf returns false for what is no cause: their number is the engine's own business.
func nameOf(c engine.Cause) (name string, ok bool) {
	defer func() { ok = recover() == nil }()
	return c.String(), true
}
