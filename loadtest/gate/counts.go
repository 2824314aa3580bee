package gate

import "fmt"

// A tally is what both sides of pairs lost, of how much.
type tally struct {
	lost, of [2]int64 // base, head

	// Pairs in which head lost a greater share, and a lesser one.
	more, less int64
}

func tallyOf(pairs []pair, count func(side) (lost, of int64)) (t tally) {
	for _, p := range pairs {
		var shares [2]float64
		for i, s := range [2]side{p.Base, p.Head} {
			lost, of := count(s)
			t.lost[i] += lost
			t.of[i] += of
			shares[i] = share(lost, of)
		}
		switch {
		case shares[1] > shares[0]:
			t.more++
		case shares[1] < shares[0]:
			t.less++
		}
	}
	return t
}

func share(lost, of int64) float64 {
	return float64(lost) / float64(max(1, of))
}

// binomial returns the chance that head has so many of what both lost, or more, by what it had to lose.
func (t tally) binomial() float64 {
	return binomialTail(t.lost[1], t.lost[0]+t.lost[1], float64(t.of[1])/float64(t.of[0]+t.of[1]))
}

// signs returns the chance that head lost more in so many pairs, or more. Pairs that are even say nothing.
func (t tally) signs() float64 { return binomialTail(t.more, t.more+t.less, 0.5) }

// turned has the sides exchanged.
func (t tally) turned() tally {
	return tally{[2]int64{t.lost[1], t.lost[0]}, [2]int64{t.of[1], t.of[0]}, t.less, t.more}
}

// both returns the greater of the two. The binomial test takes each conn for a case of its own, and one accident takes many.
func (t tally) both() float64 { return max(t.binomial(), t.signs()) }

// findDrops judges conns that were lost. What is said of them in the end, both tests say; to measure again, one is enough.
func findDrops(s *spec, pairs []pair, fresh bool) finding {
	t := tallyOf(pairs, func(s side) (lost, of int64) { return s.Dropped, s.Conns })
	if fresh {
		return t.judge(s, len(pairs), "conns", tally.both, tally.both)
	}
	return t.judge(s, len(pairs), "conns", tally.binomial, tally.both)
}

// findFailed judges requests that failed.
func findFailed(s *spec, pairs []pair, _ bool) finding {
	t := tallyOf(pairs, func(s side) (lost, of int64) { return s.Failed, s.Failed + s.Requests })
	return t.judge(s, len(pairs), "requests", tally.signs, tally.signs)
}

// judge calls same what head lost no more of, neither in all nor in more pairs: no number of pairs shows that nothing is ever lost.
func (t tally) judge(s *spec, pairs int, what string, isWorse, isBetter func(tally) float64) finding {
	f := finding{metric: s.metric(), p: 1}
	if t.of[0] <= 0 || t.of[1] <= 0 {
		f.Why = fmt.Sprintf("there were %d %s of base and %d of head", t.of[0], what, t.of[1])
		return f
	}
	base, head := share(t.lost[0], t.of[0]), share(t.lost[1], t.of[1])
	p := isWorse(t)
	f.Base, f.Head, f.First, f.p = &base, &head, &p, p
	switch {
	case isBetter(t.turned()) <= pCount:
		f.Outcome = better
	case head <= base && t.more <= t.less:
		f.Outcome = same
	default:
		f.Why = fmt.Sprintf("head lost %d of %d %s, more in %d of %d pairs, and base %d of %d, more in %d: that may be chance", t.lost[1],
			t.of[1], what, t.more, pairs, t.lost[0], t.of[0], t.less)
	}
	return f
}
