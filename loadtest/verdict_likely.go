package loadtest

import (
	"fmt"
	"strings"
	"time"

	"example.com/holdfast/internal/engine"
)

// Why a limit of durations, which the server surely broke, was likely broken: what the report knows, and no more.

// slowAnswersText says why answers took longer than limit.
func (r *Report) slowAnswersText(limit time.Duration) string {
	var all []string
	say := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	if n := r.Hold.Sure.Unanswered; n > 0 {
		say("%d of %s due in hold surely got no answer (of all in the run %d timed out).", n, some(r.Requests.HoldDue, "request"),
			r.Requests.TimedOut)
	}
	if r.Hold.ServiceTime.Count() > 0 {
		all = append(all, r.spreadText(limit)...)
	}
	if n := r.Slow.AnswersRetransmitted; n > 0 {
		say("%s took longer than 150 ms on conns on which TCP had to send something again: segments were lost on the way.",
			some(n, "answer"))
	}
	return strings.Join(all, " ")
}

// spreadText tells a handler that is slow by itself from one that is slow under load, at times, or for some. The fastest
// answer is that of the whole run: the first ones of a ramp meet no others.
func (r *Report) spreadText(limit time.Duration) []string {
	fastest, median := r.ServiceTime.Min(), r.Hold.ServiceTime.Quantile(0.5)
	if fastest > limit {
		return []string{fmt.Sprintf("Even the fastest answer took %s: the handler, or what it waits for, is that slow by itself.",
			threeDigits(fastest))}
	}
	text := "The fastest answer took " + threeDigits(fastest)
	if fastest > limit/2 {
		text += ", most of the limit"
	}
	text += ", and half of those of hold " + threeDigits(median)
	if median > limit {
		return []string{text + " or more: requests wait for one another, or for something that they share."}
	}
	return append([]string{text + " or less."}, r.slowSecondsText(limit)...)
}

// slowSecondsText says when slow answers came: at some time, or all the time.
func (r *Report) slowSecondsText(limit time.Duration) []string {
	var from time.Duration
	var slow []string
	clean := 0
	for _, s := range r.Timeline {
		if s.Clean && inHold(r, from, s.At) && from < r.Phases.Ramp+r.Phases.Hold {
			clean++
			if s.LatencyMax-engine.Punctual(r.Config.Tick) > limit { // so much of it may be lag
				slow = append(slow, threeDigits(s.At))
			}
		}
		from = s.At
	}
	of := fmt.Sprintf("%d of hold's %s", len(slow), some(int64(clean), "clean second"))
	switch {
	case len(slow) == 0, clean < 3: // of so few nothing can be said
		return nil
	case 2*len(slow) > clean:
		return []string{"Slow ones came all through hold, in " + of + ": some requests always take long."}
	}
	return []string{fmt.Sprintf("Slow ones came in %s, which ended at %s: what did the server do then?", of, few(slow))}
}

// slowConnectsText says why connects took longer than limit.
func (r *Report) slowConnectsText(limit time.Duration) string {
	var all []string
	say := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	if n := r.Hold.Sure.Unconnected; n > 0 {
		say("%d of %s surely did not connect: see Drops.", n, some(r.Conns.Attempts, "attempt"))
	}
	if n := r.Slow.ConnectsRetransmitted; n > 0 {
		overflows := ""
		if k := r.Kernel.ListenOverflows; k > 0 {
			overflows = fmt.Sprintf(" (%s on this host)", some(k, "listen overflow"))
		}
		say("%s took longer than 0.9 s because the kernel had to send a SYN again, as when the server's accept queue is full%s: accept "+
			"faster, raise its backlog and net.core.somaxconn, or ramp more slowly.", some(n, "connect"), overflows)
	}
	d := r.Connect
	switch fastest := d.Min(); {
	case d.Count() == 0:
	case fastest > limit && r.Config.TLS:
		say("Even the fastest connect took %s, with its TLS handshake.", threeDigits(fastest))
	case fastest > limit:
		say("Even the fastest connect took %s.", threeDigits(fastest))
	default:
		say("Half of the connects took %s or less, the slowest %s.", threeDigits(d.Quantile(0.5)), threeDigits(d.Max()))
	}
	return strings.Join(all, " ")
}
