package gate

import (
	"cmp"
	"fmt"
	"math"
	"strings"
	"unicode"

	"example.com/holdfast/internal/lines"
)

// markdown is the result for the summary of a job, on GitHub and GitLab. What others wrote, such as titles of commits and
// what processes print, is in code alone, in which neither makes links, mentions or markup of anything.
func (r *result) markdown() string {
	var d document
	d.put("## %s gate: %s\n\n", marks[r.Outcome], plain(string(r.Outcome)))
	d.put("%s %s\n\n", code(r.Test), code(r.headline()))
	d.revision("base", r.Base)
	d.revision("head", r.Head)
	d.put("\n")
	d.metrics(r.Metrics)
	d.evidence(r.Metrics)
	if again := r.again(); again != "" {
		d.put("To compare again:\n\n")
		d.block("sh", again)
	}
	d.details(r)
	return d.b.String()
}

// marks are for who looks at a page of many headings.
var marks = map[outcome]string{same: "✅", better: "✅", worse: "❌", unknown: "❔", isNew: "🆕"}

// A document is Markdown. What is put into it is ours, or went through code or plain.
type document struct{ b strings.Builder }

func (d *document) put(format string, args ...any) { fmt.Fprintf(&d.b, format, args...) }

func (d *document) revision(label string, v revision) {
	if text := v.String(); text != "" {
		d.put("- %s: %s\n", label, code(text))
	}
}

func (d *document) metrics(all []metric) {
	if len(all) == 0 {
		return
	}
	d.put("| metric | base | head | change | outcome |\n|:--|--:|--:|--:|:--|\n")
	for _, m := range all {
		base, head := m.values()
		outcome := plain(string(m.Outcome))
		if m.Outcome == worse {
			outcome = "**" + outcome + "**"
		}
		d.put("| %s | %s | %s | %s | %s |\n", plain(inLine(m.Name)), base, head, m.change(), outcome)
	}
	d.put("\n")
}

func (d *document) evidence(all []metric) {
	some := false
	for _, m := range all {
		if text := m.evidence(); text != "" {
			d.put("- %s: %s\n", plain(inLine(m.Name)), code(text))
			some = true
		}
	}
	if some {
		d.put("\n")
	}
}

// details is what is looked at when the table was not enough.
func (d *document) details(r *result) {
	var text strings.Builder
	for _, row := range [][2]string{{"with", r.setup()}, {"on", r.machine()}, {"noise", r.noise()}} {
		if row[1] != "" {
			text.WriteString(lines.Labelled(row[0], labelWidth, row[1]))
		}
	}
	for _, note := range r.Notes {
		text.WriteString(lines.Labelled("note", labelWidth, lines.Printable(note)))
	}
	if text.Len() > 0 {
		d.open("How it was measured")
		d.block("text", text.String())
		d.close()
	}
	if len(r.First)+len(r.Confirming)+len(r.Discarded) > 0 {
		d.open("All pairs")
		d.pairs(r)
		d.close()
	}
	d.rules(r.Metrics)
}

func (d *document) open(summary string) { d.put("<details><summary>%s</summary>\n\n", summary) }

func (d *document) close() { d.put("</details>\n\n") }

// pairs has what each said, to see whether one decided it all. The ratio is the one that is judged: its logarithm.
func (d *document) pairs(r *result) {
	d.put("| pair | part | CPU per request, base | head | ln(head ÷ base) |\n|--:|:--|--:|--:|--:|\n")
	for _, of := range []struct {
		part string
		all  []pair
	}{{"first", r.First}, {"to confirm", r.Confirming}, {"does not count", r.Discarded}} {
		for _, p := range of.all {
			part, ratio := of.part, "-"
			if p.Disturbed != "" {
				part += ": " + inLine(p.Disturbed)
			}
			if v := logRatioOf(p); !math.IsNaN(v) && !math.IsInf(v, 0) {
				ratio = fmt.Sprintf("%+.4f", v)
			}
			d.put("| %d | %s | %s | %s | %s |\n", p.Number, plain(part), nanoseconds(p.Base.perRequest()),
				nanoseconds(p.Head.perRequest()), ratio)
		}
	}
	d.put("\n")
}

func (d *document) rules(all []metric) {
	if len(all) == 0 {
		return
	}
	d.open("How each metric is judged")
	for _, m := range all {
		d.put("- %s: %s\n", plain(inLine(m.Name)), code(cmp.Or(m.Rule, "it is shown, and not judged")))
	}
	d.put("\n")
	d.close()
}

// block is text of any lines, whatever is in it.
func (d *document) block(language, text string) {
	fence := fenceFor(text, 3)
	d.put("%s%s\n%s\n%s\n\n", fence, language, strings.TrimSuffix(text, "\n"), fence)
}

// code is text in one line, whatever is in it: between more backticks than it has in a row. It is not for tables, whose cells
// end at a | in code too.
func code(s string) string {
	if s = strings.Join(strings.Fields(lines.Printable(s)), " "); s == "" {
		return ""
	}
	fence := fenceFor(s, 1)
	return fence + " " + s + " " + fence // one blank on each side belongs to the fence
}

// fenceFor returns more backticks than s has in a row, and at least so many.
func fenceFor(s string, least int) string {
	run := 0
	for _, c := range s {
		if run++; c != '`' {
			run = 0
		}
		least = max(least, run+1)
	}
	return strings.Repeat("`", least)
}

const unseen = "\u2060" // a word joiner

// plain is text of our own, such as names of metrics, that reads better than code, whatever is in it. A backslash makes each
// character that could be markup itself. Platforms look for mentions and addresses when all markup is done: a character that
// nobody sees, after what they look for, hides those.
func plain(s string) string {
	var b strings.Builder
	for _, c := range lines.Printable(s) {
		if c < unicode.MaxASCII && (unicode.IsPunct(c) || unicode.IsSymbol(c)) {
			b.WriteByte('\\')
		}
		b.WriteRune(c)
		if strings.ContainsRune("@#!~%$&:", c) {
			b.WriteString(unseen)
		}
	}
	return strings.ReplaceAll(b.String(), "www", "www"+unseen)
}
