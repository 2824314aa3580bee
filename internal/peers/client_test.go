//go:build linux

package peers

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// jobVariable carries a clientJob to a child: this same test binary, see TestMain.
const jobVariable = "HOLDFAST_PEER_JOB"

// A clientJob says what a client in a child process does.
type clientJob struct {
	Client      string // "holdfast" or "net/http"
	URL         string
	Conns       int
	IdleTimeout time.Duration
	Hold        time.Duration
	ClosedLoop  bool // GET back to back on conns that open at once; else the origin's job
}

// An outcome is what a client says about its run, one line of JSON on its standard output. What a client does not count
// is 0.
type outcome struct {
	Opened   int64 `json:"opened"` // connections that were established
	Held     int64 `json:"held"`
	Dropped  int64 `json:"dropped"`
	Answered int64 `json:"answered"` // requests
	Failed   int64 `json:"failed"`
}

// The ramp of the origin.
const (
	rampConns = 10
	rampEvery = 10 * time.Millisecond
)

func rampTime(conns int) time.Duration {
	return time.Duration((conns-1)/rampConns) * rampEvery
}

// clientMain runs a client in a child and returns its exit code. It does as little as it can beside the client: its CPU
// and memory are what is compared.
func clientMain(text string) int {
	var job clientJob
	if err := json.Unmarshal([]byte(text), &job); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", jobVariable, err)
		return 2
	}
	var o outcome
	var err error
	switch job.Client {
	case "holdfast":
		o, err = holdfastClient(job)
	case "net/http":
		o, err = netHTTPClient(job)
	default:
		err = fmt.Errorf("no client %q", job.Client)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if err := json.NewEncoder(os.Stdout).Encode(o); err != nil {
		return 1
	}
	_, _ = io.Copy(io.Discard, os.Stdin) // the parent reads our memory, then closes it
	return 0
}

// runChild runs job in a child process.
func runChild(tb testing.TB, job clientJob) (outcome, Usage) {
	tb.Helper()
	text, err := json.Marshal(job)
	require.NoError(tb, err)
	self, err := os.Executable()
	require.NoError(tb, err)
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), jobVariable+"="+string(text))
	return runClient(tb, cmd, rampTime(job.Conns)+job.Hold+time.Minute)
}

// runClient runs cmd, which prints an outcome and then waits for the end of its standard input. Usage is that of its
// whole life: the CPU that the kernel accounts at its end (with its own children), the peak of its memory read just
// before.
func runClient(tb testing.TB, cmd *exec.Cmd, bound time.Duration) (outcome, Usage) {
	tb.Helper()
	o, u, err := converse(cmd, bound)
	require.NoError(tb, err)
	return o, u
}

func converse(cmd *exec.Cmd, bound time.Duration) (o outcome, u Usage, err error) {
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return o, u, err
	}
	defer stdin.Close()
	// Not StdoutPipe: Wait, which runs beside us, would close it over what is not yet read.
	stdout, childs, err := os.Pipe()
	if err != nil {
		return o, u, err
	}
	defer stdout.Close()
	cmd.Stdout = childs
	p, err := start(cmd, syscall.SIGKILL)
	childs.Close()
	if err != nil {
		return o, u, err
	}
	defer func() {
		p.kill()
		if err != nil {
			err = fmt.Errorf("%s: %w; %v; it wrote:\n%s", cmd.Path, err, cmd.ProcessState, stderr.Bytes())
		}
	}()

	line, err := readLine(stdout, bound)
	if err != nil {
		return o, u, fmt.Errorf("no outcome within %v: %w", bound, err)
	}
	if err := json.Unmarshal(line, &o); err != nil {
		return o, u, fmt.Errorf("outcome %q: %w", line, err)
	}
	if u, err = ProcessUsage(p.pid()); err != nil {
		return o, u, err
	}
	stdin.Close()
	if !p.ended(10 * time.Second) {
		return o, u, fmt.Errorf("it does not end")
	}
	u.CPU = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return o, u, p.err
}

func readLine(f *os.File, bound time.Duration) ([]byte, error) {
	if err := f.SetReadDeadline(time.Now().Add(bound)); err != nil {
		return nil, err
	}
	return bufio.NewReader(f).ReadBytes('\n')
}
