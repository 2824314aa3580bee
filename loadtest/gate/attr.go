package gate

import "example.com/holdfast/internal/lines"

// attrs are keys and values for T.Attr: the outcome, what was compared, and each metric by its unit. Keys have no white space,
// values no line breaks.
func (r *result) attrs() [][2]string {
	all := [][2]string{{"gate/outcome", string(r.Outcome)}}
	add := func(key, value string) {
		if value != "" {
			all = append(all, [2]string{"gate/" + oneWord(key), lines.Printable(value)})
		}
	}
	add("base", r.Base.Commit)
	head := r.Head.Commit
	if head != "" && r.Head.Dirty {
		head += " dirty"
	}
	add("head", head)
	for _, m := range r.Metrics {
		value := m.change()
		if m.Change != nil && kindOf(m.Unit) != ofCounts {
			value = hundredths(m.Change.Estimate) + "%"
		}
		add(m.Unit, string(m.Outcome)+" "+value)
	}
	return all
}
