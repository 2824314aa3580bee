package loadtest

import (
	"fmt"
	"strings"
	"time"

	"example.com/holdfast/internal/lines"
)

// What a run cost, what was beside it, and how to have it again.

func (p page) surroundings(r *Report) {
	p.put("<section id=\"surroundings\">\n<h2>Cost and host</h2>\n<div class=\"side\">\n")
	role := "Generator"
	if r.Fixture != nil && r.ServerUse.Of == "" {
		role = "Generator and server"
	}
	p.usage(role, "generator", r.Generator, r)
	p.usage("Server", "server_use", r.ServerUse, r)
	p.fields("Host", hostFields(r.Host))
	p.fields("Kernel counters of the whole host", kernelFields(r.Kernel))
	if f := r.Fixture; f != nil {
		p.fields("What the fixture counted", []field{
			{label: "accepted", value: countDatum("fixture.accepted", f.Accepted)},
			{label: "open at once, at most", value: countDatum("fixture.peak", f.Peak)},
			{label: "closed", value: countDatum("fixture.closed", f.Closed)},
			{label: "open when the run ended", value: countDatum("fixture.open", f.Open)},
			{label: "requests", value: countDatum("fixture.requests", f.Requests)},
		})
	}
	p.put("</div>\n")
	p.processes(r.Processes)
	p.put("</section>\n")
}

func (p page) usage(role, key string, u Usage, r *Report) {
	if u.Of == "" {
		p.fields(role, []field{{label: "use", value: "unknown by itself"}})
		return
	}
	whose := u.Of
	if u.Shared {
		whose += ", shared"
	}
	at := func(name string) string { return key + "." + name }
	all := []field{
		{label: "of", value: mark("%s", whose)},
		{label: "CPU", value: durationDatum(at("cpu_ns"), u.CPU)},
		{label: "user", value: durationDatum(at("cpu_user_ns"), u.CPUUser), part: true},
		{label: "system", value: durationDatum(at("cpu_system_ns"), u.CPUSystem), part: true},
		{label: "CPU per request", value: mark("%s", knownDuration(u.perRequest(r.Requests.Sent)))},
		{label: "RSS before", value: sizeDatum(at("rss_before_bytes"), u.RSSBefore)},
		{label: "RSS in hold", value: sizeDatum(at("rss_hold_bytes"), u.RSSHold)},
		{label: "RSS at the end", value: sizeDatum(at("rss_bytes"), u.RSS)},
		{label: "RSS peak", value: sizeDatum(at("peak_rss_bytes"), u.PeakRSS)},
		{label: "heap before", value: sizeDatum(at("before.heap_bytes"), u.Before.Heap)},
		{label: "heap with all conns open", value: sizeDatum(at("hold.heap_bytes"), u.Hold.Heap)},
		{label: "heap at the end", value: sizeDatum(at("after.heap_bytes"), u.After.Heap)},
		{label: "stacks before", value: sizeDatum(at("before.stack_bytes"), u.Before.Stack)},
		{label: "stacks with all conns open", value: sizeDatum(at("hold.stack_bytes"), u.Hold.Stack)},
		{label: "stacks at the end", value: sizeDatum(at("after.stack_bytes"), u.After.Stack)},
		{label: "goroutines before", value: countDatum(at("before.goroutines"), u.Before.Goroutines)},
		{label: "goroutines with all conns open", value: countDatum(at("hold.goroutines"), u.Hold.Goroutines)},
		{label: "descriptors before", value: countDatum(at("before.descriptors"), u.Before.Descriptors)},
		{label: "descriptors with all conns open", value: countDatum(at("hold.descriptors"), u.Hold.Descriptors)},
		{label: "allocated", value: sizeDatum(at("allocs_bytes"), u.Allocs)},
		{label: "GCs", value: countDatum(at("gcs"), u.GCs)},
		{label: "GC pauses", value: durationDatum(at("gc_pause_ns"), u.GCPause)},
	}
	each := " per conn"
	if r.Fixture != nil && r.ServerUse.Of == "" {
		each += ", of both ends"
	}
	for _, of := range u.Before.perConn(u.Hold, r.Conns.OpenAtEnd) {
		all = append(all, field{label: of.name + each, value: mark("%s", of.text)})
	}
	p.fields(role, all)
}

func hostFields(h Host) []field {
	return []field{
		{label: "CPUs busy", value: shareDatum("host.busy", h.Busy)},
		{label: "by others", value: shareDatum("host.foreign", h.Foreign), part: true},
		{label: "stolen", value: shareDatum("host.steal", h.Steal), part: true},
		{label: "stopped by a CPU quota", value: durationDatum("host.throttled_ns", h.Throttled)},
		{label: "tasks waited for a CPU", value: durationDatum("host.pressure_ns", h.Pressure)},
		{label: "the generator’s threads did", value: durationDatum("host.run_delay_ns", h.RunDelay)},
		{label: "TCP sockets before", value: countDatum("host.sockets_before", h.SocketsBefore)},
		{label: "TCP sockets at the end", value: countDatum("host.sockets", h.Sockets)},
		{label: "in TIME_WAIT before", value: countDatum("host.time_wait_before", h.TimeWaitBefore)},
		{label: "in TIME_WAIT at the end", value: countDatum("host.time_wait", h.TimeWait)},
	}
}

