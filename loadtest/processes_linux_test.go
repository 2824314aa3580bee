package loadtest

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/holdfast/internal/generator"
)

// Generator processes change nothing of what is reported, but whose it is.
func TestRunInProcesses(t *testing.T) {
	for name, s := range map[string]*Server{
		"tcp":  NewServer(t, nil),
		"unix": Serve(t, "unix", serveHTTP(http.HandlerFunc(ok))),
		"tls":  NewTLSServer(t, nil),
	} {
		t.Run(name, func(t *testing.T) {
			cfg := brief(s, "", 50)
			cfg.Processes = 2
			r, err := Run(t.Context(), cfg)
			require.NoError(t, err)
			requireHeld(t, r, 50)
			require.Equal(t, 2, r.Config.Processes)
			require.Len(t, r.Processes, 2)
			for _, p := range r.Processes {
				require.EqualValues(t, 25, p.Conns)
				require.Empty(t, p.Died)
				require.NotEqual(t, os.Getpid(), p.PID)
			}
			for _, w := range r.Warnings {
				require.NotEqual(t, WarnBusyStart, w.Kind, "packages of this binary that start goroutines come later: %s", w.Text)
			}
			require.EqualValues(t, 50, r.Fixture.Accepted, "the handshake that verifies the certificate is not of the run")
			require.Contains(t, r.String(), "generators   2 processes for 50 conns, 25 each at most")
		})
	}
}

// A certificate that the test process does not trust is not trusted by its children: as without them.
func TestProcessesDoNotTrustWhomTheParentDoesNot(t *testing.T) {
	s := NewTLSServer(t, nil)
	cfg := brief(nil, "", 4)
	cfg.URL, cfg.Processes = s.URL, 2
	r, err := Run(t.Context(), cfg)
	require.NoError(t, err)
	require.Len(t, r.Drops, 1)
	require.Equal(t, CauseTLSCertificate, r.Drops[0].Cause)
	require.Contains(t, r.Drops[0].Sample.Detail, "certificate signed by unknown authority")
}

// childrenOf returns the children of this process.
func childrenOf(t *testing.T) (pids []int) {
	t.Helper()
	return childrenOfProcess(t, os.Getpid())
}

func childrenOfProcess(t *testing.T, pid int) (pids []int) {
	t.Helper()
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	require.NoError(t, err)
	for _, task := range tasks {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/children", pid, task.Name()))
		if os.IsNotExist(err) {
			continue // the thread has ended
		}
		require.NoError(t, err)
		for _, field := range strings.Fields(string(text)) {
			pid, err := strconv.Atoi(field)
			require.NoError(t, err)
			pids = append(pids, pid)
		}
	}
	return pids
}

// Of a generator process that is killed the report says which it was, and which conns were its.
func TestProcessThatIsKilled(t *testing.T) {
	cfg := brief(NewServer(t, nil), "", 20)
	cfg.Processes, cfg.Hold, cfg.IdleTimeout = 2, 2*time.Second, 4*time.Second
	var victim int
	cfg.Progress = func(s Sample) {
		if s.At == time.Second {
			victim = childrenOf(t)[0]
			require.NoError(t, syscall.Kill(victim, syscall.SIGKILL))
		}
	}
	r, err := Run(t.Context(), cfg)
	require.NoError(t, err)
	require.EqualValues(t, 10, r.Conns.Held)
	require.EqualValues(t, 10, r.Conns.Dropped)
	require.Len(t, r.Drops, 1)
	require.Equal(t, CauseGeneratorDied, r.Drops[0].Cause)
	require.Contains(t, r.Drops[0].Sample.Detail, strconv.Itoa(victim))
	died := r.Processes[0]
	if died.PID != victim {
		died = r.Processes[1]
	}
	require.Equal(t, victim, died.PID)
	require.Contains(t, died.Died, "killed")
	require.EqualValues(t, 10, died.Lost)
	require.Contains(t, r.String(), fmt.Sprintf("process %d, which had slots", victim))
	require.Empty(t, childrenOf(t), "nothing is left")
}

