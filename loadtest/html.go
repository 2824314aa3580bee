package loadtest

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"
)

// WriteHTML writes r as one page that needs nothing else: no script, no other file, no network, so that it opens from
// wherever a CI keeps its artifacts. It has the verdict and the lines of the budget first, if r.Verdict is set, then charts
// of what happened when, then all figures. Each figure stands with its exact value and its place in the JSON
// (<data value="…" data-key="conns.held">). A page of ten minutes has some 250 KB; of longer runs it has no more points,
// each for several seconds.
//
// An error is that of w.
func (r *Report) WriteHTML(w io.Writer) error {
	p := page{bufio.NewWriter(w)}
	stretches, each := stretchesOf(r.Timeline)
	p.head(r)
	p.banner(r)
	p.budget(r)
	p.charts(r, drawn(stretches), each)
	p.tables(r, stretches, each)
	p.put("</main>\n</body>\n</html>\n")
	if err := p.Flush(); err != nil {
		return fmt.Errorf("loadtest: writing the report's page: %w", err)
	}
	return nil
}

// noScript forbids what the page does not have, should anything foreign ever get into it.
const noScript = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"

func (p page) head(r *Report) {
	outcome := outcomeOf(r)
	p.put("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n")
	p.put("<meta http-equiv=\"Content-Security-Policy\" content=\"%s\">\n", noScript)
	p.put("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n")
	p.put("<meta name=\"color-scheme\" content=\"light dark\">\n")
	p.put("<title>%s: %s</title>\n", outcome.word, headlineText(r))
	// The tab says it too.
	p.put(`<link rel="icon" href="data:image/svg+xml,%%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 9 9'%%3E`+
		`%%3Ccircle cx='4.5' cy='4.5' r='4' fill='%%23%s'/%%3E%%3C/svg%%3E">`+"\n", outcome.colour)
	p.put("<style>%s</style>\n</head>\n<body class=\"%s\">\n<main>\n", markup(htmlStyle), outcome.class)
}

// An outcomeView is how a verdict looks.
type outcomeView struct{ word, class, sign, colour string }

func outcomeOf(r *Report) outcomeView {
	if r.Verdict == nil {
		return outcomeView{"not judged", "unjudged", "–", "6b7280"}
	}
	switch r.Verdict.Outcome {
	case Pass:
		return outcomeView{"pass", "pass", "✓", "00796b"}
	case Fail:
		return outcomeView{"fail", "fail", "✕", "c62f1a"}
	}
	return outcomeView{string(r.Verdict.Outcome), "invalid", "?", "8a6100"}
}

// banner is what a person in a hurry sees.
func (p page) banner(r *Report) {
	o := outcomeOf(r)
	p.put("<header class=\"banner\">\n")
	p.put("<p class=\"outcome\" id=\"outcome\"><span aria-hidden=\"true\">%s</span> %s</p>\n", o.sign, o.word)
	p.put("<h1>%s</h1>\n<p class=\"target\"><code>%s</code>", headlineText(r), targetText(r.Config))
	if !r.Started.IsZero() {
		p.put(` · <time datetime="%s">%s UTC</time>`, r.Started.Format(time.RFC3339Nano), r.Started.Format("2006-01-02 15:04:05"))
	}
	p.put("</p>\n<p class=\"target\">%s</p>\n</header>\n", planText(r.Config))
}

// budget has the lines of the budget, the gravest first.
func (p page) budget(r *Report) {
	p.put("<section id=\"budget\">\n<h2>Budget</h2>\n")
	switch v := r.Verdict; {
	case v == nil:
		p.put("<p class=\"none\">not judged: nobody held this run against a budget</p>\n")
	case len(v.Broken)+len(v.Invalid)+len(v.Met) == 0:
		p.put("<p class=\"none\">none: the budget demands nothing</p>\n")
	default:
		p.columns("Lines of the budget", "budget", "", "line", "limit", "surely the server’s", "reported")
		p.reasons("broken", "✕ broken", v.Broken)
		p.reasons("undecided", "? undecided", v.Invalid)
		p.reasons("met", "✓ met", v.Met)
		p.endColumns()
	}
	if s := whenText(r); s != "" {
		p.put("<p class=\"when\">%s</p>\n", s)
	}
	p.put("</section>\n")
}

func (p page) reasons(class, outcome string, all []Reason) {
	for _, reason := range all {
		p.put(`<tr class="%s"><td class="outcome">%s</td><th scope="row">%s</th><td>%s</td><td>%s</td><td>%s</td></tr>`+"\n",
			class, outcome, reason.Line, cmp.Or(reason.Limit, "–"), cmp.Or(reason.Optimistic, "–"), cmp.Or(reason.Pessimistic, "–"))
		if class != "met" {
			p.put("<tr class=\"%s why\"><td colspan=\"5\">%s</td></tr>\n", class,
				strings.TrimPrefix(reason.Text, reason.Line+": "))
		}
	}
}

// whenText says when it went wrong.
func whenText(r *Report) (text string) {
	var lost int64
	var first, last time.Duration
	for _, d := range r.Drops {
		if d.Cause == CauseAbandoned {
			continue
		}
		if lost == 0 || d.First < first {
			first = d.First
		}
		lost, last = lost+d.Count, max(last, d.Last)
	}
	if lost > 0 {
		text = fmt.Sprintf("Lost or failed to connect: %d, from %s to %s after the start. ", lost, threeDigits(first),
			threeDigits(last))
	}
	var worst Sample
	for _, s := range r.Timeline {
		if s.LatencyMax > worst.LatencyMax {
			worst = s
		}
	}
	if worst.LatencyMax > 0 {
		text += fmt.Sprintf("The slowest request took %s, and ended in the second up to %s, in %s.", threeDigits(worst.LatencyMax),
			threeDigits(worst.At), worst.Phase)
	}
	return text
}

// charts are those of time side by side with those of what they come to.
func (p page) charts(r *Report, all []stretch, each int) {
	p.put("<section id=\"charts\">\n<h2>What happened when</h2>\n")
	if each > 1 {
		p.put("<p class=\"hint\">Each point stands for %d seconds: counts are their sums, open conns the fewest, durations and "+
			"shares the most that any of them has.</p>\n", each)
	}
	p.put("<div class=\"charts\">\n")
	p.connsChart(r, all, each)
	p.rateChart(r, all)
	p.percentilesChart(r)
	p.latencyChart(r, all)
	p.dropsChart(r)
	p.hazardChart(r)
	p.latenessChart(r, all)
	p.hostChart(r, all)
	p.put("</div>\n</section>\n")
}
