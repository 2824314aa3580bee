package loadtest

import (
	"fmt"
	"time"
)

// rssLine returns the line of the server's memory. How busy the host was changes neither reading, but how many conns it is
// shared out among does: those there were in all, or those that were left.
func (r *Report) rssLine(limit int64) line {
	u := r.ServerUse
	own, _ := r.ownUse()
	l := line{name: "RSSPerConn", limit: float64(limit), show: plainSize, gap: func() string {
		if own > 0 {
			grown := u.RSSHold - u.RSSBefore
			return fmt.Sprintf("Of the %s that the test process grew by %s may be our own: take more Connections.", size(grown),
				size(min(own, grown)))
		}
		return "Conns were lost before it was read."
	}}
	if l.unknown = r.unattributed(u, "memory"); l.unknown != "" {
		return l
	}
	if u.RSSBefore < 0 || u.RSSHold < 0 || r.Conns.OpenAtEnd == 0 {
		l.unknown = "it was not read in hold with conns open: give the run a Hold of two seconds or more"
		return l
	}
	grown := max(0, u.RSSHold-u.RSSBefore)
	l.pessimistic = float64(grown) / float64(r.Conns.OpenAtEnd)
	l.optimistic = float64(max(0, grown-own)) / float64(r.Conns.EverEstablished)
	return l
}

// cpuLine returns the line of the server's CPU time. On a busy host a request costs more than it does alone, because others
// take the caches; so what was used in seconds that were not clean does not count optimistically.
func (r *Report) cpuLine(limit time.Duration) line {
	u := r.ServerUse
	_, own := r.ownUse()
	l := line{name: "CPUPerRequest", limit: float64(limit), written: plainDuration(limit), show: plainDurationOf,
		gap: func() string {
			if own > 0 {
				return fmt.Sprintf("Of the test process's %s of CPU time %s may be our own: send more requests. %s", threeDigits(u.CPU),
					threeDigits(min(own, u.CPU)), r.unfitText(nil))
			}
			return r.unfitText(nil)
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

// ownUse returns how much of what the server used may be the generator's all the same: where the test process is the
// server's, it gathers what the generator's processes tell.
func (r *Report) ownUse() (rss int64, cpu time.Duration) {
	if r.ServerUse.Of != testProcess {
		return 0, 0
	}
	n, seconds := len(r.Processes), r.ServerUse.Wall.Seconds()
	return ownRSS + int64(n)*ownRSSPerProcess + int64(seconds*ownRSSPerSecond),
		ownCPU + time.Duration(float64(n)*seconds*float64(ownCPUPerProcess))
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