func kernelFields(k KernelCounters) []field {
	return []field{
		{label: "listen overflows", value: countDatum("kernel.listen_overflows", k.ListenOverflows)},
		{label: "listen drops", value: countDatum("kernel.listen_drops", k.ListenDrops)},
		{label: "SYNs sent again", value: countDatum("kernel.tcp_syn_retrans", k.TCPSynRetrans)},
		{label: "segments sent again", value: countDatum("kernel.tcp_retrans_segs", k.TCPRetransSegs)},
		{label: "TCP timeouts", value: countDatum("kernel.tcp_timeouts", k.TCPTimeouts)},
		{label: "TCP memory pressures", value: countDatum("kernel.tcp_memory_pressures", k.TCPMemoryPressures)},
		{label: "packets dropped", value: countDatum("kernel.softnet_dropped", k.SoftnetDropped)},
	}
}

func (p page) processes(all []Process) {
	if len(all) == 0 {
		p.put("<p class=\"hint\">Generator processes: none, the test process opened the conns.</p>\n")
		return
	}
	p.columns("Generator processes", "numbers", "PID", "conns", "lost with it", "how it ended")
	for i, of := range all {
		at := func(name string) string { return fmt.Sprintf("processes.%d.%s", i, name) }
		ended := "when the run did"
		if of.Died != "" {
			ended = fmt.Sprintf("died at %s: %s", threeDigits(of.DiedAt), lines.One(of.Died))
		}
		p.put("<tr><th scope=\"row\">%d</th><td>%s</td><td>%s</td><td>%s</td></tr>\n", of.PID,
			countDatum(at("conns"), of.Conns), countDatum(at("lost"), of.Lost), ended)
	}
	p.endColumns()
}

// replay has all that a run was told, and what draws the same pauses again.
func (p page) replay(r *Report) {
	p.put("<section id=\"config\">\n<h2>Configuration and seed</h2>\n")
	p.put("<p>The seed is <code>%s</code>: <code>Config.Seed</code> with that draws the same pauses again, and so does a test "+
		"that uses <code>Check</code> with</p>\n<pre>HOLDFAST_SEED=%d go test -count=1 -run=…</pre>\n",
		datum("seed", r.Seed, fmt.Sprint(r.Seed)), r.Seed)
	p.put("<div class=\"side\">\n")
	p.fields("Config", echoFields(r.Config))
	e := r.Environment
	p.fields("Environment", []field{
		{label: "Go", value: orUnknown(e.Go)},
		{label: "platform", value: orUnknown(strings.Trim(e.OS+"/"+e.Arch, "/"))},
		{label: "kernel", value: orUnknown(e.Kernel)},
		{label: "CPUs", value: mark("%d, GOMAXPROCS %d", e.CPUs, e.GOMAXPROCS)},
		{label: "governor", value: orUnknown(e.Governor)},
		{label: "race detector", value: mark("%s", map[bool]string{true: "yes", false: "no"}[e.Race])},
		{label: "holdfast", value: orUnknown(e.Version)},
	})
	p.put("</div>\n</section>\n")
}

func orUnknown(s string) markup {
	if s == "" {
		return "unknown"
	}
	return mark("%s", s)
}

func echoFields(e Echo) []field {
	plain := func(key string, d time.Duration) markup { return datum("config."+key, d, plainDuration(d)) }
	number := func(key string, n int) markup { return datum("config."+key, n, fmt.Sprint(n)) }
	or := func(s, none string) markup {
		if s == "" {
			s = none
		}
		return mark("%s", lines.One(s))
	}
	var local []string
	for _, a := range e.LocalAddrs {
		local = append(local, a.String())
	}
	grid := markup("none")
	if e.Tick > 0 {
		grid = plain("tick_ns", e.Tick)
	}
	return []field{
		{label: "URL", value: or(e.URL, "none")},
		{label: "UnixSocket", value: or(e.UnixSocket, "none")},
		{label: "network", value: mark("%s, TLS %s", e.Network, map[bool]string{true: "yes", false: "no"}[e.TLS])},
		{label: "LocalAddrs", value: or(strings.Join(local, ", "), "the kernel’s choice")},
		{label: "Connections", value: number("connections", e.Connections)},
		{label: "Ramp", value: mark("%s", rampText(e))},
		{label: "IdleTimeout", value: plain("idle_timeout_ns", e.IdleTimeout)},
		{label: "Cadence", value: or(e.Cadence, "none")},
		{label: "Hold", value: plain("hold_ns", e.Hold)},
		{label: "Reopen", value: or(strings.TrimPrefix(reopenText(e), "; "), "never")},
		{label: "Request.Method", value: or(e.Method, "none")},
		{label: "Request.Header", value: or(strings.Join(e.HeaderNames, ", "), "none")},
		{label: "Request.Body", value: datum("config.body_bytes", e.BodySize, size(int64(e.BodySize)))},
		{label: "Request.Want", value: mark("%d-%d", e.WantLowest, e.WantHighest)},
		{label: "ConnectTimeout", value: plain("connect_timeout_ns", e.ConnectTimeout)},
		{label: "ResponseTimeout", value: plain("response_timeout_ns", e.ResponseTimeout)},
		{label: "driver", value: or(e.Driver, "unknown")},
		{label: "tick", value: grid},
		{label: "event loops", value: number("workers", e.Workers)},
		{label: "Processes", value: number("processes", e.Processes)},
		{label: "connects in flight, at most", value: number("max_connecting", e.MaxConnecting)},
	}
}
