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

// String and parseJob write and read a job as words: encoding/json would add 170 kB to the memory of the child, which is
// compared.
func (j clientJob) String() string {
	return fmt.Sprintln(j.Client, j.URL, j.Conns, int64(j.IdleTimeout), int64(j.Hold), j.ClosedLoop)
}

func parseJob(text string) (j clientJob, err error) {
	_, err = fmt.Sscan(text, &j.Client, &j.URL, &j.Conns, &j.IdleTimeout, &j.Hold, &j.ClosedLoop)
	return j, err
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

func (o outcome) String() string {
	return fmt.Sprintf(`{"opened":%d,"held":%d,"dropped":%d,"answered":%d,"failed":%d}`,
		o.Opened, o.Held, o.Dropped, o.Answered, o.Failed)
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
	job, err := parseJob(text)
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s=%q: %v\n", jobVariable, text, err)
		return 2
	}
	var o outcome
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
	if _, err := fmt.Println(o); err != nil {
		return 1
	}
	_, _ = io.Copy(io.Discard, os.Stdin) // the parent reads our memory, then closes it
	return 0
}

// runChild runs job in a child process.
func runChild(tb testing.TB, job clientJob) (outcome, Usage) {
	tb.Helper()
	self, err := os.Executable()
	require.NoError(tb, err)
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), jobVariable+"="+job.String())
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

func TestJobAndOutcomeSurviveTheirWay(t *testing.T) {
	job := clientJob{Client: "net/http", URL: "http://127.0.0.1:1/", Conns: 7, IdleTimeout: time.Minute, Hold: time.Second, ClosedLoop: true}
	got, err := parseJob(job.String())
	require.NoError(t, err)
	require.Equal(t, job, got)
	_, err = parseJob("holdfast http://127.0.0.1:1/ many")
	require.Error(t, err)

	want := outcome{Opened: 1, Held: 2, Dropped: 3, Answered: 4, Failed: 5}
	var o outcome
	require.NoError(t, json.Unmarshal([]byte(want.String()), &o))
	require.Equal(t, want, o)
}

func TestClientMainRefuses(t *testing.T) {
	require.Equal(t, 2, clientMain("gibberish"))
	require.Equal(t, 1, clientMain(clientJob{Client: "wrk", URL: "-"}.String()))
	require.Equal(t, 1, clientMain(clientJob{Client: "net/http", URL: "-", ClosedLoop: true}.String()))
}
