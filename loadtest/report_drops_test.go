package loadtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
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
		"at once":            {func(*Drop, *Report) {}, stopped},
		"at once, long idle": {func(d *Drop, _ *Report) { d.ShortestIdle, d.LongestIdle = time.Hour, time.Hour }, stopped},
		"at once, by a timeout": {func(_ *Drop, r *Report) { r.Hazard = failingReport().Hazard }, "all within 200ms and at about the " +
			"same idle age: did the server stop or restart, or is its keep-alive timeout that long?"},
		"waiting": {func(d *Drop, _ *Report) { d.Cause = CauseResetWaiting }, stopped},
		"waiting, spread out": {
			func(d *Drop, _ *Report) { d.Cause, d.Last = CauseResetWaiting, d.Last+5*time.Second }, hints[CauseResetWaiting],
		},
		"half-closed": {
			func(d *Drop, _ *Report) { d.Cause = CauseHalfClosed },
			stopped + " It reads on for a while (a lingering close, RFC 9112 §9.6)",
		},
		"half-closed, waiting": {
			func(d *Drop, _ *Report) { d.Cause, d.Count, d.Sample.Waited = CauseHalfClosed, 1, time.Second }, hints[CauseHalfClosed],
		},
		"full": {
			func(d *Drop, r *Report) {
				d.Phase, d.LongestIdle, r.Phases.Ramp = "ramp", time.Second, time.Second/4
			},
			"young conns were closed while others came: is the server at its limit of conns (nginx: worker_connections)?",
		},
		"each after its answer": {
			func(d *Drop, _ *Report) { d.Last, d.LongestIdle = time.Minute, time.Millisecond },
			"each right after an answer: did the server stop, and answer what it was asked?",
		},
		"a limit": {
			func(d *Drop, _ *Report) {
				d.Last, d.FewestServed, d.MostServed, d.LongestIdle = time.Minute, 5, 5, time.Millisecond
			},
			"each right after 5 answers: the server limits the requests per conn, and does not announce it",
		},
		"reset":                {func(d *Drop, _ *Report) { d.Cause = CauseResetIdle }, stopped},
		"silent, slow ramp":    {func(_ *Drop, r *Report) { r.Load.Expected, r.Phases.Ramp = 0, time.Minute }, stopped},
		"too few to tell":      {func(d *Drop, _ *Report) { d.Count = 4 }, asks},
		"one":                  {func(d *Drop, _ *Report) { d.Count, d.Last = 1, d.First }, asks},
		"spread out":           {func(d *Drop, _ *Report) { d.Last += 5 * time.Second }, asks},
		"as fast as the pause": {func(_ *Drop, r *Report) { r.Load.Expected = 1000 / 0.7 }, asks},
		"as fast as the ramp":  {func(_ *Drop, r *Report) { r.Load.Expected, r.Phases.Ramp = 0, 700*time.Millisecond }, asks},
		"as long as the sweep": {func(d *Drop, r *Report) { d.Phase, r.Phases.Sweep = "sweep", 228*time.Millisecond }, asks},
		"as long as the ramp":  {func(d *Drop, r *Report) { d.Phase, r.Phases.Ramp = "ramp", 228*time.Millisecond }, asks},
		"idle as long as allowed": {
			func(d *Drop, _ *Report) {
				d.Last, d.ShortestIdle, d.LongestIdle = d.Last+5*time.Second, time.Minute, time.Minute
			}, asAsked,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := healthyReport()
			d := Drop{
				Phase: "hold", Cause: CauseClosedIdle, Count: 50,
				First: 9 * time.Second, Last: 9*time.Second + 200*time.Millisecond,
				LongestIdle: 20 * time.Second, MostServed: 7,
			}
			test.change(&d, r)
			require.Equal(t, test.want, dropHint(d, r))
		})
	}
}

