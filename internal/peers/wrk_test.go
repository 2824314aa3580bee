//go:build linux

package peers

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// wrkOptions says how wrk is run: always one thread, as there is one nginx worker.
type wrkOptions struct {
	URL      string
	Conns    int
	Duration time.Duration // whole seconds
}

// runWrk runs wrk and returns the number of requests answered and what wrk used. Its peak memory is sampled. Any error
// that wrk counted fails the test.
func runWrk(tb testing.TB, o wrkOptions) (requests int64, u Usage) {
	tb.Helper()
	require.Zero(tb, o.Duration%time.Second, "wrk takes whole seconds, not %v", o.Duration)
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(RequireBinary(tb, "wrk", "wrk"), "-t1", "-c"+strconv.Itoa(o.Conns),
		fmt.Sprintf("-d%ds", o.Duration/time.Second), "--timeout", "10s", o.URL)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	p, err := start(cmd, syscall.SIGKILL)
	require.NoError(tb, err)
	defer p.kill()
	for deadline := time.Now().Add(o.Duration + 30*time.Second); !p.ended(50 * time.Millisecond); {
		require.True(tb, time.Now().Before(deadline), "wrk does not end")
		if now, err := ProcessUsage(p.pid()); err == nil { // an error: it has just ended
			u.PeakRSS = now.PeakRSS
		}
	}
	require.NoError(tb, p.err, "wrk wrote:\n%s%s", &stdout, &stderr)
	requests, err = parseWrk(stdout.String())
	require.NoError(tb, err)
	u.CPU = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return requests, u
}

var (
	wrkRequests = regexp.MustCompile(`^(\d+) requests in [\d.]+(us|ms|s|m), [\d.]+[KMGT]?B read$`)
	wrkOther    = regexp.MustCompile(`^(Running .* test @ .*|\d+ threads and \d+ connections|Thread Stats .*|` +
		`Latency .*|Req/Sec .*|Requests/sec: .*|Transfer/sec: .*|)$`)
)

// parseWrk returns the number of requests in wrk's output. A line that it does not know is an error: that is how wrk
// tells of socket errors and of statuses other than 2xx and 3xx.
func parseWrk(out string) (requests int64, err error) {
	for line := range strings.Lines(out) {
		line = strings.TrimSpace(line)
		if m := wrkRequests.FindStringSubmatch(line); m != nil && requests == 0 {
			requests, err = strconv.ParseInt(m[1], 10, 64)
			if err != nil {
				return 0, fmt.Errorf("output of wrk: %w", err)
			}
		} else if !wrkOther.MatchString(line) {
			return 0, fmt.Errorf("output of wrk: unexpected line %q in:\n%s", line, out)
		}
	}
	if requests == 0 {
		return 0, errors.New("output of wrk: no requests in:\n" + out)
	}
	return requests, nil
}

func TestParseWrk(t *testing.T) {
	const good = `Running 1s test @ http://127.0.0.1:8080/ok
  1 threads and 10 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   141.63us  118.33us   4.54ms   98.52%
    Req/Sec    70.02k     2.87k   72.39k    90.91%
  76592 requests in 1.10s, 11.54MB read
Requests/sec:  69636.14
Transfer/sec:     10.49MB
`
	got, err := parseWrk(good)
	require.NoError(t, err)
	require.EqualValues(t, 76592, got)

	const requests = "  76592 requests in 1.10s, 11.54MB read\n"
	for name, bad := range map[string]string{
		"socket errors": strings.Replace(good, requests, requests+"  Socket errors: connect 0, read 0, write 0, timeout 1\n", 1),
		"status":        strings.Replace(good, requests, requests+"  Non-2xx or 3xx responses: 3\n", 1),
		"twice":         strings.Replace(good, requests, requests+requests, 1),
		"none answered": strings.Replace(good, "76592", "0", 1),
		"no requests":   strings.Replace(good, requests, "", 1),
		"empty":         "",
		"no connection": "unable to connect to 127.0.0.1:8080 Connection refused\n",
	} {
		_, err := parseWrk(bad)
		require.Error(t, err, name)
	}
}
