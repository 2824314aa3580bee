package gate

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/holdfast/internal/netpoll"
	"example.com/holdfast/loadtest"
)

// startBackend starts a server in a process of its own, as an author's test does who has a program to test. It ends with the test.
func startBackend(t *testing.T, role string) (url string, pid int) {
	path, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), path, "-test.run=^TestRole$")
	cmd.Env = append(os.Environ(), roleVariable+"="+role)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	address, err := bufio.NewReader(out).ReadString('\n')
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // at once when it ends
		close(ended)
	}()
	t.Cleanup(func() {
		in.Close()
		<-ended
	})
	require.NoError(t, err)
	println("backend", cmd.Process.Pid)
	return "http://" + strings.TrimSpace(address), cmd.Process.Pid
}

// beBackend is that process, which ends with its stdin, or at a request.
func beBackend(t *testing.T, last int64) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	fmt.Println(l.Addr())
	var asked atomic.Int64
	go http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) == last {
			os.Exit(7)
		}
		okay(w, r)
	}))
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
}

func roleMatch(t *testing.T, base, head string) *match {
	of := func(role string) serverProgram { return program(t, "^TestRole$", roleVariable+"="+role) }
	m := &match{base: of(base), head: of(head), seed: 1, pace: hasty}
	m.head.name = headName
	return m
}

// TestPairOfEachKindOfServer: a gate loads what Check loads.
func TestPairOfEachKindOfServer(t *testing.T) {
	for _, kind := range []string{"tls", "unix", "pid"} {
		t.Run(kind, func(t *testing.T) {
			m := roleMatch(t, kind, kind)
			for range 2 { // head is the generator's first in every other one
				p, err := m.pair(within(t))
				require.NoError(t, err)
				require.Len(t, p.Slices, 8)
				for _, s := range []side{p.Base, p.Head} {
					require.EqualValues(t, 20, s.Conns)
					require.Zero(t, s.Dropped, s.Drops)
					require.Zero(t, s.Failed)
					require.Positive(t, s.Fewest)
					require.Positive(t, s.CPU)
					require.Positive(t, s.P50)
					requireGone(t, s.PID)
					if found := regexp.MustCompile(`backend (\d+)`).FindStringSubmatch(s.Output); kind == "pid" {
						require.NotNil(t, found, s.Output)
						backend, _ := strconv.Atoi(found[1])
						requireGone(t, backend)
					}
				}
			}
		})
	}
}

// TestBackendThatEnds is found out, although the test's own process lives on.
func TestBackendThatEnds(t *testing.T) {
	_, err := roleMatch(t, "pid", "ends").pair(within(t))
	require.ErrorContains(t, err, "the CPU clock of server process")
}

// TestKilledServerProcessLeavesNobody: not what its test has started either.
func TestKilledServerProcessLeavesNobody(t *testing.T) {
	s, err := program(t, "^TestRole$", roleVariable+"=pid").start(within(t))
	require.NoError(t, err)
	backend := s.served().Rival.PID
	require.NotEqual(t, s.PID(), backend)
	s.Close(0)
	meter := netpoll.NewMeter()
	require.Eventually(t, func() bool {
		p, there := meter.Process(backend)
		return !there || p.Ended
	}, time.Minute, time.Millisecond)
}

// TestCostOfATLSServer is measured in its own process, as any.
func TestCostOfATLSServer(t *testing.T) {
	m := roleMatch(t, "tls of many", "tls of many")
	p, why, err := m.cost(within(t))
	require.NoError(t, err)
	require.Empty(t, why)
	require.InDelta(t, p.Base.Goroutines.PerConn, p.Head.Goroutines.PerConn, .1)
}

// configOf is the Config of a test that has a server of some kind.
func configOf(t *testing.T, role string) (cfg loadtest.Config, ok bool) {
	kind, many := strings.CutSuffix(role, " of many")
	switch kind {
	case "tls":
		cfg.Server = loadtest.NewTLSServer(t, nil)
	case "unix":
		cfg.Server = loadtest.Serve(t, "unix", func(l net.Listener) error { return http.Serve(l, http.HandlerFunc(okay)) })
	case "pid":
		cfg.URL, cfg.ServerPID = startBackend(t, "backend")
	case "ends":
		cfg.URL, cfg.ServerPID = startBackend(t, "backend that ends")
	}
	if cfg.Connections = 20; many {
		cfg.Connections = 100
	}
	return cfg, cfg.Server != nil || cfg.URL != ""
}

func okay(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello\n") }
