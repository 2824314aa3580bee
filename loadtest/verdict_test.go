package loadtest

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/holdfast/internal/engine"
	"example.com/holdfast/internal/golden"
)

// soundInput is sampleInput with two clean seconds, in which the requests of hold were answered.
func soundInput() (reportInput, []secondOf) {
	in := sampleInput()
	services, connects := in.result.Timeline[0].Services, in.result.Timeline[0].Connects
	return in, []secondOf{
		{calmHost(), engine.Sample{Connects: connects}},
		{calmHost(), engine.Sample{Services: services}},
	}
}

func soundReport() *Report {
	in, seconds := soundInput()
	return siftedReport(in, seconds, false)
}

// serverReport knows what the server used by itself: of each of a thousand conns 10 000 bytes, of each request 100 µs.
func serverReport() *Report {
	r := soundReport()
	r.ServerUse = Usage{Of: "process tree 7", CPU: 198_700 * time.Microsecond, RSSBefore: 1e6, RSSHold: 11e6}
	r.Hold.Sure.CPU = r.ServerUse.CPU
	return r
}

func TestPass(t *testing.T) {
	tests := map[string]struct {
		budget Budget
		met    []string
	}{
		"strict": {met: []string{"Held: 1000 of at least 1000.", "Drops: 0 of at most 0.", "Failed: 0 of at most 0."}},
		"all limits": {budget: Budget{
			Connect:     Limits{P50: 230 * time.Microsecond, P99: time.Millisecond, P999: time.Millisecond, Max: time.Millisecond},
			Latency:     Limits{P50: 6 * time.Millisecond, P99: 12 * time.Millisecond, P999: 12 * time.Millisecond, Max: 11876 * time.Microsecond},
			ServiceTime: Limits{P50: time.Millisecond, Max: 1031 * time.Microsecond},
			RSSPerConn:  10_000, CPUPerRequest: 100 * time.Microsecond,
		}, met: []string{
			"Held: 1000 of at least 1000.", "Drops: 0 of at most 0.", "Failed: 0 of at most 0.",
			"Connect.P50: 221µs of at most 230µs.", "Connect.P99: 408µs of at most 1ms.",
			"Connect.P999: 412µs of at most 1ms.", "Connect.Max: 412µs of at most 1ms.",
			"Latency.P50: 5.99ms of at most 6ms.", "Latency.P99: 11.8ms of at most 12ms.",
			"Latency.P999: 11.9ms of at most 12ms.", "Latency.Max: 11.9ms of at most 11.876ms.",
			"ServiceTime.P50: 546µs of at most 1ms.", "ServiceTime.Max: 1.03ms of at most 1.031ms.",
			"RSSPerConn: 9.77KiB of at most 9.77KiB.", "CPUPerRequest: 100µs of at most 100µs.",
		}},
		"lenient": {budget: Budget{Held: -1, Drops: -1, Failed: -1}},
	}
	for name, test := range tests {
		v := serverReport().Judge(test.budget)
		var met []string
		for _, r := range v.Met {
			met = append(met, r.Text)
		}
		require.Equal(t, test.met, met, name)
		v.Met = nil
		require.Equal(t, Verdict{Outcome: Pass}, v, name)
		require.NoError(t, v.Err())
		require.Equal(t, "pass", v.String())
	}
}

// TestMetBesideBroken: each line is in one of the three lists, and a line that is met has its readings too.
func TestMetBesideBroken(t *testing.T) {
	r := soundReport()
	r.Requests.Unwanted, r.Hold.Sure.Failed = 1, 1
	r.Unwanted = []StatusCount{{Status: 404, Count: 1}}
	v := r.Judge(Budget{Drops: 3, Latency: Limits{P50: time.Microsecond, P99: 12 * time.Millisecond}, RSSPerConn: 1})
	linesOf := func(all []Reason) (lines []string) {
		for _, r := range all {
			lines = append(lines, r.Line)
		}
		return lines
	}
	require.Equal(t, []string{"Held", "Drops", "Latency.P99"}, linesOf(v.Met))
	require.Equal(t, []string{"Failed"}, linesOf(v.Broken))
	require.Equal(t, []string{"Latency.P50", "RSSPerConn"}, linesOf(v.Invalid))
	require.Equal(t, Reason{Line: "Drops", Limit: "3", Optimistic: "0", Pessimistic: "0", Text: "Drops: 0 of at most 3."}, v.Met[1])
}

