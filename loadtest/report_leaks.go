package loadtest

import (
	"fmt"
	"strings"

	"example.com/holdfast/internal/lines"
)

// leaks says what stayed of conns that were opened and closed in rounds.
func (t *table) leaks(l *Leaks) {
	if l == nil {
		return
	}
	t.row("leaks", "%s", leaksText(l))
	for _, stayed := range l.Stayed {
		t.row("", "%s", lines.One(stayed))
	}
}

func leaksText(l *Leaks) string {
	text := fmt.Sprintf("%s of %s", some(int64(len(l.Rounds)), "round"), some(l.Conns, "conn"))
	var each []string
	var heap string
	for _, of := range l.growth() {
		switch {
		case of.counts:
			each = append(each, fmt.Sprintf("%.3g %s", of.value, of.name))
		case of.name == "heap":
			heap = of.text + " of heap"
		}
	}
	if each = nonEmpty(append(each, heap)...); len(each) > 0 {
		text += ": the last left " + strings.Join(each, ", ") + " more for each conn"
	}
	if l.Cut != "" {
		text += "; there were no more: " + lines.One(l.Cut)
	}
	return text
}

// growth is what the last round left beyond the one before, for each conn; none where there was no such.
func (l *Leaks) growth() []perConnFigure {
	n := len(l.Rounds)
	if n < 2 {
		return nil
	}
	return l.Rounds[n-2].perConn(l.Rounds[n-1], l.Conns)
}
