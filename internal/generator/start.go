package generator

import (
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"example.com/holdfast/internal/spawn"
)

// Supported reports whether this system has what generator children need.
const Supported = spawn.Supported

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
	*spawn.Process
	out   *sender
	in    *gob.Decoder
	start Start
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

// launch starts the executable with neither stdout nor stderr of ours: an orphan that held these would keep go test waiting.
func launch(path string) (*process, error) {
	p, err := spawn.Start(spawn.Program{Path: path, Env: os.Environ(), Variable: variable})
	if err != nil {
		return nil, err
	}
	return &process{Process: p, out: newSender(p.Conn), in: gob.NewDecoder(p.Conn)}, nil
}

// greet waits for the child's first word.
func (p *process) greet(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { p.Conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	if err := p.Conn.SetReadDeadline(time.Now().Add(startPatience)); err != nil {
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
	return p.Conn.SetReadDeadline(time.Time{})
}

// closePatience is how long a child may take to end by itself once its socket is closed.
const closePatience = 2 * time.Second

// close ends the child, and returns when it is gone.
func (p *process) close() {
	p.Conn.Close() // nothing is written any more
	p.out.end()
	<-p.out.sent
	p.Close(closePatience)
}

// fate says how the child ended, or that it goes on, with the last of what it wrote to stderr.
func (p *process) fate() string { return p.Fate(closePatience) }