// testProcessServes has the server in the test process, and 2 generator processes for 30 s: of each of a thousand conns 40 000
// bytes, of each request some 1 ms, and less for sure.
func testProcessServes(r *Report) {
	r.Processes = []Process{{PID: 8, Conns: 500}, {PID: 9, Conns: 500}}
	r.ServerUse = Usage{Of: testProcess, Wall: 30 * time.Second, CPU: 2 * time.Second, RSSBefore: 1e6, RSSHold: 41e6}
	r.ServerUse.Before, r.ServerUse.Hold = Resources{1e6, 1e5, 9, 8}, Resources{1e6 + 10_240_000, 1e5 + 8_192_000, 1029, 1008}
	r.Hold.Sure.CPU = r.ServerUse.CPU
}

// TestOwnUseIsNotTheServers: the test process gathers what generator processes tell, and grows by that too.
func TestOwnUseIsNotTheServers(t *testing.T) {
	r := serverReport()
	testProcessServes(r)
	onlyReason(t, r.Judge(Budget{RSSPerConn: 34_000}), Fail, "RSSPerConn", "Resident memory (test process) was ")
	onlyReason(t, r.Judge(Budget{CPUPerRequest: 900 * time.Microsecond}), Fail, "CPUPerRequest", "at least 926µs, whatever this machine did: "+
		"2.89 % over the limit of 900µs (reported: 1.01ms). Used (test process): CPU ")
	onlyReason(t, r.Judge(Budget{HeapPerConn: 8_700}), Fail, "HeapPerConn", "Each conn takes 10.0KiB of heap, 8.00KiB of stacks and "+
		"1.02 goroutines. A heap profile at the end of hold")
	onlyReason(t, r.Judge(Budget{StackPerConn: 7_800}), Fail, "StackPerConn", "a plain net/http server takes 8 KiB")
	onlyReason(t, r.Judge(Budget{GoroutinesPerConn: 0.5}), Fail, "GoroutinesPerConn", "at least 1.008, whatever this machine did: 102 % "+
		"over the limit of 0.5 (reported: 1.02). A plain net/http server has 1 per conn.")
	require.Equal(t, Pass, r.Judge(Budget{RSSPerConn: 40_000, CPUPerRequest: 1007 * time.Microsecond, HeapPerConn: 10_240,
		StackPerConn: 8192, GoroutinesPerConn: 1.02}).Outcome)
	require.Contains(t, r.String(), "39.1KiB per conn, of which 5.36KiB may be our own")
}

// onlyReason demands that v has this one reason and no other.
func onlyReason(t *testing.T, v Verdict, outcome Outcome, line, text string) {
	t.Helper()
	all := append(v.Broken, v.Invalid...)
	require.Len(t, all, 1, "%v", v)
	require.Equal(t, outcome, v.Outcome)
	require.Equal(t, outcome == Fail, len(v.Broken) == 1, "%v", v)
	require.Equal(t, line, all[0].Line)
	require.Contains(t, all[0].Text, text)
	require.ErrorContains(t, v.Err(), all[0].Text)
	require.Equal(t, 2, strings.Count(v.String(), "\n")+1, "a line for each reason")
	_, err := json.Marshal(v)
	require.NoError(t, err)
}

