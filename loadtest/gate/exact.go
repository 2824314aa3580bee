package gate

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"example.com/holdfast/loadtest"
)

// compareCosts judges what each conn costs, which is measured so exactly that three pairs of fresh processes tell. Worse is what is
// worse in each of head's than in any of base's, by more than the tolerance, and is so again in what again returns: of figures
// that differ by chance alone, the one comes in one of twenty gates at most, and both in one of four hundred. Better is the
// mirror of the first. Same is what lies, each figure of head against each of base, no higher than the tolerance: then nothing that
// was measured speaks against it. Whatever scatters by more is unknown.
//
// It also returns what again did; nil: nothing was to be confirmed. Where the error of again is a *disturbedError, what was to be
// confirmed is unknown; any other is returned.
func compareCosts(first []costPair, again func() ([]costPair, error)) (metrics []metric, confirming []costPair, err error) {
	var of []*spec
	var suspect []int
	for i := range specs {
		s := &specs[i]
		if s.cost == nil {
			continue
		}
		m := s.findCost(first)
		if m.Outcome == worse {
			suspect = append(suspect, len(metrics))
		}
		metrics, of = append(metrics, m), append(of, s)
	}
	if len(suspect) == 0 {
		return metrics, nil, nil
	}
	confirming, err = again()
	var disturbed *disturbedError
	if err != nil && !errors.As(err, &disturbed) {
		return metrics, confirming, err
	}
	for _, i := range suspect {
		if disturbed != nil {
			metrics[i].Outcome = unknown
			metrics[i].Why = fmt.Sprintf("%d pairs found it worse, which could not be confirmed: %s", len(first), disturbed.why)
			continue
		}
		metrics[i] = of[i].confirmCost(len(first), confirming)
	}
	return metrics, confirming, nil
}

func (s *spec) confirmCost(first int, pairs []costPair) metric {
	m := s.findCost(pairs)
	found := fmt.Sprintf("%d pairs found it worse", first)
	switch {
	case m.Outcome == worse:
		m.Why = fmt.Sprintf("%s, and %d fresh ones again", found, len(pairs))
	case m.Base == nil:
		m.Why = found + ", and in the fresh ones " + m.Why
	default:
		if m.Outcome == better {
			m.Outcome = same // the first pairs said the contrary
		}
		found = fmt.Sprintf("%s, %d fresh ones did not confirm it", found, len(pairs))
		if m.Why != "" {
			found += "; " + m.Why
		}
		m.Why = found
	}
	return m
}

// findCost judges one figure of cost pairs. Its interval is from the least to the most that they allow.
func (s *spec) findCost(pairs []costPair) metric {
	m := s.metric()
	base, head, why := s.readCosts(pairs)
	if why != "" {
		m.Why = why
		return m
	}
	a, b := median(base), median(head)
	m.Base, m.Head = &a, &b
	if slices.Min(base) > 0 {
		m.Change = &interval{b/a - 1, slices.Min(head)/slices.Max(base) - 1, slices.Max(head)/slices.Min(base) - 1}
	}
	if s.rule == "" {
		return m
	}
	switch {
	case s.beyond(slices.Min(head), slices.Max(base)):
		m.Outcome = worse
	case s.beyond(slices.Min(base), slices.Max(head)):
		m.Outcome = better
	case !s.beyond(slices.Max(head), slices.Min(base)):
		m.Outcome = same
	default:
		m.Why = fmt.Sprintf("it scatters: %.4g to %.4g of base, %.4g to %.4g of head", slices.Min(base), slices.Max(base),
			slices.Min(head), slices.Max(head))
	}
	return m
}

// beyond says whether a is above b by more than the tolerance, or than the slack where that is more.
func (s *spec) beyond(a, b float64) bool { return a > b+max(s.slack, s.tolerance*b) }

// readCosts returns why there are no figures if any is missing.
func (s *spec) readCosts(pairs []costPair) (base, head []float64, why string) {
	for i, p := range pairs {
		for j, c := range [2]*loadtest.Cost{p.Base, p.Head} {
			if c == nil {
				return nil, nil, fmt.Sprintf("%s was not measured in pair %d", sideName(j == 1), i)
			}
			figure := s.cost(c)
			if figure.Why != "" || math.IsInf(figure.PerConn, 0) || math.IsNaN(figure.PerConn) {
				return nil, nil, fmt.Sprintf("%s has no figure in pair %d: %s", sideName(j == 1), i, figure.Why)
			}
			if j == 1 {
				head = append(head, figure.PerConn)
			} else {
				base = append(base, figure.PerConn)
			}
		}
	}
	if len(pairs) == 0 {
		why = "it was not measured"
	}
	return base, head, why
}
