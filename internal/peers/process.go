package peers

import (
	"fmt"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// A process is a program that we started, and that does not outlive us.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it was reaped
	err  error         // of cmd.Wait, once done
}

// start starts cmd. Should this process end without stopping it (a panic, a test's time limit), it gets the signal
// orphaned where the kernel can do that.
func start(cmd *exec.Cmd, orphaned syscall.Signal) (*process, error) {
	tie(cmd, orphaned)
	cmd.WaitDelay = 5 * time.Second // for what the child left behind with our pipes open
	p := &process{cmd: cmd, done: make(chan struct{})}
	started := make(chan error)
	go func() {
		// The kernel sends the signal when the thread that forked ends: keep that thread until the child is gone.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		p.err = cmd.Wait()
		close(p.done)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	return p, nil
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// ended says whether the process ends within bound.
func (p *process) ended(bound time.Duration) bool {
	select {
	case <-p.done:
		return true
	case <-time.After(bound):
		return p.hasEnded() // the select is free to come here though both are ready
	}
}

func (p *process) hasEnded() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// stop asks the process to end with sig, and kills it if it still runs after bound: then it returns false.
func (p *process) stop(sig syscall.Signal, bound time.Duration) bool {
	_ = p.cmd.Process.Signal(sig) // an error: it has ended already, as we shall see
	if p.ended(bound) {
		return true
	}
	p.kill()
	return false
}

// kill ends the process and what it started, and reaps it.
func (p *process) kill() {
	if !p.hasEnded() {
		killAll(p.cmd.Process)
	}
	<-p.done
}

// poll asks ready again and again until it says yes, or bound has passed: then it returns false.
func poll(bound time.Duration, ready func() bool) bool {
	for deadline := time.Now().Add(bound); ; time.Sleep(2 * time.Millisecond) {
		if ready() {
			return true
		}
		if time.Now().After(deadline) {
			return false
		}
	}
}
