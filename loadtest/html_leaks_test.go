package loadtest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"
)

// sectionOf returns the text of a section in lines of cells; "" if there is none.
func sectionOf(t *testing.T, r *Report, id string) string {
	t.Helper()
	for _, section := range elements(parsed(t, pageOf(t, r)), "section") {
		if attribute(section, "id") != id {
			continue
		}
		var lines []string
		for _, n := range elements(section, "") {
			switch n.Data {
			case "tr":
				lines = append(lines, strings.Join(texts(cells(n)), "|"))
			case "p", "li":
				lines = append(lines, textOf(n))
			}
		}
		return strings.Join(lines, "\n")
	}
	return ""
}

func texts(all []*html.Node) (out []string) {
	for _, n := range all {
		out = append(out, textOf(n))
	}
	return out
}

// TestPageHasTheLeaks: each round, what the last left, and what holds it.
func TestPageHasTheLeaks(t *testing.T) {
	require.Equal(t, `In each round 300 conns were opened and closed.
|heap|stacks|goroutines|descriptors
round 1|2.00MiB|600KiB|9|8
round 2|2.15MiB|600KiB|9|8
round 3|2.25MiB|1.76MiB|309|9
the last left more, for each conn|345B|4.00KiB|1|0.00333
What stayed in the last round:
goroutines: 300 in app.(*hub).watch < net/http.(*conn).serve
heap: 340B for each conn from app.(*hub).add`, sectionOf(t, leakingReport(), "leaks"))
	r := healthyReport()
	require.Empty(t, sectionOf(t, r, "leaks"))
	r.Leaks = &Leaks{Conns: 9, Cut: "3 of 9 conns were lost"}
	require.Equal(t, "In each round 9 conns were opened and closed.\nThere were no more rounds: 3 of 9 conns were lost.",
		sectionOf(t, r, "leaks"))
	r.Leaks.Rounds = []Resources{{5, 5, 5, -1}, {5, 5, 5, -1}}
	require.Contains(t, sectionOf(t, r, "leaks"), "for each conn|0B|0B|0|unknown")
}

// TestPageHasWhatAConnCosts: as the table for people has it.
func TestPageHasWhatAConnCosts(t *testing.T) {
	r := healthyReport()
	r.Fixture = nil
	r.ServerUse = r.Generator
	r.ServerUse.Before, r.ServerUse.Hold = Resources{9, 50_000, 3, 7}, Resources{9 + 8192_000, 0, 1003, 1507}
	text := sectionOf(t, r, "surroundings")
	require.Contains(t, text, "\nheap per conn|8.00KiB\nstack per conn|-50B\ngoroutines per conn|1.00\ndescriptors per conn|1.50")
	require.Equal(t, 1, strings.Count(text, "heap per conn"), "the generator's is unknown")
	require.Contains(t, r.String(), "per conn: heap 8.00KiB, stack -50B, 1.00 goroutines, 1.50 descriptors")

	r.Generator, r.ServerUse, r.Fixture = r.ServerUse, unknownUsage(), &FixtureCounts{}
	require.Contains(t, sectionOf(t, r, "surroundings"), "\nheap per conn, of both ends|8.00KiB\n")
}
