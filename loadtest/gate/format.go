package gate

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/perf/benchunit"

	"example.com/holdfast/internal/lines"
)

// A kind is what values of a unit are, and so how people write them.
type kind int

const (
	ofOther kind = iota
	ofCounts
	ofBytes
	ofDurations
)

func kindOf(unit string) kind {
	_, unit = benchunit.Tidy(1, unit)
	numerator, _, _ := strings.Cut(unit, "/")
	switch {
	case benchunit.ClassOf(unit) == benchunit.Binary:
		return ofBytes
	case strings.HasSuffix(numerator, "sec"):
		return ofDurations
	case slices.Contains([]string{"goroutines", "descriptors", "drops", "failed"}, numerator):
		return ofCounts
	}
	return ofOther
}

// scaled writes values of one unit with one prefix, as benchstat does; counts, which have none, by their digits.
func scaled(unit string, values ...float64) []string {
	k := kindOf(unit)
	tidy := make([]float64, len(values))
	for i, v := range values {
		tidy[i], _ = benchunit.Tidy(v, unit)
	}
	scale := benchunit.CommonScale(tidy, benchunit.ClassOf(unit))
	texts := make([]string, len(values))
	for i, v := range tidy {
		switch k {
		case ofDurations:
			texts[i] = scale.Format(v) + "s"
		case ofBytes:
			texts[i] = scale.Format(v) + "B"
		case ofCounts:
			texts[i] = number(v)
		default:
			texts[i] = scale.Format(v)
		}
	}
	return texts
}

// number is a count, or a mean of counts.
func number(v float64) string {
	if v == math.Trunc(v) && math.Abs(v) < 1e15 {
		return strconv.FormatInt(int64(v), 10)
	}
	return strconv.FormatFloat(v, 'g', 4, 64)
}

// values returns how base and head are written; "-" is what was not measured.
func (m *metric) values() (base, head string) {
	base, head = "-", "-"
	switch {
	case m.Base != nil && m.Head != nil:
		both := scaled(m.Unit, *m.Base, *m.Head)
		base, head = both[0], both[1]
	case m.Base != nil:
		base = scaled(m.Unit, *m.Base)[0]
	case m.Head != nil:
		head = scaled(m.Unit, *m.Head)[0]
	}
	return base, head
}

// change is how head differs from base: by what part, or of counts, which may be 0 at base, by how much.
func (m *metric) change() string {
	switch {
	case kindOf(m.Unit) != ofCounts && m.Change != nil:
		return m.Change.String()
	case m.Base == nil || m.Head == nil:
		return "-"
	}
	by := *m.Head - *m.Base
	text := scaled(m.Unit, by)[0]
	switch {
	case by == 0:
		return "none"
	case by > 0:
		text = "+" + text
	}
	return text
}

// String is the change with its bounds, in percent, such as "+10.2 % (+9.1 … +11.4)".
func (i interval) String() string {
	return fmt.Sprintf("%s %% (%s … %s)", hundredths(i.Estimate), hundredths(i.Low), hundredths(i.High))
}

func hundredths(share float64) string {
	switch {
	case math.IsInf(share, 1):
		return "+∞"
	case math.IsInf(share, -1):
		return "-∞"
	}
	text := fmt.Sprintf("%+.1f", 100*share)
	if text == "-0.0" {
		return "+0.0"
	}
	return text
}

// limit writes a tolerance or a limit of m: of counts it is one itself.
func (m *metric) limit(v float64) string {
	if kindOf(m.Unit) == ofCounts {
		return number(v)
	}
	return number(100*v) + " %"
}

// story says in one line what became of m.
func (m *metric) story() string {
	text := m.Name + " " + m.change()
	if kindOf(m.Unit) == ofCounts || m.Change == nil {
		base, head := m.values()
		text = m.Name + " " + base + " -> " + head
	}
	switch {
	case m.Outcome == worse && m.Tolerance > 0:
		text += ", tolerance " + m.limit(m.Tolerance)
	case (m.Outcome == unknown || m.Outcome == same) && m.Limit > 0:
		text += ", same is below " + m.limit(m.Limit)
	}
	return text
}

// evidence says what an outcome stands on, in the words of who judged if there are any, or what would decide one that is
// unknown; "" where the table says it all.
func (m *metric) evidence() string {
	if m.Why != "" {
		return lines.Printable(m.Why)
	}
	var parts []string
	if m.Outcome == worse || m.Outcome == unknown {
		if m.First != nil {
			parts = append(parts, fmt.Sprintf("p = %.2g in the first pairs", *m.First))
		}
		if m.Confirm != nil {
			parts = append(parts, fmt.Sprintf("p = %.2g in fresh ones", *m.Confirm))
		}
	}
	if m.Outcome == unknown && m.Needed > 0 {
		parts = append(parts, fmt.Sprintf("some %d pairs would decide it", m.Needed))
	}
	return strings.Join(parts, "; ")
}

// inLine makes foreign text fit into a line that has more in it.
func inLine(s string) string { return cut(s, 72) }

// cut makes foreign text fit into so many columns.
func cut(s string, most int) string {
	s = strings.Join(strings.Fields(lines.One(s)), " ")
	if runes := []rune(s); len(runes) > most {
		s = string(runes[:most-1]) + "…"
	}
	return s
}
