package peers

import (
	"bufio"
	"bytes"
	"encoding/gob"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/holdfast/loadtest"
)

// A truthServer is our side of the server whose log is the truth.
type truthServer struct {
	URL string

	tb      testing.TB
	process *process
	stdin   io.WriteCloser
	stdout  *os.File
	out     *bufio.Reader
	stderr  bytes.Buffer
}

// startTruth starts one on a free port of the loopback, and ends it with the test.
func startTruth(tb testing.TB) *truthServer {
	tb.Helper()
	self, err := os.Executable()
	require.NoError(tb, err)
	s := &truthServer{tb: tb}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), truthVariable+"=1")
	cmd.Stderr = &s.stderr
	s.stdin, err = cmd.StdinPipe()
	require.NoError(tb, err)
	// Not StdoutPipe: Wait, which runs beside us, would close it over what is not yet read.
	stdout, childs, err := os.Pipe()
	require.NoError(tb, err)
	cmd.Stdout = childs
	s.stdout, s.out = stdout, bufio.NewReader(stdout)
	s.process, err = start(cmd, syscall.SIGKILL)
	childs.Close()
	require.NoError(tb, err)
	tb.Cleanup(func() {
		s.stdin.Close()
		s.stdout.Close()
		s.process.kill()
	})
	require.NoError(tb, stdout.SetReadDeadline(time.Now().Add(startBound)))
	addr, err := s.out.ReadString('\n')
	require.NoError(tb, err, "the server does not start")
	s.URL = "http://" + strings.TrimSpace(addr) + "/"
	return s
}

// stall has the server neither read nor write for d.
func (s *truthServer) stall(d time.Duration) error {
	_, err := fmt.Fprintln(s.stdin, d)
	return err
}

// end ends the server and returns its log.
func (s *truthServer) end() truthLog {
	s.tb.Helper()
	require.NoError(s.tb, s.stdin.Close())
	require.NoError(s.tb, s.stdout.SetReadDeadline(time.Now().Add(stopBound)))
	var log truthLog
	require.NoError(s.tb, gob.NewDecoder(s.out).Decode(&log), "the server's log")
	require.True(s.tb, s.process.ended(stopBound), "the server does not end")
	require.NoError(s.tb, s.process.err, "it wrote:\n%s", &s.stderr)
	s.stdout.Close()
	require.Zero(s.tb, log.Unstamped, "requests that the server could not time")
	require.Zero(s.tb, log.Unfinished, "requests in pieces")
	return log
}

// took returns how long the server had each request, in order.
func (l truthLog) took() []time.Duration {
	all := make([]time.Duration, len(l.Exchanges))
	for i, e := range l.Exchanges {
		all[i] = e.took()
	}
	slices.Sort(all)
	return all
}

// quantile is that of rank q·n of sorted durations, as [loadtest.Distribution.Quantile] has it.
func quantile(sorted []time.Duration, q float64) time.Duration {
	rank := int(q*float64(len(sorted)) + 0.5)
	return sorted[min(max(rank, 1), len(sorted))-1]
}

// ranked returns the duration of rank k of n, 1 … n, at most 0.1 % above the true one.
func ranked(d loadtest.Distribution, k int) time.Duration {
	return d.Quantile(float64(k) / float64(d.Count()))
}
