package loadtest

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"
)

var chartIDs = []string{"chart-conns", "chart-rate", "chart-percentiles", "chart-latency", "chart-drops", "chart-hazard",
	"chart-lateness", "chart-host"}

// TestPageIsWhole: each report has all charts and sections, drawn or in words, and no identity twice.
func TestPageIsWhole(t *testing.T) {
	for name, r := range judged() {
		page := pageOf(t, r)
		for _, wrong := range []string{"%!", "NaN", "Inf", "password", "<script", ">-1<", ">-1ns<", "=\"-1\">-"} {
			require.NotContains(t, page, wrong, name)
		}
		tree := parsed(t, page)
		seen := map[string]*html.Node{}
		for _, n := range elements(tree, "") {
			if id := attribute(n, "id"); id != "" {
				require.NotContains(t, seen, id, name)
				seen[id] = n
			}
		}
		for _, n := range elements(tree, "svg") {
			for _, id := range strings.Fields(attribute(n, "aria-labelledby")) {
				require.NotEmpty(t, textOf(seen[id]), "%s: %s", name, id)
			}
		}
		for _, id := range chartIDs {
			require.Contains(t, seen, id, name)
			drawn := len(elements(seen[id], "path")) > 0
			text := textOf(seen[id])
			inWords := strings.Contains(text, "none: ") || strings.Contains(text, "unknown: ")
			require.NotEqual(t, drawn, inWords, "%s, %s is drawn or says why not", name, id)
		}
		for _, id := range []string{"outcome", "budget", "drops", "warnings", "surroundings", "config"} {
			require.Contains(t, seen, id, name)
		}
	}
}

// TestPageSaysTheVerdictFirst: the outcome, the headline, and each line of the budget with its readings.
func TestPageSaysTheVerdictFirst(t *testing.T) {
	outcomes := map[string]string{"healthy": "pass", "failing": "fail", "tree": "invalid", "leaking": "fail", "zero": "not judged", "cancelled": "not judged"}
	for name, want := range outcomes {
		r := judged()[name]
		page := pageOf(t, r)
		tree := parsed(t, page)
		body := elements(tree, "body")[0]
		require.Equal(t, want, strings.TrimLeft(textOf(elements(body, "p")[0]), "✓✕?– "), name)
		require.Equal(t, headlineText(r), textOf(elements(tree, "h1")[0]), name)
		require.Equal(t, want+": "+headlineText(r), textOf(elements(tree, "title")[0]), name)
		if r.Verdict == nil {
			require.Contains(t, page, "nobody held this run against a budget", name)
			continue
		}
		var rows []string
		for _, row := range elements(elements(tree, "table")[0], "tr")[1:] {
			var cells []string
			for _, cell := range append(elements(row, "th"), elements(row, "td")[1:]...) {
				cells = append(cells, textOf(cell))
			}
			if len(cells) == 4 {
				rows = append(rows, strings.Join(cells, "|"))
			}
		}
		var lines []string
		for _, reasons := range [][]Reason{r.Verdict.Broken, r.Verdict.Invalid, r.Verdict.Met} {
			for _, of := range reasons {
				line := strings.Join([]string{of.Line, of.Limit, of.Optimistic, of.Pessimistic}, "|")
				line = strings.ReplaceAll(strings.ReplaceAll(line, "||", "|–|"), "||", "|–|")
				if strings.HasSuffix(line, "|") {
					line += "–"
				}
				lines = append(lines, line)
			}
		}
		require.Equal(t, lines, rows, name)
	}
}

func TestPageStaysSmall(t *testing.T) {
	tenMinutes := len(pageOf(t, longReport(600, 10_000)))
	require.Less(t, tenMinutes, 300<<10)
	hours := pageOf(t, longReport(12*3600, 10_000))
	require.Less(t, len(hours), 500_000)
	require.Contains(t, hours, "Each point stands for 48 seconds: counts are their sums")
}

