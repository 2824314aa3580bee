package loadtest

import (
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"
)

// Pages to test with, and how to read them.

func pageOf(t testing.TB, r *Report) string {
	t.Helper()
	var b strings.Builder
	require.NoError(t, r.WriteHTML(&b))
	return b.String()
}

// parsed demands that each tag is closed where it was opened, but for those that never are and the cells and rows of the
// timeline, and returns the tree.
func parsed(t testing.TB, page string) *html.Node {
	t.Helper()
	optional := map[string]bool{"tr": true, "td": true}
	void := map[string]bool{"meta": true, "link": true}
	var open []string
	z := html.NewTokenizer(strings.NewReader(page))
	for z.Next() != html.ErrorToken {
		token := z.Token()
		switch token.Type {
		case html.StartTagToken:
			if !void[token.Data] {
				open = append(open, token.Data)
			}
		case html.EndTagToken:
			for optional[open[len(open)-1]] && open[len(open)-1] != token.Data {
				open = open[:len(open)-1]
			}
			require.Equal(t, open[len(open)-1], token.Data, "closed, of %v", open)
			open = open[:len(open)-1]
		}
	}
	require.ErrorIs(t, z.Err(), io.EOF)
	require.Empty(t, open, "left open")
	tree, err := html.Parse(strings.NewReader(page))
	require.NoError(t, err)
	return tree
}

func attribute(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

// elements returns those with a name; "": all.
func elements(tree *html.Node, name string) (all []*html.Node) {
	for n := range tree.Descendants() {
		if n.Type == html.ElementNode && (name == "" || n.Data == name) {
			all = append(all, n)
		}
	}
	return all
}

func textOf(n *html.Node) string {
	var b strings.Builder
	for of := range n.Descendants() {
		if of.Type == html.TextNode {
			b.WriteString(of.Data)
		}
	}
	return b.String()
}

// chartOf returns a chart with all that stands around it.
func chartOf(t testing.TB, r *Report, id string) *html.Node {
	t.Helper()
	for _, n := range elements(parsed(t, pageOf(t, r)), "figure") {
		if attribute(n, "id") == "chart-"+id {
			return n
		}
	}
	t.Fatalf("there is no chart %s", id)
	return nil
}

// pathsOf returns what is drawn with a class.
func pathsOf(tree *html.Node, class string) (all string) {
	for _, n := range elements(tree, "path") {
		if attribute(n, "class") == class {
			all += attribute(n, "d") + "\n"
		}
	}
	return all
}

func cells(row *html.Node) (all []*html.Node) {
	for n := range row.ChildNodes() {
		if n.Data == "td" || n.Data == "th" {
			all = append(all, n)
		}
	}
	return all
}

// judged are reports with all outcomes, and one that nobody judged.
func judged() map[string]*Report {
	all := map[string]*Report{
		"healthy": healthyReport(), "failing": failingReport(), "cancelled": cancelledReport(), "tree": treeReport(),
		"leaking": leakingReport(),
		"zero":    {}, "long": longReport(600, 10_000),
	}
	for name, b := range map[string]Budget{
		"healthy": {Latency: Limits{P99: 20 * time.Millisecond}},
		"failing": {Connect: Limits{P50: 50 * time.Microsecond}, Latency: Limits{P50: 5 * time.Second, P99: time.Second}},
		"tree":    {RSSPerConn: 1 << 30},
		"leaking": {LeakRounds: 3},
	} {
		v := all[name].Judge(b)
		all[name].Verdict = &v
	}
	return all
}

// longReport is of a second each for so long, at so many conns, with losses in the middle.
func longReport(seconds int, conns int64) *Report {
	r := failingReport()
	r.Conns.Requested = conns
	rng := rand.New(rand.NewPCG(1, 2))
	r.Timeline = nil
	for i := range seconds {
		s := Sample{At: time.Duration(i+1) * time.Second, Phase: "hold", Sent: 520 + rng.Int64N(60), Clean: rng.IntN(20) > 0}
		s.Open, s.Connected = min(conns, int64(i+1)*1000), max(0, min(1000, conns-int64(i)*1000))
		s.Answered = s.Sent - rng.Int64N(3)
		if i > seconds/6 && i < seconds/5 {
			s.Dropped, s.Failed = rng.Int64N(40), rng.Int64N(5)
			s.Open -= s.Dropped
		}
		s.LatencyP50 = time.Duration(180_000 + rng.Int64N(90_000))
		s.LatencyP99 = 4*s.LatencyP50 + time.Duration(rng.Int64N(2e6))
		s.LatencyMax = s.LatencyP99 * 3
		s.LagMax = time.Duration(rng.Int64N(8e6))
		s.Late = s.LagMax + time.Duration(rng.Int64N(8e6))
		s.Host = Host{Busy: 0.3 + rng.Float64()/10, Foreign: rng.Float64() / 10, Steal: rng.Float64() / 100}
		r.Timeline = append(r.Timeline, s)
	}
	r.Phases = Phases{Ramp: 10 * time.Second, Hold: time.Duration(seconds-12) * time.Second, Sweep: time.Second, Drain: time.Second,
		Ended: "drain", Complete: true}
	return r
}
