package loadtest

import (
	"fmt"
	"reflect"
	"strings"

	"example.com/holdfast/internal/engine"
)

// laws checks that each slot, attempt, request and duration is in exactly one class. Reports obey after cancellation
// too, so the error, which lists every broken law with its numbers, is never the fault of a server or of a Config.
func (r *Report) laws() error {
	var l lawbook
	l.slots(r.Conns)
	l.attempts(r.Conns)
	l.requests(r.Requests)
	l.distributions(r)
	l.cohort(r)
	l.causes(r)
	l.statuses(r)
	if len(l.broken) == 0 {
		return nil
	}
	return fmt.Errorf("loadtest: the report contradicts itself; this is a bug of loadtest, not of the server: "+
		"please report it, with seed %d, and these:\n\t%s", r.Seed, strings.Join(l.broken, "\n\t"))
}

// A lawbook collects the laws that are broken.
type lawbook struct{ broken []string }

// A figure is a count and its name.
type figure struct {
	name string
	n    int64
}

func (l *lawbook) slots(c Conns) {
	l.notNegative("Conns", reflect.ValueOf(c))
	l.sum(figure{"Conns.Requested", c.Requested}, figure{"NotAttempted", c.NotAttempted},
		figure{"NeverEstablished", c.NeverEstablished}, figure{"EverEstablished", c.EverEstablished})
	l.descending(figure{"Conns.EverEstablished", c.EverEstablished}, figure{"Served", c.Served}, figure{"Held", c.Held})
	// Held conns were not lost before the sweep ended.
	l.descending(figure{"Conns.OpenAtEnd", c.OpenAtEnd}, figure{"Held", c.Held})
}

func (l *lawbook) attempts(c Conns) {
	l.sum(figure{"Conns.Attempts", c.Attempts}, figure{"Connected", c.Connected},
		figure{"ConnectFailed", c.ConnectFailed}, figure{"ConnectAbandoned", c.ConnectAbandoned})
	l.sum(figure{"Conns.Attempts", c.Attempts}, figure{"Requested", c.Requested},
		figure{"−NotAttempted", -c.NotAttempted}, figure{"Reattempts", c.Reattempts})
	l.sum(figure{"Conns.Connected", c.Connected}, figure{"OpenAtEnd", c.OpenAtEnd}, figure{"Dropped", c.Dropped})
	l.descending(figure{"Conns.Reattempts", c.Reattempts}, figure{"Reopened", c.Reopened},
		figure{"Recovered", c.Recovered})
	// A slot has at least one attempt that ended as it did; without reopening exactly one, and then these are equal.
	l.descending(figure{"Conns.Connected", c.Connected}, figure{"EverEstablished", c.EverEstablished})
	l.descending(figure{"Conns.ConnectFailed + ConnectAbandoned", c.ConnectFailed + c.ConnectAbandoned},
		figure{"NeverEstablished", c.NeverEstablished})
}

func (l *lawbook) requests(q Requests) {
	l.notNegative("Requests", reflect.ValueOf(q))
	l.sum(figure{"Requests.Due", q.Due}, figure{"Sent", q.Sent}, figure{"Unsent", q.Unsent})
	l.sum(figure{"Requests.Sent", q.Sent}, figure{"Answered", q.Answered}, figure{"TimedOut", q.TimedOut},
		figure{"Malformed", q.Malformed}, figure{"LostWithConn", q.LostWithConn},
		figure{"InFlightAtEnd", q.InFlightAtEnd})
	l.sum(figure{"Requests.Answered", q.Answered}, statusFigures(q)...)
	l.descending(figure{"Requests.Answered", q.Answered}, figure{"Unwanted", q.Unwanted})
	l.descending(figure{"Requests.Due", q.Due}, figure{"HoldDue", q.HoldDue}, figure{"HoldSent", q.HoldSent})
	l.descending(figure{"Requests.Sent", q.Sent}, figure{"HoldSent", q.HoldSent})
}

func statusFigures(q Requests) []figure {
	var classes []figure
	for class, n := range q.Status {
		classes = append(classes, figure{fmt.Sprintf("Status[%d]", class), n})
	}
	return classes
}

func (l *lawbook) distributions(r *Report) {
	q := r.Requests
	answered := figure{"Answered", q.Answered}
	l.sum(figure{"Connect.Count", r.Connect.Count()}, figure{"Connected", r.Conns.Connected})
	l.sum(figure{"Latency.Count", r.Latency.Count()}, answered, figure{"TimedOut", q.TimedOut})
	l.sum(figure{"Latency.Censored", r.Latency.Censored()}, figure{"TimedOut", q.TimedOut})
	l.sum(figure{"ServiceTime.Count", r.ServiceTime.Count()}, answered)
	l.sum(figure{"Lag.Count", r.Lag.Count()}, figure{"Sent", q.Sent})
	l.sum(figure{"ClientWait.Count", r.ClientWait.Count()}, answered)
	l.sum(figure{"Recovery.Count", r.Recovery.Count()}, figure{"Recovered", r.Conns.Recovered})
}

