package loadtest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/require"
)

// hostReport is healthy, and has a second in which the host is as it is told.
func hostReport(change func(*Report)) []Warning {
	r := healthyReport()
	r.Timeline = make([]Sample, 10)
	for i := range r.Timeline {
		r.Timeline[i] = Sample{At: time.Duration(i+1) * time.Second, Host: Host{Span: time.Second}}
	}
	change(r)
	return warningsOf(r)
}

func TestHostWarnings(t *testing.T) {
	inOne := func(change func(*Host)) func(*Report) {
		return func(r *Report) {
			r.Timeline[3].Host.Steal, r.Timeline[4].Host = -1, unknownHost()
			change(&r.Timeline[7].Host)
		}
	}
	tests := map[string]struct {
		change func(*Report)
		want   Warning
	}{
		"steal": {inOne(func(h *Host) { h.Steal = 0.3 }), Warning{Kind: WarnSteal, Value: 0.3, Threshold: 0.05,
			Text: "up to 30 % of the host's CPU time went to other guests of its hypervisor (more than 5.0 % in 1 of 8 seconds): " +
				"latencies contain that"}},
		"throttled": {inOne(func(h *Host) { h.Throttled = time.Second / 4 }), Warning{Kind: WarnThrottled, Value: 0.25, Threshold: 0.05,
			Text: "up to 25 % of a second this process's control group was stopped by its CPU quota (more than 5.0 % in 1 of 9 " +
				"seconds): latencies contain that"}},
		"foreign": {inOne(func(h *Host) { h.Foreign = 0.5 }), Warning{Kind: WarnForeign, Value: 0.5, Threshold: 0.2,
			Text: "up to 50 % of the host's CPU time went to other processes (more than 20 % in 1 of 9 seconds): " +
				"latencies contain that"}},
		"foreign, the server's perhaps": {func(r *Report) { r.Fixture, r.Timeline[0].Host.Foreign = nil, 0.5 },
			Warning{Kind: WarnForeign, Value: 0.5, Threshold: 0.2,
				Text: "up to 50 % of the host's CPU time went to other processes (more than 20 % in 1 of 10 seconds): " +
					"latencies contain that; if the server is one of them, set Config.ServerPID"}},
		"scheduler": {func(r *Report) { r.Generator.SchedDelay = 11 * time.Millisecond },
			Warning{Kind: WarnSchedDelay, Value: 0.011, Threshold: 0.01,
				Text: "one goroutine in a hundred of the test process was ready for 11.0ms or more before it ran: too much for its " +
					"2 processors"}},
		"scheduler of the server's": {func(r *Report) { r.ServerUse.SchedDelay = 12 * time.Millisecond },
			Warning{Kind: WarnSchedDelay, Value: 0.012, Threshold: 0.01,
				Text: "one goroutine in a hundred of the test process was ready for 12.0ms or more before it ran: too much for its " +
					"2 processors"}},
		"run queue": {func(r *Report) { r.Host.RunDelay = r.Host.Span / 4 },
			Warning{Kind: WarnRunDelay, Value: 0.25, Threshold: 0.2,
				Text: "the generator's threads, in sum, were ready and had no CPU for 25 % of the run's time: the host had too much " +
					"to do"}},
		"overflows": {func(r *Report) { r.Kernel.ListenOverflows = 1 }, Warning{Kind: WarnListenOverflows, Value: 1,
			Text: "a server's accept queue was full 1 time: ramp more slowly, or raise its backlog and net.core.somaxconn " +
				"(of the whole host)"}},
		"memory": {func(r *Report) { r.Kernel.TCPMemoryPressures = 2 }, Warning{Kind: WarnTCPMemory, Value: 2,
			Text: "TCP was short of memory 2 times, and then took less of it for each conn: raise net.ipv4.tcp_mem " +
				"(of the whole host)"}},
		"drops": {func(r *Report) { r.Kernel.SoftnetDropped = 3 }, Warning{Kind: WarnSoftnetDrops, Value: 3,
			Text: "no CPU took 3 packets in time: raise net.core.netdev_max_backlog (of the whole host)"}},
		"retransmissions": {func(r *Report) { r.Kernel.TCPRetransSegs = 11 }, Warning{Kind: WarnRetransmissions, Value: 11, Threshold: 10,
			Text: "11 TCP segments were sent again: packets were lost, or a host was too busy to answer them in time " +
				"(of the whole host)"}},
		"clocks": {func(r *Report) { r.Environment.Governor = "powersave" }, Warning{Kind: WarnClocks, Value: 1,
			Text: `the CPUs' clocks follow the governor "powersave": CPU times of two runs compare only with "performance" ` +
				"(sudo cpupower frequency-set -g performance)"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff([]Warning{test.want}, hostReport(test.change), cmpopts.EquateApprox(1e-9, 0)); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
		})
	}
}

// At its threshold nothing is worth a warning, nor is what is unknown.
func TestNoHostWarnings(t *testing.T) {
	require.Empty(t, hostReport(func(r *Report) {
		h := &r.Timeline[3].Host
		h.Steal, h.Throttled, h.Foreign = mostSteal, time.Second/20, mostForeign
		r.Generator.SchedDelay, r.Host.RunDelay = mostSchedDelay, r.Host.Span/5
		r.Kernel.TCPRetransSegs, r.Environment.Governor = mostRetrans, "performance"
	}))
	require.Empty(t, hostReport(func(r *Report) {
		r.Host, r.Kernel, r.ServerUse = unknownHost(), unknownCounters, unknownUsage()
		for i := range r.Timeline {
			r.Timeline[i].Host = unknownHost()
		}
	}))
	many := hostReport(func(r *Report) { r.Requests.Sent, r.Kernel.TCPRetransSegs = 100_000, 100 })
	require.Empty(t, many, "a thousandth of the requests")
}