// A machine whose limit is too low for both ends gets as many processes as it takes.
func TestProcessesAreChosenByDescriptors(t *testing.T) {
	l := plenty()
	l.descriptors = func() (int, uint64, uint64, error) { return 8, 1024, 20_000, nil }
	fixture := Config{Server: fixtureOn("tcp", "http://127.0.0.1:1")}
	for _, tc := range []struct{ conns, asked, want int }{
		{9_980, 0, 0}, {9_981, 0, 1}, {19_960, 0, 1}, {19_961, 0, 0}, {10_000, -1, 0}, {10, 2, 2},
	} {
		fixture.Connections, fixture.Processes = tc.conns, tc.asked
		require.Equal(t, tc.want, l.processes(fixture), "%+v", tc)
	}
	other := Config{URL: "http://127.0.0.1/", Connections: 50_000}
	require.Equal(t, 3, l.processes(other))
	other.Reopen = Reopen{Delay: -1, PerSecond: 2}
	require.Equal(t, 2, l.processes(other), "each reopens one a second at least")
	other.DialContext = noDial
	require.Zero(t, l.processes(other), "whatever it takes, a function stays here")
	l.descriptors = func() (int, uint64, uint64, error) { return 8, 16, 16, nil }
	fixture.Processes = 0
	require.Zero(t, l.processes(fixture))
}

func TestProcessesThatCannotCarryTheirShare(t *testing.T) {
	l := plenty()
	l.descriptors = func() (int, uint64, uint64, error) { return 8, 1024, 20_000, nil }
	c := Config{URL: "http://127.0.0.1/", Connections: 50_000, Processes: 2}
	_, err := preflightOf(t, l, c, "127.0.0.1:1")
	requireShortage(t, err, ResourceError{"file descriptors", 25_040, 20_000, "set Config.Processes to 3"})
	c.Connections = 39_000
	_, err = preflightOf(t, l, c, "127.0.0.1:1")
	require.NoError(t, err)
}

func TestWhatProcessesExclude(t *testing.T) {
	for want, c := range map[string]Config{
		"DialContext is a function": {URL: "http://127.0.0.1/", DialContext: noDial},
		"is on memory":              {Server: fixtureOn("memory", "http://memory")},
		"its VerifyConnection cannot be given": {URL: "https://127.0.0.1/", TLS: &tls.Config{
			VerifyConnection: func(tls.ConnectionState) error { return nil },
		}},
		"Reopen.PerSecond is 1": {URL: "http://127.0.0.1/", Reopen: Reopen{Delay: -1, PerSecond: 1}},
	} {
		c.Processes, c.Connections = 2, 2
		require.ErrorContains(t, c.validate(), want)
	}
	require.ErrorContains(t, Config{URL: "http://127.0.0.1/", Processes: 2}.validate(), "for 1 Connections")
	require.ErrorContains(t, Config{URL: "http://127.0.0.1/", Connections: 100, Processes: 65}.validate(), "at most 64")
}

func TestProcessErrorSaysWhatToDo(t *testing.T) {
	err := processError(&generator.StartError{Path: "/proc/self/exe", Err: syscall.EACCES})
	var failed *ProcessError
	require.ErrorAs(t, err, &failed)
	require.Equal(t, "/proc/self/exe", failed.Path)
	require.ErrorIs(t, err, syscall.EACCES)
	require.ErrorContains(t, err, "cannot start a generator process from /proc/self/exe: permission denied")
	require.ErrorContains(t, err, "set Config.Processes to -1")
}

// Whenever a run with processes is cancelled, there is a report.
func TestProcessesAreCancelledAnyTime(t *testing.T) {
	s := NewServer(t, nil)
	for after := time.Duration(0); after < 60*time.Millisecond; after += 4 * time.Millisecond {
		cfg := brief(s, "", 20)
		cfg.Processes, cfg.Hold = 2, time.Minute
		ctx, cancel := context.WithTimeout(t.Context(), after)
		r, err := Run(ctx, cfg)
		cancel()
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NotNil(t, r)
		require.False(t, r.Phases.Complete)
		require.EqualValues(t, 20, r.Conns.Requested)
	}
	require.Empty(t, childrenOf(t))
}
