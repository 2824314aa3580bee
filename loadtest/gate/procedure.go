package gate

import (
	"errors"
	"fmt"
)

// A finding is what some pairs say of a metric, and nothing but them.
type finding struct {
	metric         // its Outcome is what holds if it is not worse
	p      float64 // the chance of a head that looks so bad, or worse, without being worse; 1 where nothing was measured
}

// A judgement is what pairs say in the end.
type judgement struct {
	metrics    []metric
	noise      float64 // see result.Noise
	confirming []pair
}

// A disturbedError says why pairs that were asked for could not be had.
type disturbedError struct{ why string }

func (e *disturbedError) Error() string { return "gate: " + e.why }

// decide judges all metrics of pairs, in two stages. What the first pairs flag as worse is measured again, by more, in twice as
// many fresh pairs, and these alone confirm it, with a p that is divided by how many were flagged. There is no third stage, and
// pairs of both are never taken together: of gates without a cause, 1 in 100 at most is then red by pairs, however many metrics
// there are and however they hang together. What is not confirmed is judged by the fresh pairs as well, because the first were
// chosen for looking bad.
//
// more returns n pairs. Where its error is a *disturbedError, what is flagged is unknown; any other is returned.
func decide(first []pair, more func(n int) ([]pair, error)) (judgement, error) {
	var all []finding
	var flagged []int
	var of []*spec
	for i := range specs {
		s := &specs[i]
		if s.find == nil {
			continue
		}
		f := s.find(s, first, false)
		if s.rule != "" && f.p <= s.flag {
			flagged = append(flagged, len(all))
		}
		all, of = append(all, f), append(of, s)
	}
	j := judgement{noise: noise(first)}
	if len(flagged) > 0 {
		fresh, err := more(freshPairs * len(first))
		j.confirming = fresh
		var disturbed *disturbedError
		switch {
		case errors.As(err, &disturbed):
			for _, i := range flagged {
				all[i].unconfirmed(len(first), disturbed)
			}
		case err != nil:
			return j, err
		case len(fresh) != freshPairs*len(first):
			return j, fmt.Errorf("gate: asked for %d fresh pairs, got %d", freshPairs*len(first), len(fresh))
		default:
			for _, i := range flagged {
				all[i] = of[i].confirm(all[i], len(first), fresh, len(flagged))
			}
		}
	}
	for _, f := range all {
		j.metrics = append(j.metrics, f.metric)
	}
	return j, nil
}

// confirm judges what n first pairs have flagged, one of so many metrics, by fresh pairs.
func (s *spec) confirm(first finding, n int, fresh []pair, flagged int) finding {
	f := s.find(s, fresh, true)
	f.First, f.Confirm = first.First, f.First
	found := fmt.Sprintf("%d pairs found it worse (%s)", n, chance(first.p))
	switch {
	case f.Confirm == nil: // not measured
		f.Outcome, f.Why = unknown, found+", and in the fresh ones "+f.Why
	case f.p <= pConfirm/float64(flagged):
		f.Outcome, f.Needed = worse, 0
		f.Why = fmt.Sprintf("%s, and %d fresh ones again (%s)", found, len(fresh), chance(f.p))
	default:
		if f.Outcome == better {
			f.Outcome = same // the first pairs said the contrary
		}
		found = fmt.Sprintf("%s, %d fresh ones did not confirm it (%s)", found, len(fresh), chance(f.p))
		if f.Why != "" {
			found += "; " + f.Why
		}
		f.Why = found
	}
	return f
}

// unconfirmed makes unknown what n pairs have flagged.
func (f *finding) unconfirmed(n int, e *disturbedError) {
	f.Outcome, f.Needed = unknown, 0
	f.Why = fmt.Sprintf("%d pairs found it worse (%s), which could not be confirmed: %s", n, chance(f.p), e.why)
}

// chance writes a p with two digits.
func chance(p float64) string {
	if p < 1e-4 {
		return "p < 0.0001"
	}
	return fmt.Sprintf("p = %.2g", p)
}

// overall is the outcome of a gate with these metrics. What is shown has no part in it.
func overall(metrics []metric) outcome {
	count := map[outcome]int{}
	for _, m := range metrics {
		count[m.Outcome]++
	}
	for _, o := range []outcome{worse, unknown, better, same} {
		if count[o] > 0 {
			return o
		}
	}
	return unknown
}

// inOrder puts lines of the table into the order of specs.
func inOrder(metrics []metric) (ordered []metric) {
	for i := range specs {
		for _, m := range metrics {
			if m.Name == specs[i].name {
				ordered = append(ordered, m)
			}
		}
	}
	return ordered
}
