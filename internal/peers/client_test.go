//go:build linux

package peers

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/holdfast/internal/peers/clientjob"
)

// The ramp of the origin.
const (
	rampConns = 10
	rampEvery = 10 * time.Millisecond
)

func rampTime(conns int) time.Duration {
	return time.Duration((conns-1)/rampConns) * rampEvery
}

// authorBinary compiles the test binary of package author, once, and returns its path. It is removed with the tests.
var authorBinary = sync.OnceValues(func() (string, error) { return compileAuthor("author.test", os.Environ()) })

// pureAuthorBinary is the same without cgo, as where there is no C compiler: net then needs no C library, which is 1.5 MB
// of the other's memory.
var pureAuthorBinary = sync.OnceValues(func() (string, error) {
	return compileAuthor("author-pure.test", append(os.Environ(), "CGO_ENABLED=0"))
})

func compileAuthor(name string, env []string) (string, error) { return compile("./author", name, env) }

// compile makes the test binary of a package.
func compile(pkg, name string, env []string) (string, error) {
	path := filepath.Join(scratch, name)
	cmd := exec.Command("go", "test", "-c", "-o", path, pkg)
	cmd.Env = env
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("compile package %s: %w\n%s", pkg, err, out)
	}
	return path, nil
}

// runJob runs job in a child process, the given test binary.
func runJob(tb testing.TB, binary func() (string, error), job clientjob.Job) (clientjob.Outcome, Usage) {
	tb.Helper()
	path, err := binary()
	require.NoError(tb, err)
	cmd := exec.Command(path)
	cmd.Env = job.Environ()
	return runClient(tb, cmd, rampTime(job.Conns)+job.Hold+2*job.IdleTimeout+time.Minute)
}

// runClient runs cmd, which prints an outcome and then waits for the end of its standard input. Usage is that of its
// whole life: the CPU that the kernel accounts at its end (with its own children), the peak of its memory read just
// before.
func runClient(tb testing.TB, cmd *exec.Cmd, bound time.Duration) (clientjob.Outcome, Usage) {
	tb.Helper()
	o, u, err := converse(cmd, bound, func(*process) {})
	require.NoError(tb, err)
	return o, u
}

// converse calls started when the process runs.
func converse(cmd *exec.Cmd, bound time.Duration, started func(*process)) (o clientjob.Outcome, u Usage, err error) {
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
	started(p)

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