// cohort holds what Judge goes by against the ledger: what is sure is a part of what was reported.
func (l *lawbook) cohort(r *Report) {
	h, c, q := r.Hold, r.Conns, r.Requests
	l.notNegative("Hold.Sure", reflect.ValueOf(h.Sure))
	l.sum(figure{"Hold.Latency.Count", h.Latency.Count()}, figure{"Hold.ServiceTime.Count", h.ServiceTime.Count()})
	l.descending(figure{"Hold.ServiceTime.Count", h.ServiceTime.Count()}, figure{"Hold.Clean.Count", h.Clean.Count()})
	l.descending(figure{"Requests.HoldSent", q.HoldSent},
		figure{"Hold.Latency.Count + Hold.Sure.Unanswered", h.Latency.Count() + h.Sure.Unanswered})
	l.descending(figure{"Conns.Connected", c.Connected}, figure{"Hold.CleanConnect.Count", h.CleanConnect.Count()})
	lost := c.Dropped + c.ConnectFailed
	l.descending(figure{"Conns.Dropped + ConnectFailed", lost}, figure{"Hold.Sure.Losses", h.Sure.Losses},
		figure{"Hold.Sure.NotHeld", h.Sure.NotHeld})
	l.descending(figure{"Conns.ConnectFailed", c.ConnectFailed}, figure{"Hold.Sure.Unconnected", h.Sure.Unconnected})
	l.descending(figure{"Conns.Requested − Held", c.Requested - c.Held}, figure{"Hold.Sure.NotHeld", h.Sure.NotHeld})
	l.descending(figure{"ServerUse.CPU", max(0, int64(r.ServerUse.CPU))}, figure{"Hold.Sure.CPU", int64(h.Sure.CPU)})
	l.descending(figure{"Requests, failed", q.Failed()}, figure{"Hold.Sure.Failed", h.Sure.Failed},
		figure{"Hold.Sure.Unanswered", h.Sure.Unanswered})
}

func (l *lawbook) causes(r *Report) {
	var failed, abandoned, dropped int64
	for _, d := range r.Drops {
		switch d.Cause.fate() {
		case engine.ConnectFailed:
			failed += d.Count
		case engine.ConnectAbandoned:
			abandoned += d.Count
		case engine.ConnLost:
			dropped += d.Count
		default:
			l.breaks("Drops has %d of a cause that is none: %q", d.Count, d.Cause)
		}
		l.descending(figure{"Drops, count of " + string(d.Cause), d.Count}, figure{"one", 1})
	}
	l.sum(figure{"Conns.ConnectFailed", r.Conns.ConnectFailed}, figure{"Drops of attempts that failed", failed})
	l.sum(figure{"Conns.ConnectAbandoned", r.Conns.ConnectAbandoned},
		figure{"Drops of attempts abandoned", abandoned})
	l.sum(figure{"Conns.Dropped", r.Conns.Dropped}, figure{"Drops of conns", dropped})
}

// statuses holds the unwanted ones, and the idle closes against what can be closed.
func (l *lawbook) statuses(r *Report) {
	var unwanted, closes int64
	for _, s := range r.Unwanted {
		unwanted += s.Count
	}
	for _, b := range r.Hazard {
		l.descending(figure{"Hazard.Reached", b.Reached}, figure{"Closes", b.Closes})
		closes += b.Closes
	}
	l.sum(figure{"Requests.Unwanted", r.Requests.Unwanted}, figure{"Unwanted, all counts", unwanted})
	l.descending(figure{"Conns.Dropped", r.Conns.Dropped}, figure{"Hazard, all closes", closes})
}

// sum demands that whole is the sum of parts.
func (l *lawbook) sum(whole figure, parts ...figure) {
	var names, numbers []string
	var total int64
	for _, p := range parts {
		names = append(names, p.name)
		numbers = append(numbers, fmt.Sprint(p.n))
		total += p.n
	}
	if total != whole.n {
		l.breaks("%s = %s, but %d ≠ %s", whole.name, strings.Join(names, " + "), whole.n, strings.Join(numbers, " + "))
	}
}

// descending demands that no figure is above the one before it.
func (l *lawbook) descending(figures ...figure) {
	for i := 1; i < len(figures); i++ {
		if a, b := figures[i-1], figures[i]; a.n < b.n {
			l.breaks("%s ≥ %s, but %d < %d", a.name, b.name, a.n, b.n)
		}
	}
}

func (l *lawbook) notNegative(name string, v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			l.notNegative(name+"."+v.Type().Field(i).Name, v.Field(i))
		}
	case reflect.Array:
		for i := range v.Len() {
			l.notNegative(fmt.Sprintf("%s[%d]", name, i), v.Index(i))
		}
	default:
		if v.CanInt() && v.Int() < 0 {
			l.breaks("%s ≥ 0, but it is %d", name, v.Int())
		}
	}
}

func (l *lawbook) breaks(format string, args ...any) {
	l.broken = append(l.broken, fmt.Sprintf(format, args...))
}
