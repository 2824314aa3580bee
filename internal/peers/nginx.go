package peers

import (
	"slices"
	"syscall"
	"testing"
	"time"
)

// An Nginx is a running nginx: a master and one worker. It serves besides, at /slow, the page at 500 bytes a second.
type Nginx struct {
	*daemon
	options NginxOptions
}

// StartNginx starts nginx on a free loopback port and stops it when the test ends. It skips the test if nginx is not
// installed (see [RequireBinary]) and fails it if nginx does not serve in time.
func StartNginx(tb testing.TB, o NginxOptions) *Nginx {
	tb.Helper()
	return &Nginx{daemon: startDaemon(tb, o.program()), options: o}
}

// AccessLogLines counts the lines of the access log, one per request, over all lives. nginx writes a line, unbuffered,
// just after the response has left: the count is exact once [Nginx.Stop] has returned, and after [Nginx.Kill] may lack
// the last one.
func (n *Nginx) AccessLogLines() int64 {
	n.tb.Helper()
	if n.options.NoAccessLog {
		n.tb.Fatalf("nginx was started with NoAccessLog: there are no lines to count")
	}
	return n.daemon.AccessLogLines()
}

// MasterPID returns the process id of the master.
func (n *Nginx) MasterPID() int { return n.process.pid() }

// WorkerPIDs returns the process ids of the workers; right after [Nginx.Reload] the old one may be among them.
func (n *Nginx) WorkerPIDs() []int {
	return childrenOf(n.MasterPID())
}

// Usage returns what nginx has used since it began. CPU is that of the master and of all workers, living (exact to the
// ns) and ended (in ticks of 10 ms). RSS and PeakRSS are the sums of the living workers: the master holds no connection.
func (n *Nginx) Usage() Usage {
	n.tb.Helper()
	var sum Usage
	var err error
	// A worker may end under our eyes after a reload: then look again.
	if !poll(time.Second, func() bool { sum, err = n.usage(); return err == nil }) {
		n.tb.Fatalf("usage of nginx: %v", err)
	}
	return sum
}

func (n *Nginx) usage() (Usage, error) {
	master, err := ProcessUsage(n.MasterPID())
	if err != nil {
		return Usage{}, err
	}
	ended, err := endedChildrenCPU(n.MasterPID())
	if err != nil {
		return Usage{}, err
	}
	sum := Usage{CPU: master.CPU + ended}
	for _, pid := range childrenOf(n.MasterPID()) {
		worker, err := ProcessUsage(pid)
		if err != nil {
			return Usage{}, err
		}
		sum.CPU += worker.CPU
		sum.RSS += worker.RSS
		sum.PeakRSS += worker.PeakRSS
	}
	return sum, nil
}

// Reload has nginx read its configuration again and returns when it has started the new worker. The old one closes its idle
// conns, answers what it was asked, and ends.
func (n *Nginx) Reload() {
	n.tb.Helper()
	before := n.WorkerPIDs()
	if err := n.process.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		n.tb.Fatalf("reload nginx: %v", err)
	}
	isNew := func(pid int) bool { return !slices.Contains(before, pid) }
	if !poll(startBound, func() bool { return slices.ContainsFunc(n.WorkerPIDs(), isNew) }) {
		n.tb.Fatalf("nginx started no new worker within %v of SIGHUP and wrote:\n%s", startBound, n.ErrorLog())
	}
}
