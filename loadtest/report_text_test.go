package loadtest

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"example.com/holdfast/internal/golden"
	"example.com/holdfast/internal/lines"
)

func TestStringGolden(t *testing.T) {
	for name, r := range map[string]*Report{
		"healthy": healthyReport(), "failing": failingReport(), "cancelled": cancelledReport(), "tree": treeReport(),
		"leaking": leakingReport(),
	} {
		got := r.String()
		for line := range strings.Lines(got) {
			line = strings.TrimSuffix(line, "\n")
			require.LessOrEqual(t, utf8.RuneCountInString(line), lines.Width, "%q", line)
			require.Equal(t, strings.TrimRight(line, " "), line)
		}
		require.NotContains(t, got, "password")
		require.NotContains(t, got, "%!")
		golden.Want(t, "report_"+name, got)
	}
	require.LessOrEqual(t, strings.Count(healthyReport().String(), "\n"), 30)
}

// TestLeaksInText: what is not known is not said, and why there was no more is.
func TestLeaksInText(t *testing.T) {
	quiet := Resources{1 << 20, 1 << 19, 9, 8}
	grown := Resources{1<<20 + 3612, 1 << 19, 9, 8}
	for want, l := range map[string]*Leaks{
		"": nil,
		"leaks        3 rounds of 300 conns: the last left 0 goroutines, 0 descriptors, 12B of heap more for each conn\n": {
			Conns: 300, Rounds: []Resources{quiet, quiet, grown}},
		"leaks        2 rounds of 300 conns: the last left 0 goroutines, 0B of heap more for each conn; there were no more: enough\n": {
			Conns: 300, Rounds: []Resources{{5, 5, 5, -1}, {4, 5, 5, -1}}, Cut: "enough"},
		"leaks        1 round of 1 conn; there were no more: 1 of 1 conns were lost\n": {
			Conns: 1, Rounds: []Resources{quiet}, Cut: "1 of 1 conns were lost"},
		"leaks        0 rounds of 7 conns; there were no more: another run\n             a b\n": {
			Conns: 7, Cut: "another run", Stayed: []string{"a\nb"}},
	} {
		var got table
		got.leaks(l)
		require.Equal(t, want, strings.ReplaceAll(got.b.String(), "\n             more", " more"))
	}
}

func TestDurationsInText(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 999: "999ns", -999: "-999ns", 1000: "1.00µs", 9994: "9.99µs", 9996: "10.0µs",
		99949: "99.9µs", 99951: "100µs", 999499: "999µs", 999500: "1.00ms", -1500000: "-1.50ms",
		999499999: "999ms", 999500000: "1.00s", 31238 * time.Millisecond: "31.2s", time.Hour: "3600s",
	} {
		require.Equal(t, want, threeDigits(d), "%d ns", d)
	}
	for d, want := range map[time.Duration]string{
		0: "0s", time.Minute: "1m", time.Hour: "1h", 90 * time.Minute: "1h30m", 61 * time.Second: "1m1s",
		-1: "-1ns", 10 * time.Second: "10s", 10 * time.Minute: "10m", 10 * time.Hour: "10h",
	} {
		require.Equal(t, want, plainDuration(d), "%d ns", d)
	}
}

func TestRatesInText(t *testing.T) {
	for rate, want := range map[float64]string{
		0: "0", 64.516129: "64.52", 60: "60", 999.96: "1000", 1000: "1000", 9730.4: "9730", 1e6: "1000000",
	} {
		require.Equal(t, want, perSecond(rate), "%v per second", rate)
	}
}

func TestSizesInText(t *testing.T) {
	for bytes, want := range map[int64]string{
		-1: "unknown", 0: "0B", 1023: "1023B", 1024: "1.00KiB", 999 << 10: "999KiB", 1000 << 10: "0.98MiB",
		9 << 20: "9.00MiB", 5 << 30: "5.00GiB", 5 << 40: "5120GiB",
	} {
		require.Equal(t, want, size(bytes), "%d bytes", bytes)
	}
}