// TestEachInvalidReason provokes each, one at a time, in a report that else passes.
func TestEachInvalidReason(t *testing.T) {
	const ms = time.Millisecond
	slow := Budget{Latency: Limits{P99: 10 * ms}} // 11.8 ms as reported
	onSeconds := func(change func(s *secondOf)) func() *Report {
		return func() *Report {
			in, seconds := soundInput()
			for i := range seconds {
				change(&seconds[i])
			}
			return siftedReport(in, seconds, false)
		}
	}
	changed := func(changes ...func(r *Report)) func() *Report {
		return func() *Report {
			r := serverReport()
			for _, change := range changes {
				change(r)
			}
			return r
		}
	}
	tests := map[string]struct {
		report func() *Report
		budget Budget
		line   string
		text   string
	}{
		"late to send": {soundReport, slow, "Latency.P99", "Service times alone are within the limit (P99 1.02ms)"},
		"was late": {onSeconds(func(s *secondOf) { s.of.Late = 30 * ms }), slow, "Latency.P99",
			"we were late for what we had planned (up to 30.0ms"},
		"foreign": {onSeconds(func(s *secondOf) { s.host.Foreign = 0.52 }), slow, "Latency.P99",
			"1 of 1 seconds in question were not clean, and nothing in those is surely the server's: in 1 the machine was busy " +
				"with other work (foreign CPU up to 52 %"},
		"steal": {onSeconds(func(s *secondOf) { s.host.Steal = 0.07 }), slow, "Latency.P99", "the hypervisor took CPUs away (up to 7"},
		"throttled": {onSeconds(func(s *secondOf) { s.host.Throttled = 200 * ms }), slow, "Latency.P99",
			"the CPU quota stopped us (up to 200ms"},
		"unknown host": {onSeconds(func(s *secondOf) { s.host = unknownHost() }), slow, "Latency.P99", "it is unknown what else the machine did"},
		"no stamps": {changed(func(r *Report) { r.Stamps = Stamps{User: 1987} }), Budget{ServiceTime: Limits{P99: ms}}, "ServiceTime.P99",
			"No arrival was timed by the kernel, so that 10.0ms of each may be ours"},
		"own clock": {soundReport, Budget{Connect: Limits{P50: 100 * time.Microsecond}}, "Connect.P50", "Our own clock times connects"},
		"not answered": {changed(func(r *Report) {
			r.Requests.HoldDue, r.Requests.HoldSent, r.Requests.Due = 1940, 1930, 1997
			r.Requests.Unsent = 10
		}),
			Budget{ServiceTime: Limits{Max: time.Second}}, "ServiceTime.Max", "15 of 1940 requests due in hold were not answered, of which 0 surely"},
		"nothing due in hold": {changed(func(r *Report) { r.Requests.HoldDue, r.Requests.HoldSent, r.Hold = 0, 0, Cohort{} }), slow,
			"Latency.P99", "cannot be told: no request fell due in hold"},
		"memory unknown": {soundReport, Budget{RSSPerConn: 1}, "RSSPerConn", "set Config.Processes"},
		"memory not read": {changed(func(r *Report) { r.ServerUse.RSSHold = -1 }), Budget{RSSPerConn: 1}, "RSSPerConn",
			"give the run a Hold of two seconds or more"},
		"CPU unknown": {changed(func(r *Report) { r.ServerUse, r.Fixture, r.Hold.Sure.CPU = unknownUsage(), nil, 0 }), Budget{CPUPerRequest: 1},
			"CPUPerRequest", "set Config.ServerPID"},
		"CPU not read": {changed(func(r *Report) { r.ServerUse.CPU, r.Hold.Sure.CPU = -1, 0 }), Budget{CPUPerRequest: 1}, "CPUPerRequest", "cannot be told"},
		"shared": {changed(func(r *Report) { r.ServerUse.Shared = true }), Budget{CPUPerRequest: 1}, "CPUPerRequest",
			"run them one after the other"},
		"CPU of a busy host": {func() *Report {
			r := onSeconds(func(s *secondOf) { s.host.Foreign = 0.5 })()
			r.ServerUse = serverReport().ServerUse
			return r
		}, Budget{CPUPerRequest: 90 * time.Microsecond}, "CPUPerRequest", "foreign CPU up to 50 %"},
		"our own memory": {changed(testProcessServes), Budget{RSSPerConn: 36_000}, "RSSPerConn",
			"Of the 39.1KiB per conn that the test process grew by 5.36KiB may be our own: take more Connections."},
		"our own heap": {changed(testProcessServes), Budget{HeapPerConn: 10_000}, "HeapPerConn",
			"Of the 10.0KiB per conn that the test process grew by 1.45KiB may be our own"},
		"our own goroutines": {changed(testProcessServes), Budget{GoroutinesPerConn: 1.01}, "GoroutinesPerConn",
			"Of the 1.02 per conn that the test process grew by 0.012 may be our own"},
		"heap of a tree":  {serverReport, Budget{HeapPerConn: 1}, "HeapPerConn", "the heap of another process cannot be read"},
		"heap of both":    {soundReport, Budget{HeapPerConn: 1}, "HeapPerConn", "the server's heap: set Config.Processes to 1"},
		"stacks not read": {changed(testProcessServes, func(r *Report) { r.ServerUse.Hold = unknownResources }), Budget{StackPerConn: 1}, "StackPerConn", "it was not read at the end of the sweep"},
		"fewer goroutines": {changed(testProcessServes, func(r *Report) { r.ServerUse.Before.Goroutines = 1030 }), Budget{GoroutinesPerConn: 9}, "GoroutinesPerConn",
			"the process held more before the run than with all conns open"},
		"less memory": {changed(testProcessServes, func(r *Report) { r.ServerUse.RSSBefore = 42e6 }), Budget{RSSPerConn: 1 << 30}, "RSSPerConn",
			"the process held more before the run than with all conns open"},
		"stacks of others": {changed(testProcessServes, func(r *Report) { r.ServerUse.Shared = true }), Budget{StackPerConn: 1}, "StackPerConn", "other runs at the same time are in the stacks"},
		"Heap":             {soundReport, Budget{HeapPerConn: -5}, "HeapPerConn", "Budget.HeapPerConn is -5 bytes"},
		"Goroutines":       {soundReport, Budget{GoroutinesPerConn: math.NaN()}, "GoroutinesPerConn", "Budget.GoroutinesPerConn is NaN"},
		"our own CPU": {changed(testProcessServes), Budget{CPUPerRequest: 950 * time.Microsecond}, "CPUPerRequest",
			"Of the test process's 2.00s of CPU time 160ms may be our own"},
		"cut short": {changed(func(r *Report) { r.Phases.Complete = false }), Budget{}, "run", "the run was cut short in the drain"},
		"load": {changed(func(r *Report) { r.Requests.HoldDue, r.Requests.Due, r.Requests.Unsent = 1945, 2007, 20 }), Budget{}, "load",
			"of 1945 requests due in hold 1925 were sent, 98.97 %, and 99 % are to be"},
		"ramp": {changed(func(r *Report) { r.Phases.Opened = 1100 * ms }), Budget{}, "ramp",
			"its last conn was to be begun at 990ms, and was at 1.10s"},
		"process died": {changed(func(r *Report) { r.Processes = []Process{{PID: 77, Died: "signal: killed", Lost: 3}} }), Budget{},
			"generator", "process 77 died (signal: killed), with 3 conns"},
		"unlawful": {changed(func(r *Report) { r.Requests.Interim = -1 }), Budget{}, "report", "this is a bug of loadtest"},
		"Held":     {soundReport, Budget{Held: 1001}, "Held", "Budget.Held asks for 1001 conns, and the run opened only 1000"},
		"limit":    {soundReport, Budget{Connect: Limits{P999: -1}}, "Connect.P999", "Budget.Connect.P999 is -1ns: a limit is above zero"},
		"RSS":      {soundReport, Budget{RSSPerConn: -5}, "RSSPerConn", "Budget.RSSPerConn is -5 bytes"},
		"CPU":      {soundReport, Budget{CPUPerRequest: -5}, "CPUPerRequest", "Budget.CPUPerRequest is -5ns"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			onlyReason(t, test.report().Judge(test.budget), Invalid, test.line, test.text)
		})
	}
}

