package loadtest

import (
	"bufio"
	"fmt"
	"html"
	"strings"
	"time"
	"unicode"
)

// A page writes HTML. What it writes to keeps its first error and takes nothing after it, so that only the end has to ask.
type page struct{ *bufio.Writer }

// markup is HTML that we wrote ourselves. All other text is foreign, until [escape] has seen it.
type markup string

// put writes format, in which each argument that is neither a number nor markup is escaped: what comes from a server or
// a config cannot forget to be.
func (p page) put(format string, args ...any) { fmt.Fprint(p, string(mark(format, args...))) }

// mark is put for what goes into other markup.
func mark(format string, args ...any) markup {
	safe := make([]any, len(args))
	for i, a := range args {
		switch v := a.(type) {
		case markup, int, int64, uint64, float64, bool:
			safe[i] = v
		case time.Duration:
			safe[i] = int64(v) // for programs: for people there is threeDigits
		default:
			safe[i] = escape(fmt.Sprint(v))
		}
	}
	return markup(fmt.Sprintf(format, safe...))
}

// escape makes text safe in an element and in a quoted attribute, and shows what would not be seen, or would turn the text
// around, as a replacement character.
func escape(s string) string {
	return html.EscapeString(strings.Map(func(c rune) rune {
		if c == '\n' || unicode.IsGraphic(c) {
			return c
		}
		return unicode.ReplacementChar
	}, strings.ToValidUTF8(s, "\uFFFD")))
}

// datum is a number as people read it, with the number itself and its place in the JSON, for programs.
func datum(key string, value any, text string) markup {
	return mark(`<data value="%v" data-key="%s">%s</data>`, value, key, text)
}

func countDatum(key string, n int64) markup { return datum(key, n, known(n)) }

func durationDatum(key string, d time.Duration) markup { return datum(key, d, knownDuration(d)) }

func sizeDatum(key string, n int64) markup { return datum(key, n, size(n)) }

func shareDatum(key string, v float64) markup { return datum(key, v, knownShare(v)) }

func knownDuration(d time.Duration) string {
	if d < 0 {
		return "unknown"
	}
	return threeDigits(d)
}

func knownShare(v float64) string {
	if v < 0 {
		return "unknown"
	}
	return percent(v)
}

// A field is a line of a table of two columns.
type field struct {
	label string
	value markup
	part  bool // of the line above that is none
}

// fields writes a table of two columns.
func (p page) fields(caption string, all []field) {
	p.put(`<table class="fields"><caption>%s</caption><tbody>`, caption)
	for _, f := range all {
		class := markup("")
		if f.part {
			class = ` class="part"`
		}
		p.put("\n<tr%s><th scope=\"row\">%s</th><td>%s</td></tr>", class, f.label, f.value)
	}
	p.put("</tbody></table>\n")
}

// columns begins a table with a header, which is as wide as it needs and scrolls where the page is narrower.
func (p page) columns(caption, class string, names ...string) {
	p.put(`<div class="wide" tabindex="0" role="region" aria-label="%s"><table class="%s"><caption>%s</caption><thead><tr>`,
		caption, class, caption)
	for _, name := range names {
		p.put(`<th scope="col">%s</th>`, name)
	}
	p.put("</tr></thead><tbody>\n")
}

func (p page) endColumns() { p.put("</tbody></table></div>\n") }
