package loadtest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/holdfast/internal/engine"
)

// calmHost is one on which nothing else happens.
func calmHost() Host { return Host{Span: time.Second, Busy: 0.3} }

// A secondOf a run, as tests write it.
type secondOf struct {
	host Host
	of   engine.Sample
}

// siftedReport is of a run with these seconds of hold, all else being well.
func siftedReport(in reportInput, seconds []secondOf, virtual bool) *Report {
	in.result.Timeline = nil
	for i, s := range seconds {
		s.of.At, s.of.Phase = time.Duration(i+1)*time.Second, engine.PhaseHold
		in.result.Timeline = append(in.result.Timeline, s.of)
	}
	r := newReport(in)
	for i, s := range seconds {
		r.Timeline[i].Host = s.host
	}
	r.sift(in.result, virtual)
	return r
}

func cleanSeconds(r *Report) (clean []bool) {
	for _, s := range r.Timeline {
		clean = append(clean, s.Clean)
	}
	return clean
}

// TestCleanSeconds: each thing that makes a second unfit spoils it and the one after it, and nothing before.
func TestCleanSeconds(t *testing.T) {
	with := func(change func(*Host)) Host {
		h := calmHost()
		change(&h)
		return h
	}
	const late = 10*time.Millisecond + 1
	tests := map[string]struct {
		second secondOf
		spoils bool
		in     bool // a synctest bubble too
	}{
		"calm":              {secondOf{host: calmHost()}, false, false},
		"late":              {secondOf{calmHost(), engine.Sample{Late: late}}, true, true},
		"just not late":     {secondOf{calmHost(), engine.Sample{Late: late - 1}}, false, false},
		"foreign":           {secondOf{host: with(func(h *Host) { h.Foreign = 0.21 })}, true, false},
		"some foreign":      {secondOf{host: with(func(h *Host) { h.Foreign = 0.20 })}, false, false},
		"steal":             {secondOf{host: with(func(h *Host) { h.Steal = 0.06 })}, true, false},
		"throttled":         {secondOf{host: with(func(h *Host) { h.Throttled = 51 * time.Millisecond })}, true, false},
		"throttled a while": {secondOf{host: with(func(h *Host) { h.Throttled, h.Span = 51*time.Millisecond, 2*time.Second })}, false, false},
		"unknown foreign":   {secondOf{host: with(func(h *Host) { h.Foreign = -1 })}, true, false},
		"unknown steal":     {secondOf{host: with(func(h *Host) { h.Steal = -1 })}, true, false},
		"unknown throttled": {secondOf{host: with(func(h *Host) { h.Throttled = -1 })}, true, false},
		"all unknown":       {secondOf{host: unknownHost()}, true, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			for at := range 5 {
				seconds := make([]secondOf, 5)
				for i := range seconds {
					seconds[i].host = calmHost()
				}
				seconds[at] = test.second
				for _, virtual := range []bool{false, true} {
					want := []bool{true, true, true, true, true}
					if test.spoils && (!virtual || test.in) {
						want[at] = false
						if at+1 < len(want) {
							want[at+1] = false
						}
					}
					require.Equal(t, want, cleanSeconds(siftedReport(sampleInput(), seconds, virtual)), "second %d", at)
				}
			}
		})
	}
}

// TestWhatIsSure: only what a clean second has counts, and what lasted for longer than a second only if all of that was
// clean; but what no busy machine brings about counts always.
func TestWhatIsSure(t *testing.T) {
	const ms = time.Millisecond
	in := sampleInput() // with timeouts of 3 s
	in.result.Requests.HoldDue, in.result.Requests.HoldSent = 1_000_000, 1_000_000
	seconds := make([]secondOf, 8)
	for i := range seconds {
		seconds[i].host = calmHost()
		var services, connects engine.Spectrometer
		for _, d := range []time.Duration{50 * ms, 1500 * ms, 2500 * ms} {
			services.Record(d)
			connects.Record(d)
		}
		each := engine.Blames{1, 1, 1, 1}
		seconds[i].of = engine.Sample{Services: services.Take(), Connects: connects.Take(),
			Faults: engine.Faults{Losses: each, Spoiled: each, Unconnected: each, Failures: each, Cohort: each}}
	}
	seconds[2].of.Late = 20 * ms // the third
	h := siftedReport(in, seconds, false).Hold
	// The third and the fourth are not clean. What took 1.5 s and ended in the fifth may have begun when we were late; so may
	// what took 2.5 s and ended in the sixth, and what took 3 s and ended in the seventh.
	counts := func(d Distribution) []int64 {
		return []int64{d.Count() - d.atLeast(ms), d.atLeast(ms) - d.atLeast(time.Second), d.atLeast(time.Second) - d.atLeast(2*time.Second),
			d.atLeast(2 * time.Second)}
	}
	require.Equal(t, []int64{0, 6, 5, 4}, counts(h.Clean))
	require.Equal(t, []int64{0, 6, 5, 4}, counts(h.CleanConnect))
	const byServer, either, waits = 8, 6, 3
	require.Equal(t, Sure{Losses: 17, NotHeld: 17, Unconnected: 17, Failed: 17, Unanswered: 17}, h.Sure)
	require.EqualValues(t, 17, byServer+either+waits)
	require.LessOrEqual(t, h.CleanConnect.Min(), 40*ms, "our own clock timed it")
	require.GreaterOrEqual(t, h.CleanConnect.Min(), 39*ms)
	require.GreaterOrEqual(t, h.Clean.Min(), 49*ms)
}

// TestWhatASpectrumCutsOff: a spectrum has less of a duration than it was. What began in a second that was not calm is not
// clean for that.
func TestWhatASpectrumCutsOff(t *testing.T) {
	for _, took := range []time.Duration{1991 * time.Millisecond, 2000 * time.Millisecond} {
		seconds := make([]secondOf, 4)
		for i := range seconds {
			seconds[i].host = calmHost()
		}
		seconds[0].of.Late = time.Second
		var m engine.Spectrometer
		m.Record(took)
		seconds[3].of.Services = m.Take()
		require.Zero(t, siftedReport(sampleInput(), seconds, false).Hold.Clean.Count(), "%v, of two seconds less 10 ms", took)
	}
}
