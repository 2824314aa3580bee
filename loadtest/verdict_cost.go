package loadtest

import (
	"fmt"
	"time"
)

// rssLine returns the line of the server's memory. How busy the host was changes neither reading, but how many conns it is
// shared out among does: those there were in all, or those that were left.
func (r *Report) rssLine(limit int64) line {
	u := r.ServerUse
	l := line{name: "RSSPerConn", limit: float64(limit), show: plainSize, why: func() string {
		return fmt.Sprintf("Resident memory (%s) was %s before the run and %s in hold, with %s open.", u.Of, size(u.RSSBefore),
			size(u.RSSHold), some(r.Conns.OpenAtEnd, "conn"))
	}}
	switch l.unknown = r.unattributed(u, "memory"); {
	case l.unknown != "":
	case u.RSSBefore < 0 || u.RSSHold < 0 || r.Conns.OpenAtEnd == 0:
		l.unknown = "it was not read in hold with conns open: give the run a Hold of two seconds or more"
	default:
		r.shareOut(&l, u.RSSHold-u.RSSBefore, r.ownUse().rss)
	}
	return l
}

// shareOut gives l the readings of what a server grew by, of which own may be the generator's.
func (r *Report) shareOut(l *line, grown, own int64) {
	if grown < 0 {
		l.unknown = "the process held more before the run than with all conns open: what went away meanwhile, as of an earlier run or " +
			"other tests, hides what the conns take. Run the test by itself"
		return
	}
	l.pessimistic = float64(grown) / float64(r.Conns.OpenAtEnd)
	l.optimistic = float64(max(0, grown-own)) / float64(r.Conns.EverEstablished)
	l.gap = func() string {
		if own > 0 {
			n := float64(r.Conns.OpenAtEnd)
			return fmt.Sprintf("Of the %s per conn that the test process grew by %s may be our own: take more Connections.",
				l.show(l.pessimistic), l.show(float64(min(own, grown))/n))
		}
		return "Conns were lost before it was read."
	}
}

// heldLines returns the lines of what the server holds while all conns are open.
func (r *Report) heldLines(b Budget) (all []line) {
	u, own := r.ServerUse, r.ownUse().held
	add := func(l line, measure, notByRun string, before, hold, own int64) {
		if !(l.limit > 0) { // 0 is none, and less is nonsense, as NaN is
			return
		}
		switch l.unknown = r.unattributed(u, measure); {
		case l.unknown != "":
		case u.Of != testProcess:
			l.unknown = fmt.Sprintf("the %s of another process cannot be read: judge RSSPerConn, or serve in the test's own process, "+
				"with a Server and Config.Processes", measure)
		case before < 0 || hold < 0 || r.Conns.OpenAtEnd == 0:
			l.unknown = "it was not read at the end of the sweep with conns open: let the run come so far"
			if u.Hold.Goroutines >= 0 && r.Conns.OpenAtEnd > 0 {
				l.unknown = notByRun
			}
		default:
			r.shareOut(&l, hold-before, own)
		}
		all = append(all, l)
	}
	add(line{name: "HeapPerConn", limit: float64(b.HeapPerConn), show: plainSize, why: func() string {
		return r.perConnText() + " A heap profile at the end of hold shows what holds it (go test -artifacts keeps one)."
	}}, "heap", "the heap is collected and read with all conns open by Check, Bench and MeasureCost, not by Run", u.Before.Heap, u.Hold.Heap, own.Heap)
	add(line{name: "StackPerConn", limit: float64(b.StackPerConn), show: plainSize, why: func() string {
		return r.perConnText() + " A goroutine's stack doubles when it is too small, and a collection halves it if a quarter " +
			"would do; a plain net/http server takes 8 KiB a conn."
	}}, "stacks", "stacks are read after collections, with all conns open, by Check, Bench and MeasureCost, not by Run", u.Before.Stack, u.Hold.Stack, own.Stack)
	add(line{name: "GoroutinesPerConn", limit: b.GoroutinesPerConn, show: plainFraction, why: func() string {
		return "A plain net/http server has 1 per conn. A goroutine profile at the end of hold shows where they wait."
	}}, "goroutines", "", u.Before.Goroutines, u.Hold.Goroutines, own.Goroutines)
	return all
}

// perConnText says how what each conn takes divides.
func (r *Report) perConnText() string {
	b, h, n := r.ServerUse.Before, r.ServerUse.Hold, float64(r.Conns.OpenAtEnd)
	return fmt.Sprintf("Each conn takes %s of heap, %s of stacks and %s goroutines.", signedSize(float64(h.Heap-b.Heap)/n),
		signedSize(float64(h.Stack-b.Stack)/n), plainFraction(float64(h.Goroutines-b.Goroutines)/n))
}

// cpuLine returns the line of the server's CPU time. On a busy host a request costs more than it does alone, because others
// take the caches; so what was used in seconds that were not clean does not count optimistically.
func (r *Report) cpuLine(limit time.Duration) line {
	u := r.ServerUse
	own := r.ownUse().cpu
	l := line{name: "CPUPerRequest", limit: float64(limit), written: plainDuration(limit), show: plainDurationOf,
		gap: func() string {
			if own > 0 {
				return fmt.Sprintf("Of the test process's %s of CPU time %s may be our own: send more requests. %s", threeDigits(u.CPU),
					threeDigits(min(own, u.CPU)), r.unfitText(nil))
			}
			return r.unfitText(nil)
		}, why: func() string {
			return fmt.Sprintf("Used (%s): %s, for %s.", u.Of, cpuText(u, 0), some(r.Requests.Sent, "request"))
		}}
	if l.unknown = r.unattributed(u, "CPU time"); l.unknown != "" {
		return l
	}
	if u.CPU < 0 || r.Requests.Sent == 0 {
		l.unknown = "it is unknown, or no request was sent"
		return l
	}
	l.pessimistic = float64(u.CPU) / float64(r.Requests.Sent)
	l.optimistic = float64(max(0, r.Hold.Sure.CPU-own)) / float64(r.Requests.Sent)
	return l
}

// own is how much of what the server used may be the generator's all the same.
type own struct {
	rss  int64
	cpu  time.Duration
	held Resources
}

// ownUse returns what the test process may use for the generator's processes where it is the server's: it gathers what they
// tell.
func (r *Report) ownUse() own {
	if r.ServerUse.Of != testProcess {
		return own{}
	}
	n, seconds := int64(len(r.Processes)), r.ServerUse.Wall.Seconds()
	return own{
		rss: ownRSS + n*ownRSSPerProcess + int64(seconds*ownRSSPerSecond),
		cpu: ownCPU + time.Duration(float64(n)*seconds*float64(ownCPUPerProcess)),
		held: Resources{
			Heap:  ownHeap + n*ownHeapPerProcess + int64(seconds*ownHeapPerSecond),
			Stack: ownStack + n*ownStackPerProcess, Goroutines: ownGoroutines + n*ownGoroutinesPerProcess,
		},
	}
}

// unattributed returns why what the server used is not known by itself; "" if it is.
func (r *Report) unattributed(u Usage, measure string) string {
	switch {
	case u.Shared:
		return fmt.Sprintf("other runs at the same time are in the %s of the %s: run them one after the other", measure, u.Of)
	case u.Of != "":
		return ""
	case r.Fixture != nil:
		return fmt.Sprintf("server and generator are in one process, and nobody can tell the server's %s: set Config.Processes "+
			"to 1, so that the generator has a process of its own", measure)
	}
	return fmt.Sprintf("whose %s to read is not known: set Config.ServerPID to the server's process", measure)
}
