package generator

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/gob"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"sync"
	"time"

	"example.com/holdfast/internal/netpoll"
)

// Supported reports whether this system has what generator children need.
const Supported = netpoll.CanInherit

// A StartError says that the test binary could not be run again as a generator child.
type StartError struct {
	Path string // what was executed
	Err  error
}

func (e *StartError) Error() string {
	return fmt.Sprintf("starting a generator process from %s: %v", e.Path, e.Err)
}

func (e *StartError) Unwrap() error { return e.Err }

// Children are processes that wait for a plan, or carry it out.
type Children struct{ all []*process }

// startPatience bounds the time from starting a child to its first word: the init of all packages that come before ours
// lies in it.
const startPatience = time.Minute

// StartChildren starts n of them. If one cannot start, none is left.
func StartChildren(ctx context.Context, n int) (*Children, error) {
	c := &Children{all: make([]*process, n)}
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { c.all[i], errs[i] = startFrom(ctx, executables()...) })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil { // one says it all
			c.Close()
			return nil, err
		}
	}
	return c, nil
}

// PIDs returns the process ids of all children.
func (c *Children) PIDs() []int {
	pids := make([]int, len(c.all))
	for i, p := range c.all {
		pids[i] = p.start.PID
	}
	return pids
}

// Close ends the children that still run, and waits for all.
func (c *Children) Close() {
	var wg sync.WaitGroup
	for _, p := range c.all {
		if p != nil {
			wg.Go(p.close)
		}
	}
	wg.Wait()
}

// A process is a child, seen by its parent.
type process struct {
	command *exec.Cmd
	conn    net.Conn
	out     *sender
	in      *gob.Decoder
	start   Start
	stderr  *tail
	exited  chan struct{} // closed when it was waited for
}

// executables are the ways to this process's own executable: the first works if the file was moved or deleted since.
func executables() []string {
	paths := []string{"/proc/self/exe"}
	if path, err := os.Executable(); err == nil {
		paths = append(paths, path)
	}
	return paths
}

// startFrom starts a child from the first of paths that can be executed, and hears its first word.
func startFrom(ctx context.Context, paths ...string) (*process, error) {
	var failed error
	for _, path := range paths {
		p, err := launch(path)
		if err != nil {
			failed = errors.Join(failed, &StartError{path, err})
			continue
		}
		if err := p.greet(ctx); err != nil {
			p.close()
			return nil, &StartError{path, err}
		}
		return p, nil
	}
	return nil, failed
}

// launch starts the executable with one end of a socket pair, a nonce for both ends to compare, and neither stdout nor
// stderr: an orphan that held these would keep go test waiting for it.
func launch(path string) (*process, error) {
	own, theirs, err := netpoll.SocketPair()
	if err != nil {
		return nil, err
	}
	defer own.Close() // the conn has its own
	defer theirs.Close()
	conn, err := net.FileConn(own)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, nonceSize)
	rand.Read(nonce) // it never fails
	p := &process{conn: conn, stderr: &tail{}, exited: make(chan struct{})}
	p.command = &exec.Cmd{
		Path: path, Args: []string{path},
		Env:        append(os.Environ(), variable+"="+hex.EncodeToString(nonce)),
		ExtraFiles: []*os.File{theirs}, Stderr: p.stderr, SysProcAttr: netpoll.OwnGroup(),
		WaitDelay: time.Second,
	}
	if err := p.command.Start(); err != nil {
		conn.Close()
		return nil, err
	}
	go func() {
		_ = p.command.Wait() // ProcessState says it
		close(p.exited)
	}()
	if _, err := conn.Write(nonce); err != nil {
		p.close()
		return nil, fmt.Errorf("telling it the nonce: %w", err)
	}
	p.out, p.in = newSender(conn), gob.NewDecoder(conn)
	return p, nil
}

// greet waits for the child's first word.
func (p *process) greet(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { p.conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	if err := p.conn.SetReadDeadline(time.Now().Add(startPatience)); err != nil {
		return err
	}
	var n news
	err := p.in.Decode(&n)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("it said nothing within %v: do its packages take that long to initialise?", startPatience)
	case err != nil:
		return fmt.Errorf("it ended before it took over: %s", p.fate())
	case n.Hello == nil:
		return errors.New("its first message is not what this build says")
	}
	p.start = *n.Hello
	return p.conn.SetReadDeadline(time.Time{})
}

// closePatience is how long a child may take to end by itself once its socket is closed.
const closePatience = 2 * time.Second

// close ends the child, and returns when it is gone.
func (p *process) close() {
	p.conn.Close()
	if p.out != nil {
		p.out.end()
		<-p.out.sent
	}
	timer := time.NewTimer(closePatience)
	defer timer.Stop()
	select {
	case <-p.exited:
	case <-timer.C:
		_ = p.command.Process.Kill()
		<-p.exited
	}
}

// fate says how the child ended, or that it goes on, with the last of what it wrote to stderr.
func (p *process) fate() string {
	timer := time.NewTimer(closePatience)
	defer timer.Stop()
	how := "its socket closed, and it still runs"
	select {
	case <-p.exited:
		how = p.command.ProcessState.String()
	case <-timer.C:
	}
	if text := p.stderr.text(); text != "" {
		how += ": " + text
	}
	return how
}

// A tail keeps the end of what is written to it.
type tail struct {
	mu   sync.Mutex
	last []byte
}

const tailSize = 4 << 10

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = append(t.last, b...)
	t.last = t.last[max(0, len(t.last)-tailSize):]
	return len(b), nil
}

func (t *tail) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(bytes.TrimSpace(t.last))
}
