package loadtest

import (
	"fmt"

	"example.com/holdfast/internal/lines"
)

// leaks has what the process held after each round, what the last one left, and what holds that.
func (p page) leaks(l *Leaks) {
	if l == nil {
		return
	}
	p.put("<section id=\"leaks\">\n<h2>Leaks</h2>\n<p>In each round %s conns were opened and closed.</p>\n",
		countDatum("leaks.conns", l.Conns))
	if l.Cut != "" {
		p.put("<p>There were no more rounds: %s.</p>\n", lines.One(l.Cut))
	}
	if len(l.Rounds) > 0 {
		p.leakRounds(l)
	}
	if len(l.Stayed) > 0 {
		p.put("<p>What stayed in the last round:</p>\n<ul>\n")
		for _, stayed := range l.Stayed {
			p.put("<li>%s</li>\n", lines.One(stayed))
		}
		p.put("</ul>\n")
	}
	p.put("</section>\n")
}

func (p page) leakRounds(l *Leaks) {
	p.columns("What the process held after each round", "numbers", "", "heap", "stacks", "goroutines", "descriptors")
	for i, of := range l.Rounds {
		at := func(name string) string { return fmt.Sprintf("leaks.rounds.%d.%s", i, name) }
		p.put("<tr><th scope=\"row\">round %d</th><td>%s</td><td>%s</td><td>%s</td><td>%s</td></tr>\n", i+1,
			sizeDatum(at("heap_bytes"), of.Heap), sizeDatum(at("stack_bytes"), of.Stack),
			countDatum(at("goroutines"), of.Goroutines), countDatum(at("descriptors"), of.Descriptors))
	}
	if growth := l.growth(); len(growth) > 0 {
		cells := map[string]string{}
		for _, of := range growth {
			cells[of.name] = of.text
			if of.counts {
				cells[of.name] = fmt.Sprintf("%.3g", of.value)
			}
		}
		p.put("<tr><th scope=\"row\">the last left more, for each conn</th>")
		for _, name := range []string{"heap", "stack", "goroutines", "descriptors"} {
			p.put("<td>%s</td>", orUnknown(cells[name]))
		}
		p.put("</tr>\n")
	}
	p.endColumns()
}
