package loadtest

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"example.com/holdfast/internal/engine"
)

// kinds returns the kinds of a report's warnings, in order.
func kinds(r *Report) []string {
	got := []string{}
	for _, w := range r.Warnings {
		got = append(got, w.Kind)
	}
	return got
}

func TestWarningKinds(t *testing.T) {
	require.Empty(t, kinds(healthyReport()))
	require.Equal(t, []string{WarnSlowConnects, WarnUnsent, WarnLate, WarnSlowAnswers, WarnListenOverflows, WarnRetransmissions}, kinds(failingReport()))

	in := sampleInput()
	in.result.Requests.HoldDue, in.result.Requests.HoldSent = 1400, 1400 // of some 1900 in 30 s
	in.result.ServiceTime = histOf(1986, 0, time.Second)
	in.result.ServiceTime.Record(-1)
	require.Equal(t, []string{WarnSlowed, WarnClamped}, kinds(reportOf(in)))
}

// Why a connect is slow is known, if at all, only where it is a SYN and nothing else.
func TestSlowConnectsClaimsOnlyWhatIsKnown(t *testing.T) {
	const took = "1 conn took 0.9 s or longer to connect"
	const plain = took + ", as when the accept queue is full or a SYN is lost: ramp more slowly, or raise the server's backlog"
	tests := map[string]struct {
		change func(*reportInput)
		want   string
	}{
		"TCP": {func(*reportInput) {}, plain},
		"SYN sent again": {func(in *reportInput) { in.result.Slow = engine.Slow{Connects: 1, ConnectsRetransmitted: 1} },
			took + ", 1 of them because the accept queue was full or a packet lost, and the SYN sent again: ramp more slowly, or " +
				"raise the server's backlog"},
		"no SYN sent again": {func(in *reportInput) { in.result.Slow = engine.Slow{Connects: 1} },
			took + ", though no SYN had to be sent again: this machine was too busy, or the way is long"},
		"TLS":    {func(in *reportInput) { in.target = "https://127.0.0.1/" }, took + ", TLS handshake included"},
		"dialer": {func(in *reportInput) { in.plan.Target = engine.Target{} }, took},
		"unix":   {func(in *reportInput) { in.plan.Target = engine.Target{Unix: "/s"} }, took},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			in := sampleInput()
			in.result.Connect = histOf(999, time.Millisecond, time.Millisecond)
			in.result.Connect.Record(slowConnect)
			test.change(&in)
			want := []Warning{{Kind: WarnSlowConnects, Value: 1, Text: test.want}}
			if diff := cmp.Diff(want, reportOf(in).Warnings); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
		})
	}
}

// Without a hold there is no rate, hence none to report or to warn of, and nothing is divided by it.
func TestNoRateWithoutHold(t *testing.T) {
	in := sampleInput()
	in.plan.Hold, in.result.HoldEnd = 0, in.result.RampEnd
	in.result.Requests.HoldDue, in.result.Requests.HoldSent = 0, 0
	r := reportOf(in)
	require.Empty(t, kinds(r))
	require.Zero(t, r.Load.Offered)
	require.NotContains(t, r.String(), "\nrate ")
	require.Contains(t, r.String(), "then no hold;")
	_, err := json.Marshal(r) // fails for NaN and infinities
	require.NoError(t, err)

	require.Contains(t, healthyReport().String(), "\nrate ")
}

// A hold in which nothing fell due, or a cadence without a rate, is nothing to warn of; nor is a report of nothing.
func TestNoWarningFromNothing(t *testing.T) {
	in := sampleInput()
	in.plan.Cadence = engine.Cadence{Kind: engine.Silent}
	in.result.Requests.HoldDue, in.result.Requests.HoldSent = 0, 0
	r := reportOf(in)
	require.Empty(t, kinds(r))
	require.Equal(t, Load{}, r.Load)
	require.Contains(t, r.String(), "rate         0 requests/s in hold\n")
	require.Equal(t, []Warning{}, warningsOf(&Report{}))

	in = reportInput{plan: in.plan, result: nothingDone(in.plan), before: unknownSnapshot(), after: unknownSnapshot()}
	r = reportOf(in)
	require.Empty(t, kinds(r))
	_, err := json.Marshal(r)
	require.NoError(t, err)
}

func unknownSnapshot() usageSnapshot {
	return usageSnapshot{user: -1, sys: -1, cpu: -1, rss: -1, peak: -1}
}

// What a slow dialer of the author's own does is not laid at the server's door.
func TestRunWithASlowDialer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := Serve(t, "memory", serveHTTP(http.HandlerFunc(ok)))
		slow := func(ctx context.Context, _, _ string) (net.Conn, error) {
			time.Sleep(slowConnect)
			return s.target().dial(ctx)
		}
		r, err := Run(t.Context(), Config{URL: "http://localhost/", Connections: 2, DialContext: slow})
		require.NoError(t, err)
		require.EqualValues(t, 2, r.Conns.Held)
		require.Equal(t, "2 conns took 0.9 s or longer to connect", r.Warnings[0].Text)
	})
}