// Every cause of the engine has its name and its fate here, and a hint or a text of its own that says it all.
func TestCausesAreTheEngines(t *testing.T) {
	names := map[Cause]bool{}
	for _, c := range engine.Causes() {
		names[causeOf(c)] = true
		require.NotEqual(t, engine.NoFate, causeOf(c).fate(), c)
		require.Equal(t, c.ByGenerator(), causeOf(c).ByGenerator(), c)
	}
	require.Equal(t, names, exportedCauses(t))
	require.Equal(t, engine.NoFate, Cause("bad luck").fate())
	require.False(t, Cause("bad luck").ByGenerator())
	sayAll := map[Cause]bool{CauseConnectError: true, CauseMalformed: true, CauseTransportError: true}
	for c := range names {
		hint := dropHint(Drop{Cause: c, Count: 1, Phase: "hold"}, healthyReport())
		require.Equal(t, sayAll[c], hint == "", "hint for %q", c)
	}
}

// exportedCauses returns the values of the Cause constants, from the source: nothing else lists them.
func exportedCauses(t *testing.T) map[Cause]bool {
	file, err := parser.ParseFile(token.NewFileSet(), "cause.go", nil, 0)
	require.NoError(t, err)
	all := map[Cause]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok {
			value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			require.NoError(t, err)
			require.False(t, all[Cause(value)], "%q twice", value)
			all[Cause(value)] = true
		}
		return true
	})
	return all
}

func TestAnnouncedHint(t *testing.T) {
	tests := map[string]struct {
		drop Drop
		want string
	}{
		"limit":   {Drop{Count: 50, FewestServed: 5, MostServed: 5}, "each after 5 answers: the server limits the requests per conn"},
		"first":   {Drop{Count: 50, FewestServed: 1, MostServed: 1}, "does not keep conns alive"},
		"mixed":   {Drop{Count: 50, FewestServed: 1, MostServed: 5}, "the server ends keep-alive itself"},
		"few":     {Drop{Count: 4, FewestServed: 5, MostServed: 5}, "the server ends keep-alive itself"},
		"refused": {Drop{Count: 50, Sample: Loss{Status: 503}}, "the server answered 503 and closed: the server says that it has too much to do"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			test.drop.Cause = CauseClosedAnnounced
			require.Contains(t, dropHint(test.drop, healthyReport()), test.want)
		})
	}
}

func TestHazardText(t *testing.T) {
	bin := func(from, to time.Duration, reached, closes int64) HazardBin {
		return HazardBin{From: from * time.Second, To: to * time.Second, Reached: reached, Closes: closes}
	}
	tests := map[string]struct {
		bins []HazardBin
		want string
	}{
		"none":    {nil, ""},
		"healthy": {[]HazardBin{bin(0, 10, 1000, 0), bin(10, 20, 500, 0)}, ""},
		"timeout": {[]HazardBin{bin(0, 10, 1000, 1), bin(10, 11, 99, 98)},
			"98 of 99 at an idle age of 10.0s to 11.0s, where 99 % of those that got so old were closed: the keep-alive timeout " +
				"of the server, or of something before it"},
		"in two bins": {[]HazardBin{bin(0, 10, 1000, 0), bin(10, 11, 100, 50), bin(11, 12, 50, 50)},
			"100 of 100 at an idle age of 10.0s to 12.0s, where 100 % of those that got so old were closed: the keep-alive timeout " +
				"of the server, or of something before it"},
		"went away": {[]HazardBin{bin(0, 10, 1000, 50), bin(10, 20, 500, 50)},
			"100 of 100 at an idle age of 0s to 20.0s, where 10 % of those that got so old were closed"},
		"few": {[]HazardBin{bin(0, 10, 1000, 0), bin(10, 11, 4, 4)},
			"4 of 4 at an idle age of 10.0s to 11.0s, where 100 % of those that got so old were closed"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { require.Equal(t, test.want, hazardText(test.bins)) })
	}
	require.Equal(t, 0.5, HazardBin{AtRisk: 10 * time.Second, Closes: 5}.Rate())
	require.Zero(t, HazardBin{}.Rate())
}
