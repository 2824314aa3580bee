package loadtest

import (
	"fmt"
	"strings"
)

// generators lists the processes: in one line where all went well.
func (t *table) generators(r *Report) {
	if len(r.Processes) == 0 {
		return
	}
	var conns, most int64
	for _, p := range r.Processes {
		conns, most = conns+p.Conns, max(most, p.Conns)
	}
	t.row("generators", "%s for %s, %d each at most", processCount(len(r.Processes)), some(conns, "conn"), most)
	n := len(r.Processes)
	for i, p := range r.Processes {
		if p.Died != "" {
			t.row("", "process %d, which had slots %d, %d, %d, …, died at %s with %s: %s", p.PID, i, i+n, i+2*n,
				threeDigits(p.DiedAt), some(p.Lost, "conn"), p.Died)
		}
	}
}

func processCount(n int) string {
	if n == 1 {
		return "1 process"
	}
	return fmt.Sprintf("%d processes", n)
}

// cost says what the run cost the generator, and the server where that is known by itself.
func (t *table) cost(r *Report) {
	label, generator := "cost", "generator"
	if r.Fixture != nil && r.ServerUse.Of == "" {
		generator = bothEnds
	}
	for _, of := range []struct {
		role string
		Usage
	}{{generator, r.Generator}, {"server", r.ServerUse}} {
		u := of.Usage
		if u.Of == "" {
			continue
		}
		t.row(label, "%s%s", whose(of.role, u), cpuText(u, r.Requests.Sent))
		label = ""
		rss := rssText(u)
		if each, ok := u.perConn(r.Conns.OpenAtEnd); ok && of.role == "server" && each >= 0 {
			rss += fmt.Sprintf("; %s per conn", size(each))
			if own := r.ownUse().rss; own > 0 {
				rss += fmt.Sprintf(", of which %s may be our own", size(min(each, own/r.Conns.OpenAtEnd)))
			}
		}
		t.row("", "%s", rss)
		t.resources(of.role, u, r.Conns.OpenAtEnd)
	}
}

// resources says what was held, and what of it each conn.
func (t *table) resources(role string, u Usage, open int64) {
	b, h, a := u.Before, u.Hold, u.After
	if b.Heap >= 0 {
		t.row("", "heap %s, stacks %s; %s allocated, %s", course(b.Heap, h.Heap, a.Heap), course(b.Stack, h.Stack, a.Stack),
			size(u.Allocs), pausesText(u))
	}
	var each []string
	for _, of := range b.perConn(h, open) {
		text := of.name + " " + of.text
		if of.counts {
			text = of.text + " " + of.name
		}
		each = append(each, text)
	}
	if len(each) > 0 {
		whose := ""
		if role == bothEnds {
			whose = ", of both ends"
		}
		t.row("", "per conn%s: %s", whose, strings.Join(each, ", "))
	}
}

// A perConnFigure is what came of each conn.
type perConnFigure struct {
	name   string
	counts bool
	value  float64
	text   string
}

// perConn returns by how much later is beyond r, for each of so many conns, as far as both are known.
func (r Resources) perConn(later Resources, conns int64) (all []perConnFigure) {
	for _, of := range []struct {
		name        string
		counts      bool
		first, last int64
	}{
		{"heap", false, r.Heap, later.Heap}, {"stack", false, r.Stack, later.Stack},
		{"goroutines", true, r.Goroutines, later.Goroutines}, {"descriptors", true, r.Descriptors, later.Descriptors},
	} {
		if of.first < 0 || of.last < 0 || conns <= 0 {
			continue
		}
		f := perConnFigure{name: of.name, counts: of.counts, value: float64(of.last-of.first) / float64(conns)}
		if f.text = signedSize(f.value); of.counts {
			f.text = fmt.Sprintf("%.2f", f.value)
		}
		all = append(all, f)
	}
	return all
}

// course says what a figure was before the run, in hold where that is known, and after.
func course(before, hold, after int64) string {
	if hold < 0 {
		return size(before) + " -> " + size(after)
	}
	return fmt.Sprintf("%s -> %s in hold -> %s", size(before), size(hold), size(after))
}