// lossy lets n conns be lost with their requests, for a cause.
func lossy(n int64, cause engine.Cause) *Report {
	in, seconds := soundInput()
	res := in.result
	res.Conns.Held, res.Conns.OpenAtEnd, res.Conns.Dropped = 1000-n, 1000-n, n
	res.Requests.Answered, res.Requests.Status[2], res.Requests.LostWithConn = 1987-n, 1987-n, n
	res.Latency, res.ServiceTime, res.ClientWait = histOf(1987-n, 0, 1), histOf(1987-n, 0, 1), histOf(1987-n, 0, 1)
	res.Drops = []engine.Drop{{Phase: engine.PhaseHold, Cause: cause, Count: n}}
	f := &seconds[1].of.Faults
	f.Losses[cause.Blame()], f.Spoiled[cause.Blame()], f.Failures[cause.Blame()] = n, n, n
	return siftedReport(in, seconds, false)
}

// TestLossesByBlame: what the server did fails, what the generator did is invalid, and what either may have done is the
// server's in a clean second only.
func TestLossesByBlame(t *testing.T) {
	three := Budget{Held: 998, Drops: -1, Failed: -1}
	dirty := func(r *Report) *Report {
		in, seconds := soundInput()
		in.result = &engine.Result{Timeline: []engine.Sample{{}, {}}}
		seconds[1].of.Losses[engine.BlameEither], seconds[1].of.Spoiled[engine.BlameEither] = 3, 3
		seconds[1].of.Failures[engine.BlameEither] = 3
		for i := range r.Timeline {
			r.Timeline[i].Host.Foreign = 0.9
			in.result.Timeline[i] = seconds[i].of
		}
		hold := r.Hold
		r.sift(in.result, false)
		r.Hold.Latency, r.Hold.ServiceTime = hold.Latency, hold.ServiceTime
		return r
	}
	onlyReason(t, lossy(3, engine.Malformed).Judge(three), Fail, "Held", "at most 997, whatever this machine did: 1 short of 998")
	onlyReason(t, lossy(3, engine.ClosedWaiting).Judge(three), Fail, "Held", "1 short of 998 (reported: 997). Lost: 3 closed while waiting.")
	onlyReason(t, dirty(lossy(3, engine.ClosedWaiting)).Judge(three), Invalid, "Held",
		"reported 997, 1 short of 998, but 1000 without what may be this machine's doing. Not surely the server's doing: "+
			"3 closed while waiting")
	onlyReason(t, lossy(3, engine.Malformed).Judge(Budget{Held: -1, Drops: 2, Failed: -1}), Fail, "Drops", "at least 3")
	onlyReason(t, lossy(3, engine.Malformed).Judge(Budget{Held: -1, Drops: -1}), Fail, "Failed", "at least 3")
	require.Equal(t, Pass, lossy(3, engine.Malformed).Judge(Budget{Held: 997, Drops: 3, Failed: 3}).Outcome)

	onlyReason(t, lossy(1, engine.OpenExhaustion).Judge(Budget{Held: 999, Drops: 1, Failed: 1}), Invalid, "generator",
		"1 conn was lost by the generator's fault, or its machine's, not the server's: 1 local exhaustion while open")
	v := lossy(3, engine.OpenExhaustion).Judge(three)
	require.Equal(t, Invalid, v.Outcome)
	require.Equal(t, []string{"generator", "Held"}, []string{v.Invalid[0].Line, v.Invalid[1].Line})
}

