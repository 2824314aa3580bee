package spawn

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"sync"
	"time"

	"example.com/holdfast/internal/netpoll"
)

// Supported reports whether this system has what children need.
const Supported = netpoll.CanInherit

const (
	childFD   = 3  // behind stdin, stdout and stderr
	nonceSize = 16 // bytes
)

// A Program is what to start.
type Program struct {
	Path     string
	Args     []string // after the program's name
	Dir      string   // "": this process's
	Env      []string // without Variable
	Variable string   // names the nonce
	Stdout   bool     // it is kept, with stderr, for Output: an orphan that inherited it would keep go test waiting
}

// A Process is a child, seen by its parent.
type Process struct {
	Conn    net.Conn // to the child
	command *exec.Cmd
	output  *tail
	exited  chan struct{} // closed when it was waited for
}

// Start starts a program, and writes the nonce.
func Start(g Program) (*Process, error) {
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
	p := &Process{Conn: conn, output: &tail{}, exited: make(chan struct{})}
	p.command = &exec.Cmd{
		Path: g.Path, Args: append([]string{g.Path}, g.Args...), Dir: g.Dir,
		Env:        append(g.Env[:len(g.Env):len(g.Env)], g.Variable+"="+hex.EncodeToString(nonce)),
		ExtraFiles: []*os.File{theirs}, Stderr: p.output, SysProcAttr: netpoll.OwnGroup(),
		WaitDelay: time.Second,
	}
	if g.Stdout {
		p.command.Stdout = p.output
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
		p.Close(0)
		return nil, fmt.Errorf("telling it the nonce: %w", err)
	}
	return p, nil
}

// PID returns the child's process id.
func (p *Process) PID() int { return p.command.Process.Pid }

// Exited is closed when the child has ended.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// Kill ends the child at once, and what it has started, unless that is in a group of its own: there is nobody left to end it.
func (p *Process) Kill() {
	select {
	case <-p.exited: // its number may be another's by now
	default:
		netpoll.KillGroup(p.PID())
	}
	_ = p.command.Process.Kill()
}

// Close closes the socket, and ends the child if it has not by itself when patience is over. It returns when the child is
// gone.
func (p *Process) Close(patience time.Duration) {
	p.Conn.Close()
	if !p.exitsWithin(patience) {
		p.Kill()
		<-p.exited
	}
}

func (p *Process) exitsWithin(patience time.Duration) bool {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-p.exited:
		return true
	case <-timer.C:
	}
	select {
	case <-p.exited: // without patience, both may be so
		return true
	default:
		return false
	}
}

// Fate says how the child ended, or that it goes on, with the last of what it wrote. It waits for that a little, because the
// socket of a child that ends closes before it has ended.
func (p *Process) Fate(patience time.Duration) string {
	how := "its socket closed, and it still runs"
	if p.exitsWithin(patience) {
		how = p.command.ProcessState.String()
	}
	if text := p.Output(); text != "" {
		how += ": " + text
	}
	return how
}

// ExitCode is that of a child that has ended; −1 if a signal ended it.
func (p *Process) ExitCode() int { return p.command.ProcessState.ExitCode() }

// Output is the end of what the child wrote.
func (p *Process) Output() string { return p.output.text() }

// A tail keeps the end of what is written to it.
type tail struct {
	mu   sync.Mutex
	last []byte
}

const tailSize = 16 << 10

var _ io.Writer = (*tail)(nil)

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