// signedSize writes a size that may be below zero, as where the server held less with conns than without.
func signedSize(bytes float64) string {
	if bytes <= -1 {
		return "-" + size(int64(-bytes))
	}
	return size(int64(bytes))
}

// bothEnds is whose a process is that has both in it: it is shared by that, and perhaps with another run too.
const bothEnds = "generator and server"

// whose begins a line of the cost.
func whose(role string, u Usage) string {
	s := role + ": " + u.Of + ", "
	if strings.HasPrefix(u.Of, role) {
		s = u.Of + ": "
	}
	if u.Shared && role != bothEnds {
		s += "shared with another run, "
	}
	return s
}

func cpuText(u Usage, sent int64) string {
	if u.CPU < 0 {
		return "CPU unknown"
	}
	s := fmt.Sprintf("CPU %s", threeDigits(u.CPU))
	if u.CPUUser >= 0 && u.CPUSystem >= 0 {
		s += fmt.Sprintf(" (user %s, system %s)", threeDigits(u.CPUUser), threeDigits(u.CPUSystem))
	}
	if each := u.perRequest(sent); each >= 0 {
		s += fmt.Sprintf(", %s per request", threeDigits(each))
	}
	return s
}

func rssText(u Usage) string {
	s := "RSS " + size(u.RSSBefore)
	if u.RSSHold >= 0 {
		s += fmt.Sprintf(" -> %s in hold", size(u.RSSHold))
	}
	return s + fmt.Sprintf(" -> %s, peak %s", size(u.RSS), size(u.PeakRSS))
}

func pausesText(u Usage) string {
	if u.GCs <= 0 {
		return "no GC"
	}
	return fmt.Sprintf("%s paused it %s", some(u.GCs, "GC"), threeDigits(u.GCPause))
}

// host says what else there was on the host.
func (t *table) host(r *Report) {
	h := r.Host
	var parts []string
	if h.Busy >= 0 && h.Span > 0 {
		s := fmt.Sprintf("CPUs %s busy", percent(h.Busy))
		if h.Foreign >= 0 {
			s += fmt.Sprintf(", %s by others", percent(h.Foreign))
		}
		if h.Steal >= 0 {
			s += fmt.Sprintf(", %s stolen", percent(h.Steal))
		}
		parts = append(parts, s)
	}
	if h.Pressure > 0 {
		parts = append(parts, "tasks waited for a CPU for "+threeDigits(h.Pressure))
	}
	if len(parts) > 0 {
		t.row("host", "whole host: %s", strings.Join(parts, "; "))
	}
	if waitShare(h) > 0.01 {
		t.row("", "the generator's threads waited for a CPU for %s", threeDigits(h.RunDelay))
	}
	if h.Throttled > 0 {
		t.row("", "this control group's CPU quota stopped it for %s", threeDigits(h.Throttled))
	}
	t.kernel(r.Kernel)
}

func (t *table) kernel(k KernelCounters) {
	var grown []string
	for _, c := range []struct {
		n    int64
		name string
	}{
		{k.ListenOverflows, "listen overflows"}, {k.ListenDrops, "listen drops"}, {k.TCPSynRetrans, "SYNs sent again"},
		{k.TCPRetransSegs, "segments sent again"}, {k.TCPTimeouts, "TCP timeouts"},
		{k.TCPMemoryPressures, "TCP memory pressures"}, {k.SoftnetDropped, "packets dropped"},
	} {
		if c.n > 0 {
			grown = append(grown, fmt.Sprintf("%d %s", c.n, c.name))
		}
	}
	if len(grown) > 0 {
		t.row("kernel", "whole host: %s", strings.Join(grown, ", "))
	}
}

func percent(share float64) string {
	if share > 0 && share < 0.0995 {
		return fmt.Sprintf("%.1f %%", 100*share)
	}
	return fmt.Sprintf("%.0f %%", 100*share)
}

// waitShare is how much of the run the generator's threads waited for a CPU, in sum; −1: unknown.
func waitShare(h Host) float64 {
	if h.RunDelay < 0 || h.Span <= 0 {
		return -1
	}
	return float64(h.RunDelay) / float64(h.Span)
}