// TestClosedLoopIsJudgedByServiceTime: there latency is how long one's turn takes to come.
func TestClosedLoopIsJudgedByServiceTime(t *testing.T) {
	r := soundReport()
	r.Config.Cadence = backToBack
	b := Budget{Latency: Limits{P99: 2 * time.Millisecond}} // 11.8 ms, and 1.02 of service time
	require.Equal(t, Pass, r.Judge(b).Outcome)
	b.Latency.P99 = time.Millisecond
	onlyReason(t, r.Judge(b), Invalid, "Latency.P99", "Latency.P99 (by service time: back to back, a request is due when")
}

// TestFailOfQuantiles: by the clean seconds' own service times, whatever else there was.
func TestFailOfQuantiles(t *testing.T) {
	in, seconds := soundInput()
	in.result.Hold = engine.Cohort{Latency: histOf(1925, 50*time.Millisecond, 90*time.Millisecond),
		ServiceTime: histOf(1925, 40*time.Millisecond, 80*time.Millisecond)}
	seconds[1].of.Services = spectrumOf(1500, 40*time.Millisecond, 80*time.Millisecond)
	r := siftedReport(in, seconds, false)
	onlyReason(t, r.Judge(Budget{Latency: Limits{P50: 10 * time.Millisecond}}), Fail, "Latency.P50",
		"times the limit of 10ms (reported: 70.1ms)")
	// If the 425 that are not sure took no time, the median took 54 ms.
	onlyReason(t, r.Judge(Budget{ServiceTime: Limits{P50: 55 * time.Millisecond}}), Invalid, "ServiceTime.P50", "reported 60.0ms")
	onlyReason(t, r.Judge(Budget{ServiceTime: Limits{P50: 53 * time.Millisecond}}), Fail, "ServiceTime.P50", "at least")
}

// TestVerdictText has each kind of reason once, as people read it.
func TestVerdictText(t *testing.T) {
	b := Budget{
		Connect:     Limits{P99: time.Millisecond},
		Latency:     Limits{P50: time.Millisecond, P99: 20 * time.Millisecond, Max: 5 * time.Second},
		ServiceTime: Limits{P999: 100 * time.Microsecond}, RSSPerConn: 10_000, CPUPerRequest: time.Millisecond,
	}
	cpu := serverReport()
	var all strings.Builder
	for _, v := range []Verdict{
		healthyReport().Judge(b), failingReport().Judge(b), cancelledReport().Judge(b), lossy(9, engine.OpenExhaustion).Judge(b),
		cpu.Judge(Budget{RSSPerConn: 9_999, CPUPerRequest: 99 * time.Microsecond}), cpu.Judge(Budget{Held: 5000, Latency: Limits{Max: -1}}),
	} {
		all.WriteString(v.String() + "\n\n")
		require.NotContains(t, v.String(), "%!")
	}
	golden.Want(t, "verdicts", all.String())
}
