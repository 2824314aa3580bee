package loadtest

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/require"

	"example.com/holdfast/internal/engine"
	"example.com/holdfast/internal/netpoll"
)

// quiet is a reading of a host with four CPUs, one second after another: 1 s of each idle but for what each test takes.
func quiet(seconds int) reading {
	s := time.Duration(seconds) * time.Second
	return reading{
		at: s, host: netpoll.Host{CPUs: 4, Idle: time.Hour + 4*s, Interrupts: time.Minute, Steal: 5, Throttled: 6, Pressure: 7},
		runDelay: 8,
	}
}

func TestHostBetweenReadings(t *testing.T) {
	const ms = time.Millisecond
	known := Host{Span: time.Second}
	tests := map[string]struct {
		change func(a, b *reading)
		want   Host
	}{
		"nothing": {func(a, b *reading) {}, known},
		"each has its share": {func(a, b *reading) {
			b.host.Idle -= 2000 * ms
			b.host.Interrupts += 200 * ms
			b.host.Steal += 400 * ms
			b.test.cpu += 300 * ms
			b.generators.cpu += 200 * ms
			b.server.cpu += 100 * ms
			b.host.Throttled += 5 * ms
			b.host.Pressure += 9 * ms
			b.runDelay += 3 * ms
			a.host.Sockets, b.host.Sockets, a.host.TimeWait, b.host.TimeWait = 1, 11, 2, 12
		}, Host{
			Span: time.Second, Busy: 0.5, Foreign: 0.2, Steal: 0.1, Throttled: 5 * ms, Pressure: 9 * ms, RunDelay: 3 * ms,
			SocketsBefore: 1, Sockets: 11, TimeWaitBefore: 2, TimeWait: 12,
		}},
		"the real span counts": {func(a, b *reading) {
			b.at += time.Second
			b.host.Idle += 4*time.Second - 800*ms
		}, Host{Span: 2 * time.Second, Busy: 0.1, Foreign: 0.1}},
		"more of ours than was busy": {func(a, b *reading) { b.test.cpu += 50 * ms }, known},
		"threads ended":              {func(a, b *reading) { b.runDelay -= 5 }, known},
		"one of us is unknown": {func(a, b *reading) { a.server.cpu = -1 }, func() Host {
			h := known
			h.Foreign = -1
			return h
		}()},
		"CPUs went offline": {func(a, b *reading) { b.host.CPUs = 2 },
			Host{Span: time.Second, Busy: -1, Foreign: -1, Steal: -1}},
		"too short for shares": {func(a, b *reading) { b.at = a.at + 99*ms },
			Host{Span: 99 * ms, Busy: -1, Foreign: -1, Steal: -1}},
		"unknown": {func(a, b *reading) { a.host, b.host, b.runDelay = netpoll.UnknownHost, netpoll.UnknownHost, -1 }, func() Host {
			h := unknownHost()
			h.Span = time.Second
			return h
		}()},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			a, b := quiet(10), quiet(11)
			test.change(&a, &b)
			if diff := cmp.Diff(test.want, hostBetween(a, b), cmpopts.EquateApprox(1e-9, 0)); diff != "" {
				t.Errorf("host (-want +got):\n%s", diff)
			}
		})
	}
}

// A sample is known by the readings next to its ends, by whole seconds of them.
func TestReadingsAroundASample(t *testing.T) {
	const ms = time.Millisecond
	at := func(times ...time.Duration) (e evidence) {
		for _, t := range times {
			e.readings = append(e.readings, reading{at: t})
		}
		return e
	}
	punctual := at(-ms, 1000*ms, 2001*ms, 3000*ms, 3005*ms)
	late := at(-ms, 1000*ms, 2700*ms, 3000*ms, 4000*ms, 4300*ms)
	brief := at(-ms, 300*ms)
	tests := []struct {
		e         evidence
		from, to  time.Duration
		host, sum [2]time.Duration
	}{
		{punctual, 0, 1000 * ms, [2]time.Duration{-ms, 1000 * ms}, [2]time.Duration{-ms, 1000 * ms}},
		{punctual, 1000 * ms, 2000 * ms, [2]time.Duration{1000 * ms, 2001 * ms}, [2]time.Duration{1000 * ms, 2001 * ms}},
		{punctual, 3000 * ms, 3004 * ms, [2]time.Duration{2001 * ms, 3005 * ms}, [2]time.Duration{3000 * ms, 3005 * ms}},
		{late, 1000 * ms, 2000 * ms, [2]time.Duration{1000 * ms, 2700 * ms}, [2]time.Duration{1000 * ms, 2700 * ms}},
		{late, 2000 * ms, 3000 * ms, [2]time.Duration{1000 * ms, 3000 * ms}, [2]time.Duration{1000 * ms, 3000 * ms}},
		{late, 3000 * ms, 4000 * ms, [2]time.Duration{3000 * ms, 4000 * ms}, [2]time.Duration{3000 * ms, 4000 * ms}},
		{late, 4000 * ms, 4290 * ms, [2]time.Duration{3000 * ms, 4300 * ms}, [2]time.Duration{4000 * ms, 4300 * ms}},
		{brief, 0, 299 * ms, [2]time.Duration{-ms, 300 * ms}, [2]time.Duration{-ms, 300 * ms}},
		{brief, 0, 1000 * ms, [2]time.Duration{-ms, 300 * ms}, [2]time.Duration{-ms, 300 * ms}},
	}
	for _, test := range tests {
		t.Run(fmt.Sprint(test.from, "-", test.to), func(t *testing.T) {
			a, b, ok := test.e.around(test.from, test.to, shortest)
			require.True(t, ok)
			require.Equal(t, test.host, [2]time.Duration{a.at, b.at})
			a, b, ok = test.e.around(test.from, test.to, 0)
			require.True(t, ok)
			require.Equal(t, test.sum, [2]time.Duration{a.at, b.at})
		})
	}
	for _, e := range []evidence{{}, at(0)} {
		require.Equal(t, unknownHost(), e.hostIn(0, time.Second))
		require.Equal(t, unknownCounters, e.kernelIn(0, time.Second))
	}
}

// What nobody read is unknown in each place, and nothing is warned of.
func TestWithoutReadingsAllIsUnknown(t *testing.T) {
	in := sampleInput()
	in.evidence = evidence{}
	r := reportOf(in)
	require.Equal(t, unknownHost(), r.Host)
	require.Equal(t, unknownCounters, r.Kernel)
	require.Equal(t, unknownUsage(), r.ServerUse)
	require.EqualValues(t, -1, r.Generator.RSSHold)
	for _, s := range append(r.Timeline, sampleOf(engine.Sample{})) {
		require.Equal(t, unknownHost(), s.Host)
		require.Equal(t, unknownCounters, s.Kernel)
	}
	require.Empty(t, kinds(r))
	require.NotContains(t, r.String(), "host ")
}

func TestRunsAtOnceAreTold(t *testing.T) {
	var r registry
	first := r.add()
	require.False(t, first.Load())
	second := r.add()
	r.remove(first)
	third := r.add()
	r.remove(second)
	r.remove(third)
	last := r.add()
	r.remove(last)
	require.Equal(t, []bool{true, true, true, false}, []bool{first.Load(), second.Load(), third.Load(), last.Load()})
}
