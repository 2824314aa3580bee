package loadtest

import (
	"fmt"
	"strings"

	"example.com/holdfast/internal/engine"
	"example.com/holdfast/internal/lines"
)

// mostDrops bounds the ways of loss that String tells one by one.
const mostDrops = 8

func (t *table) drops(r *Report) {
	if len(r.Drops) == 0 {
		t.row("drops", "none")
		return
	}
	label := "drops"
	for _, d := range r.Drops[:min(len(r.Drops), mostDrops)] {
		t.row(label, "%s", dropText(d))
		if hint := dropHint(d, r); hint != "" {
			t.row("", "  %s", hint)
		}
		label = ""
	}
	if len(r.Drops) > mostDrops {
		var n int64
		for _, d := range r.Drops[mostDrops:] {
			n += d.Count
		}
		t.row("", "%d more in %d other ways: see Drops", n, len(r.Drops)-mostDrops)
	}
	if s := hazardText(r.Hazard); s != "" {
		t.row("idle closes", "%s", s)
	}
}

func dropText(d Drop) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d %s", d.Count, d.Cause)
	if d.Rule != "" {
		fmt.Fprintf(&b, " (%s)", d.Rule)
	}
	if d.Errno != "" {
		fmt.Fprintf(&b, " (%s)", d.Errno)
	}
	fmt.Fprintf(&b, " in %s, at %s", d.Phase, threeDigits(d.First))
	if d.Last != d.First {
		fmt.Fprintf(&b, " to %s", threeDigits(d.Last))
	}
	if d.Cause.fate() == engine.ConnLost {
		fmt.Fprintf(&b, ", %s", conditions(d))
	}
	fmt.Fprintf(&b, "; such as conn %d", d.Sample.Slot)
	if s := d.Sample; s.Waited > 0 {
		fmt.Fprintf(&b, ", %s after its request", threeDigits(s.Waited))
	}
	if s := d.Sample; s.Bytes > 0 {
		fmt.Fprintf(&b, ", %s seen", some(s.Bytes, "byte"))
	}
	if d.Sample.Detail != "" {
		fmt.Fprintf(&b, ": %s", lines.One(d.Sample.Detail))
	}
	return b.String()
}

// conditions says for how long conns had been idle, and after how many answers.
func conditions(d Drop) string {
	idle := threeDigits(d.ShortestIdle)
	if longest := threeDigits(d.LongestIdle); longest != idle {
		idle += " to " + longest
	}
	answers := some(d.FewestServed, "answer")
	if d.MostServed != d.FewestServed {
		answers = fmt.Sprintf("%d to %s", d.FewestServed, some(d.MostServed, "answer"))
	}
	return fmt.Sprintf("idle %s after %s", idle, answers)
}

// A closeSpan is the narrowest range of idle ages that has nearly all closes of idle conns.
type closeSpan struct {
	from, to HazardBin
	closes   int64 // in it
	all      int64
}

// mostCloses lie in a closeSpan: the rest may have other reasons.
const mostCloses = 0.9

func closesOf(bins []HazardBin) (s closeSpan, ok bool) {
	for _, b := range bins {
		s.all += b.Closes
	}
	enough := int64(mostCloses*float64(s.all) + 0.999)
	best := len(bins) + 1
	first, sum := 0, int64(0)
	for last, b := range bins {
		for sum += b.Closes; sum-bins[first].Closes >= enough && first < last; first++ {
			sum -= bins[first].Closes
		}
		if sum >= enough && last-first < best {
			best = last - first
			s.from, s.to, s.closes = bins[first], b, sum
		}
	}
	return s, s.all > 0
}

// share returns how many of the conns that got as old as the span were closed in it.
func (s closeSpan) share() float64 { return float64(s.closes) / float64(s.from.Reached) }

func hazardText(bins []HazardBin) string {
	s, ok := closesOf(bins)
	if !ok {
		return ""
	}
	text := fmt.Sprintf("%d of %d at an idle age of %s to %s, where %.3g %% of those that got so old were closed",
		s.closes, s.all, threeDigits(s.from.From), threeDigits(s.to.To), 100*s.share())
	if s.isTimeout() {
		text += ": the keep-alive timeout of the server, or of something before it"
	}
	return text
}

// isTimeout tells a timeout from a server that went away, which closes young and old alike: nearly all closes are within
// a narrow range of ages, and there are enough of them. Most that got so old were closed: not all, because some send
// between the beginning of a bin and the timeout, and a first request may be waited for longer.
func (s closeSpan) isTimeout() bool {
	return s.all >= fewestTogether && s.share() >= 0.5 && s.from.From > 0 && s.to.To <= s.from.From*3/2
}
