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
	"syscall"
	"testing"
	"time"
)

const (
	startBound = 10 * time.Second
	stopBound  = 10 * time.Second
	portTries  = 5
)

// A program is what servers differ in. What they write to their standard error is the error log.
type program struct {
	name      string // of its binary
	packaged  string // the Debian package that has it
	conf      func(dir, addr string) string
	arguments func(dir, conf string) []string
	graceful  syscall.Signal // has it answer what it was asked, and end
}

// A daemon is a server that we run in a directory of its own, on one address for all its lives: [Nginx] and [Lighttpd].
// It serves a page of 612 bytes at / and "ok" at /ok, and logs one line per request.
//
// Its methods are for one goroutine at a time; those that can fail the test at once are for the test's own.
type daemon struct {
	URL  string // http://127.0.0.1:port
	Addr string // 127.0.0.1:port

	tb      testing.TB
	program program
	dir     string
	process *process
	logged  int64 // how long the error log was when this life began
}

// Files in a daemon's directory.
const (
	accessLog = "access.log"
	errorLog  = "error.log"
	pidFile   = "pid"
)

// startDaemon starts p on a free loopback port and stops it when the test ends. It skips the test if p is not installed
// (see [RequireBinary]) and fails it if p does not serve in time.
func startDaemon(tb testing.TB, p program) *daemon {
	tb.Helper()
	RequireBinary(tb, p.name, p.packaged)
	d := newDaemon(tb, p)
	for try := 1; ; try++ {
		addr, err := freeAddr()
		if err == nil {
			err = d.launch(addr)
		}
		if err == nil {
			break
		}
		if !errors.Is(err, errAddrTaken) || try == portTries {
			tb.Fatalf("start %s: %v", p.name, err)
		}
		_ = os.Remove(d.path(errorLog)) // of an address that is not its own
	}
	tb.Cleanup(func() {
		d.Stop()
		if text := d.ErrorLog(); tb.Failed() && text != "" {
			tb.Logf("error log of %s:\n%s", p.name, text)
		}
	})
	return d
}

// newDaemon makes the directory of a daemon that does not run yet.
func newDaemon(tb testing.TB, p program) *daemon {
	tb.Helper()
	d := &daemon{tb: tb, program: p, dir: tb.TempDir()}
	html := d.path("html")
	err := os.Mkdir(html, 0o755)
	for name, text := range map[string]string{"index.html": indexHTML, "ok": "ok", "ready": ""} {
		err = errors.Join(err, os.WriteFile(filepath.Join(html, name), []byte(text), 0o644))
	}
	if err != nil {
		tb.Fatalf("prepare the directory of %s: %v", p.name, err)
	}
	return d
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

// launch starts the daemon on addr and waits until it serves. Between the choice of a free port and the daemon's bind
// anybody may take it: that is errAddrTaken.
func (d *daemon) launch(addr string) error {
	conf := d.path("conf")
	if err := os.WriteFile(conf, []byte(d.program.conf(d.dir, addr)), 0o644); err != nil {
		return err
	}
	// Who was killed has left it behind, and it is how we know that the new one listens.
	if err := os.RemoveAll(d.path(pidFile)); err != nil {
		return err
	}
	stderr, err := os.OpenFile(d.path(errorLog), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer stderr.Close()
	if d.logged, err = stderr.Seek(0, io.SeekEnd); err != nil {
		return err
	}
	binary, _ := findBinary(d.program.name)
	cmd := exec.Command(binary, d.program.arguments(d.dir, conf)...)
	cmd.Stderr = stderr
	p, err := start(cmd, syscall.SIGTERM)
	if err != nil {
		return err
	}
	if err := d.awaitServing(p, addr); err != nil {
		p.kill()
		return err
	}
	d.process, d.Addr, d.URL = p, addr, "http://"+addr
	return nil
}

func (d *daemon) awaitServing(p *process, addr string) error {
	taken := false
	written := func() string { return d.ErrorLog()[d.logged:] }
	ready := poll(startBound, func() bool {
		taken = bytes.Contains([]byte(written()), []byte("Address already in use"))
		return taken || p.hasEnded() || d.serves(addr)
	})
	switch {
	case taken:
		return errAddrTaken
	case p.hasEnded():
		return fmt.Errorf("it ended at once (%v) and wrote:\n%s", p.err, written())
	case !ready:
		return fmt.Errorf("it does not answer on %s after %v and wrote:\n%s", addr, startBound, written())
	}
	return nil
}

// serves says whether the daemon answers. The pid file, written after bind and listen, proves that what listens on addr
// is ours and not a stranger; the answer, that the worker has come up, whose usage and process id are then there.
func (d *daemon) serves(addr string) bool {
	if pid, err := os.ReadFile(d.path(pidFile)); err != nil || len(pid) == 0 {
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
	_, status, _ := bytes.Cut(answer, []byte(" "))
	return bytes.HasPrefix(status, []byte("200 "))
}

func (d *daemon) path(name string) string { return filepath.Join(d.dir, name) }

// AccessLogLines counts the lines of the access log, one per request, over all lives. The count is exact once
// [daemon.Stop] has returned; of a life that [daemon.Kill] ended lines may be missing.
func (d *daemon) AccessLogLines() int64 {
	d.tb.Helper()
	f, err := os.Open(d.path(accessLog))
	if err != nil {
		d.tb.Fatalf("count the requests that %s logged: %v", d.program.name, err)
	}
	defer f.Close()
	lines, err := countLines(f)
	if err != nil {
		d.tb.Fatalf("count the requests that %s logged: %v", d.program.name, err)
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

// ErrorLog returns what the daemon wrote into its error log, in all its lives.
func (d *daemon) ErrorLog() string {
	text, _ := os.ReadFile(d.path(errorLog)) // none yet: nothing written
	return string(text)
}

// Stop ends the daemon and waits for it: gracefully, or by force if it does not end in time, which fails the test. If it
// has ended, Stop does nothing.
func (d *daemon) Stop() {
	d.tb.Helper()
	if !d.process.stop(d.program.graceful, stopBound) {
		d.tb.Errorf("%s did not end within %v of %v and was killed", d.program.name, stopBound, d.program.graceful)
	}
}

// Kill ends the daemon with all its processes at once, by SIGKILL, and returns when nothing listens on Addr any more. If
// it has ended, Kill does nothing.
func (d *daemon) Kill() {
	d.tb.Helper()
	d.process.kill()
	// What it had started ends beside it, and is not ours to wait for.
	if !poll(stopBound, func() bool { return !listens(d.Addr) }) {
		d.tb.Errorf("%s was killed and still listens on %s after %v", d.program.name, d.Addr, stopBound)
	}
}

func listens(addr string) bool {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

// Restart starts the daemon again, on the same address, with the same configuration and logs that go on. If it still
// runs, Restart stops it first. It fails the test at once if another process has the address and keeps it.
func (d *daemon) Restart() {
	d.tb.Helper()
	if err := d.restart(startBound); err != nil {
		d.tb.Fatalf("start %s again on %s: %v", d.program.name, d.Addr, err)
	}
}

func (d *daemon) restart(bound time.Duration) (err error) {
	d.tb.Helper()
	d.Stop()
	poll(bound, func() bool {
		err = d.launch(d.Addr)
		return !errors.Is(err, errAddrTaken)
	})
	return err
}

// indexHTML is as long as the page that nginx brings along: 612 bytes.
var indexHTML = func() string {
	const head, tail = "<!DOCTYPE html>\n<title>It works</title>\n<p>", "</p>\n"
	return head + string(bytes.Repeat([]byte("x"), 612-len(head)-len(tail))) + tail
}()