// TestPageEscapes: what comes from a server, a config or a file is shown, and is no markup.
func TestPageEscapes(t *testing.T) {
	const hostile = "<script>alert(1)</script>\"'&amp;<b onclick=x>\x00\x1b[31m\xff\u202e</svg></style>"
	r := failingReport()
	r.Config.URL, r.Config.Method, r.Config.UnixSocket, r.Config.Cadence = hostile, hostile, hostile, hostile
	r.Config.Network, r.Config.Driver = hostile, hostile
	r.Config.HeaderNames = []string{hostile}
	r.Config.LocalAddrs = []netip.Addr{netip.MustParseAddr("::1%<script>")}
	r.Environment = Environment{Go: hostile, OS: hostile, Arch: hostile, Kernel: hostile, Governor: hostile, Version: hostile}
	r.Phases.Ended = hostile
	r.Timeline[0].Phase = hostile
	r.Generator.Of, r.ServerUse.Of = hostile, hostile
	for i := range r.Drops {
		d := &r.Drops[i]
		d.Cause, d.Errno, d.Rule, d.Phase, d.Sample.Detail = Cause(hostile), hostile, hostile, hostile, hostile
	}
	for i := range r.Warnings {
		r.Warnings[i].Text = hostile
	}
	r.Processes = []Process{{Died: hostile}}
	r.Leaks = &Leaks{Stayed: []string{hostile}, Cut: hostile}
	reason := []Reason{{Line: hostile, Limit: hostile, Optimistic: hostile, Pessimistic: hostile, Text: hostile}}
	r.Verdict = &Verdict{Outcome: hostile, Broken: reason, Invalid: reason, Met: reason}
	page := pageOf(t, r)
	tree := parsed(t, page)
	for _, n := range elements(tree, "") {
		require.NotContains(t, []string{"script", "b onclick"}, n.Data)
		for _, a := range n.Attr {
			require.False(t, strings.HasPrefix(a.Key, "on"), "%s of %s", a.Key, n.Data)
		}
	}
	require.Len(t, elements(tree, "b"), 5, "ours")
	require.Len(t, elements(tree, "svg"), 8, "ours")
	require.NotRegexp(t, regexp.MustCompile("[\x00-\x09\x0b-\x1f\u202e]"), page)
	require.Contains(t, page, "&lt;script&gt;alert(1)&lt;/script&gt;&#34;&#39;&amp;amp;")
}

// TestAnyReportHasAPage: nothing that a report can be makes a page that is not one.
func TestAnyReportHasAPage(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 30 {
		parsed(t, pageOf(t, randomReport(rng)))
	}
	wild := failingReport()
	for _, at := range []time.Duration{-1, 0, 1 << 62, -1 << 62} {
		for _, n := range []int64{-1, 0, 1 << 62} {
			wild.Timeline = []Sample{{At: at, Open: n, Sent: n, Dropped: n, LatencyMax: at, LagMax: at, Late: at}, {}, {At: at}}
			wild.Phases.Hold, wild.Conns.Requested = at, n
			wild.Hazard = []HazardBin{{From: at, To: at, Reached: n, AtRisk: at, Closes: n}}
			wild.Drops[0].Count = n
			page := pageOf(t, wild)
			parsed(t, page)
			require.NotContains(t, page, "NaN")
		}
	}
}

type fullDisk struct{ room int }

var errFull = errors.New("no space left")

func (d *fullDisk) Write(p []byte) (int, error) {
	if d.room -= len(p); d.room < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestPageOntoAFullDisk(t *testing.T) {
	for _, room := range []int{0, 10_000} {
		err := failingReport().WriteHTML(&fullDisk{room})
		require.ErrorIs(t, err, errFull)
		require.ErrorContains(t, err, "writing the report's page: ")
	}
}

// BenchmarkWriteHTML is of ten minutes at 10 000 conns.
func BenchmarkWriteHTML(b *testing.B) {
	r := longReport(600, 10_000)
	for b.Loop() {
		b.SetBytes(int64(len(pageOf(b, r))))
	}
}
