package loadtest

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestReportsThatAreLawful(t *testing.T) {
	require.NoError(t, healthyReport().laws())
	require.NoError(t, failingReport().laws())
	require.NoError(t, cancelledReport().laws())
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range 60 {
		require.NoError(t, randomReport(rng).laws(), "random report %d", i)
	}
}

// Counts that no equation holds fast, only bounds.
var bounded = []string{"Served", "Held", "Reopened", "Interim", "HoldDue", "HoldSent"}

func TestOneTooManyOrTooFewIsCaught(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 15 {
		r := randomReport(rng)
		tried := 0
		for _, ledger := range []any{&r.Conns, &r.Requests} {
			v := reflect.ValueOf(ledger).Elem()
			for i := range v.NumField() {
				name, field := v.Type().Field(i).Name, v.Field(i)
				if slices.Contains(bounded, name) {
					continue
				}
				if field.Kind() == reflect.Array {
					field = field.Index(rng.IntN(field.Len()))
				}
				tried++
				for _, by := range []int64{1, -1} {
					was := field.Int()
					field.SetInt(was + by)
					err := r.laws()
					field.SetInt(was)
					require.ErrorContains(t, err, name, "%s %+d", name, by)
				}
			}
		}
		require.Equal(t, 12+10, tried)
		require.NoError(t, r.laws(), "after each change was undone")
	}
}

func TestEachBoundIsALaw(t *testing.T) {
	tests := []struct {
		law    string
		breaks func(r *Report)
	}{
		{"Conns.EverEstablished ≥ Served", func(r *Report) { r.Conns.Served = r.Conns.EverEstablished + 1 }},
		{"Served ≥ Held", func(r *Report) { r.Conns.Held = r.Conns.Served + 1 }},
		{"Conns.OpenAtEnd ≥ Held", func(r *Report) { r.Conns.Held = r.Conns.OpenAtEnd + 1 }},
		{"Conns.Connected ≥ EverEstablished", func(r *Report) { r.Conns.EverEstablished = r.Conns.Connected + 1 }},
		{"ConnectAbandoned ≥ NeverEstablished", func(r *Report) { r.Conns.NeverEstablished = 1000 }},
		{"Requests.Answered ≥ Unwanted", func(r *Report) { r.Requests.Unwanted = r.Requests.Answered + 1 }},
		{"Requests.Unwanted = Unwanted, all counts", func(r *Report) { r.Unwanted[1].Count++ }},
		{"Conns.Reattempts ≥ Reopened", func(r *Report) { r.Conns.Reopened = r.Conns.Reattempts + 1 }},
		{"Reopened ≥ Recovered", func(r *Report) { r.Conns.Recovered = r.Conns.Reopened + 1 }},
		{"Conns.Attempts = Requested + −NotAttempted + Reattempts", func(r *Report) { r.Conns.Reattempts++ }},
		{"Recovery.Count", func(r *Report) { r.Recovery = Distribution{} }},
		{"Hazard.Reached ≥ Closes", func(r *Report) { r.Hazard[1].Closes++ }},
		{"Conns.Dropped ≥ Hazard, all closes", func(r *Report) { r.Hazard[0].Closes = 1000 }},
		{"Requests.Due ≥ HoldDue", func(r *Report) { r.Requests.HoldDue = r.Requests.Due + 1 }},
		{"HoldDue ≥ HoldSent", func(r *Report) { r.Requests.HoldSent = r.Requests.HoldDue + 1 }},
		{"Requests.Interim ≥ 0", func(r *Report) { r.Requests.Interim = -1 }},
		{"Requests.Status[3] ≥ 0", func(r *Report) { r.Requests.Status[3]-- }},
		{"Connect.Count", func(r *Report) { r.Connect.h.Record(1) }},
		{"Latency.Count", func(r *Report) { r.Latency.h.Record(1) }},
		{"Latency.Censored", func(r *Report) { r.Latency.h.Censored++ }},
		{"ServiceTime.Count", func(r *Report) { r.ServiceTime = Distribution{} }},
		{"Lag.Count", func(r *Report) { r.Lag = Distribution{histOf(1, 0, time.Second)} }},
		{"Hold.Latency.Count = Hold.ServiceTime.Count", func(r *Report) { r.Hold.Latency.h.Record(1) }},
		{"Hold.ServiceTime.Count ≥ Hold.Clean.Count", func(r *Report) { r.Hold.Clean = Distribution{histOf(1741, 0, 1)} }},
		{"Hold.Latency.Count + Hold.Sure.Unanswered", func(r *Report) { r.Hold.Sure.Unanswered = 61 }},
		{"Hold.CleanConnect.Count", func(r *Report) { r.Hold.CleanConnect = Distribution{histOf(1006, 0, 1)} }},
		{"Hold.Sure.Losses", func(r *Report) { r.Hold.Sure.Losses = 104 }},
		{"Hold.Sure.Losses ≥ Hold.Sure.NotHeld", func(r *Report) { r.Hold.Sure.NotHeld = 12 }},
		{"Conns.Requested − Held ≥ Hold.Sure.NotHeld", func(r *Report) { r.Conns.Held = 992 }},
		{"Hold.Sure.Unconnected", func(r *Report) { r.Hold.Sure.Unconnected = 26 }},
		{"Requests, failed ≥ Hold.Sure.Failed", func(r *Report) { r.Hold.Sure.Failed = 90 }},
		{"Hold.Sure.Failed ≥ Hold.Sure.Unanswered", func(r *Report) { r.Hold.Sure.Unanswered = 29 }},
		{"ServerUse.CPU ≥ Hold.Sure.CPU", func(r *Report) { r.Hold.Sure.CPU = 1 }},
		{"Hold.Sure.Losses ≥ 0", func(r *Report) { r.Hold.Sure.Losses = -1 }},
		{"ClientWait.Count", func(r *Report) { r.ClientWait.h.Record(1) }},
		{"Drops of conns", func(r *Report) { r.Drops[0].Count++ }},
		{"Drops of attempts that failed", func(r *Report) { r.Drops[1].Count-- }},
		{"Drops of attempts abandoned", func(r *Report) { r.Drops = append(r.Drops, dropOf(abandoned(1))) }},
		{"a cause that is none", func(r *Report) { r.Drops[0].Cause = "bad luck" }},
		{"count of closed while idle ≥ one", func(r *Report) { r.Drops[2].Count = 0 }},
	}
	for _, test := range tests {
		t.Run(test.law, func(t *testing.T) {
			r := failingReport()
			test.breaks(r)
			require.ErrorContains(t, r.laws(), test.law)
		})
	}
}

func TestBrokenLawsAreAllTold(t *testing.T) {
	r := healthyReport()
	r.Conns.Requested, r.Requests.Unsent, r.Requests.Interim = 999, 2, -1
	err := r.laws()
	require.Error(t, err)
	lines := strings.Split(err.Error(), "\n\t")
	require.Equal(t, []string{
		"loadtest: the report contradicts itself; this is a bug of loadtest, not of the server: please report it, " +
			"with seed 9223372036854775833, and these:",
		"Conns.Requested = NotAttempted + NeverEstablished + EverEstablished, but 999 ≠ 0 + 0 + 1000",
		"Conns.Attempts = Requested + −NotAttempted + Reattempts, but 1000 ≠ 999 + 0 + 0",
		"Requests.Interim ≥ 0, but it is -1",
		"Requests.Due = Sent + Unsent, but 1987 ≠ 1987 + 2",
		"Conns.Requested − Held ≥ Hold.Sure.NotHeld, but -1 < 0",
	}, lines)
}
