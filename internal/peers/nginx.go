package peers

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	startBound = 10 * time.Second
	stopBound  = 10 * time.Second
	portTries  = 5
)

// An Nginx is a running nginx: a master and one worker. It serves a page of 612 bytes at / and "ok" at /ok, and logs
// one line per request.
type Nginx struct {
	URL  string // http://127.0.0.1:port
	Addr string // 127.0.0.1:port

	tb      testing.TB
	options NginxOptions
	dir     string
	process *process
	stop    sync.Once
}

// StartNginx starts nginx on a free loopback port and stops it when the test ends. It skips the test if nginx is not
// installed (see [RequireBinary]) and fails it if nginx does not serve in time.
func StartNginx(tb testing.TB, o NginxOptions) *Nginx {
	tb.Helper()
	binary := RequireBinary(tb, "nginx", "nginx-light")
	n := &Nginx{tb: tb, options: o.withDefaults(), dir: tb.TempDir()}
	if err := n.prepare(); err != nil {
		tb.Fatalf("prepare the directory of nginx: %v", err)
	}
	for try := 1; ; try++ {
		addr, err := freeAddr()
		if err == nil {
			err = n.launch(binary, addr)
		}
		if err == nil {
			break
		}
		if !errors.Is(err, errAddrTaken) || try == portTries {
			tb.Fatalf("start nginx: %v", err)
		}
	}
	tb.Cleanup(func() {
		n.Stop()
		if text := n.ErrorLog(); tb.Failed() && text != "" {
			tb.Logf("error log of nginx:\n%s", text)
		}
	})
	return n
}

func (n *Nginx) prepare() error {
	html := filepath.Join(n.dir, "html")
	if err := os.Mkdir(html, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(html, "index.html"), []byte(indexHTML), 0o644)
}

func freeAddr() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer ln.Close()
	return ln.Addr().String(), nil
}

var errAddrTaken = errors.New("another process took the port first")

// launch starts nginx on addr and waits until it serves. Between the choice of a free port and nginx's bind anybody may
// take it: that is errAddrTaken.
func (n *Nginx) launch(binary, addr string) error {
	conf := filepath.Join(n.dir, "nginx.conf")
	if err := writeConf(conf, addr, n.options); err != nil {
		return err
	}
	if err := os.RemoveAll(n.path("error.log")); err != nil {
		return err
	}
	p, err := start(exec.Command(binary, "-p", n.dir, "-c", conf, "-e", n.path("error.log")), syscall.SIGTERM)
	if err != nil {
		return err
	}
	if err := n.awaitServing(p, addr); err != nil {
		p.kill()
		return err
	}
	n.process, n.Addr, n.URL = p, addr, "http://"+addr
	return nil
}

func (n *Nginx) awaitServing(p *process, addr string) error {
	taken := false
	ready := poll(startBound, func() bool {
		taken = bytes.Contains([]byte(n.ErrorLog()), []byte("Address already in use"))
		return taken || p.hasEnded() || n.serves(addr)
	})
	switch {
	case taken:
		return errAddrTaken
	case p.hasEnded():
		return fmt.Errorf("it ended at once (%v) and wrote:\n%s", p.err, n.ErrorLog())
	case !ready:
		return fmt.Errorf("it does not answer on %s after %v and wrote:\n%s", addr, startBound, n.ErrorLog())
	}
	return nil
}

// serves says whether a worker answers. The pid file, written after bind and listen, proves that what listens on addr is
// our nginx and not a stranger; the answer, that the worker has come up, whose usage and process id are then there.
func (n *Nginx) serves(addr string) bool {
	if pid, err := os.ReadFile(n.path("nginx.pid")); err != nil || len(pid) == 0 {
		return false
	}
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return false
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(startBound))
	if _, err := io.WriteString(conn, "GET /ready HTTP/1.0\r\n\r\n"); err != nil {
		return false
	}
	answer, _ := io.ReadAll(conn)
	return bytes.HasPrefix(answer, []byte("HTTP/1.1 204 "))
}

func (n *Nginx) path(name string) string { return filepath.Join(n.dir, name) }

// MasterPID returns the process id of the master.
func (n *Nginx) MasterPID() int { return n.process.pid() }

// WorkerPIDs returns the process ids of the workers; right after [Nginx.Reload] the old one may be among them.
func (n *Nginx) WorkerPIDs() []int {
	n.tb.Helper()
	pids, err := childrenOf(n.MasterPID())
	if err != nil {
		n.tb.Fatalf("find the workers of nginx: %v", err)
	}
	return pids
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
	workers, err := childrenOf(n.MasterPID())
	if err != nil {
		return Usage{}, err
	}
	for _, pid := range workers {
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

// AccessLogLines counts the lines of the access log, one per request. nginx writes a line, unbuffered, just after the
// response has left: the count is exact once [Nginx.Stop] has returned.
func (n *Nginx) AccessLogLines() int64 {
	n.tb.Helper()
	if n.options.NoAccessLog {
		n.tb.Fatalf("nginx was started with NoAccessLog: there are no lines to count")
	}
	f, err := os.Open(n.path("access.log"))
	if err != nil {
		n.tb.Fatalf("count the requests that nginx logged: %v", err)
	}
	defer f.Close()
	lines, err := countLines(f)
	if err != nil {
		n.tb.Fatalf("count the requests that nginx logged: %v", err)
	}
	return lines
}

func countLines(r io.Reader) (lines int64, err error) {
	for buf := make([]byte, 64<<10); ; {
		got, err := r.Read(buf)
		lines += int64(bytes.Count(buf[:got], []byte{'\n'}))
		if err == io.EOF {
			return lines, nil
		}
		if err != nil {
			return lines, err
		}
	}
}

// ErrorLog returns what nginx wrote into its error log, warnings and worse.
func (n *Nginx) ErrorLog() string {
	text, _ := os.ReadFile(n.path("error.log")) // none yet: nothing written
	return string(text)
}

// Reload has nginx read its configuration again and returns when it has started the new worker. The old one closes its idle conns,
// answers what it was asked, and ends.
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

// Stop ends nginx and waits for it: gracefully, or by force if it does not end in time, which fails the test. Further
// calls do nothing.
func (n *Nginx) Stop() {
	n.tb.Helper()
	n.stop.Do(func() {
		if !n.process.stop(syscall.SIGQUIT, stopBound) {
			n.tb.Errorf("nginx did not end within %v of SIGQUIT and was killed", stopBound)
		}
	})
}
