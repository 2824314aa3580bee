package loadtest

import (
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// Verdicts of real runs: each reason that a run can be brought to in a moment, most of them in fake time.

// after answers each request after d.
func after(d time.Duration) http.Handler {
	return http.HandlerFunc(func(http.ResponseWriter, *http.Request) { time.Sleep(d) })
}

// faked runs cfg against a handler in fake time.
func faked(t *testing.T, h http.Handler, cfg Config, judge func(t *testing.T, r *Report)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		cfg.Server = Serve(t, "memory", serveHTTP(h))
		r, err := Run(t.Context(), cfg)
		require.NoError(t, err)
		judge(t, r)
	})
}

func TestRunThatPassesAndFails(t *testing.T) {
	const ms = time.Millisecond
	cfg := Config{Connections: 100, IdleTimeout: 10 * time.Second, Cadence: Uniform(time.Second, 2*time.Second)}
	faked(t, after(50*ms), cfg, func(t *testing.T, r *Report) {
		require.Equal(t, Pass, r.Judge(Budget{Latency: Limits{P50: 50 * ms, Max: 50 * ms}, ServiceTime: Limits{Max: 50 * ms}}).Outcome)
		// Nothing stamps what comes over memory, so that 10 ms may be ours.
		onlyReason(t, r.Judge(Budget{Latency: Limits{P99: 30 * ms}}), Fail, "Latency.P99", "at least 39.8ms")
		onlyReason(t, r.Judge(Budget{ServiceTime: Limits{P50: 45 * ms}}), Invalid, "ServiceTime.P50",
			"No arrival was timed by the kernel, so that 10.0ms of each may be ours. All seconds in question")
		for _, s := range r.Timeline {
			require.True(t, s.Clean, "in fake time nothing is late: %+v", s)
		}
	})
}

// TestRunOfAHungServer: timeouts are the server's doing where all of their time was clean.
func TestRunOfAHungServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hangs := time.Now().Add(3 * time.Second)
		h := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if time.Now().After(hangs) {
				<-r.Context().Done()
			}
		})
		r, err := Run(t.Context(), Config{Server: Serve(t, "memory", serveHTTP(h)), Connections: 10, Hold: 10 * time.Second,
			Cadence: Every(time.Second)})
		require.NoError(t, err)
		v := r.Judge(Budget{})
		require.Equal(t, Fail, v.Outcome)
		require.Len(t, v.Broken, 3, "%v", v)
		require.Contains(t, v.Broken[0].Text, "Held: at most 0, whatever this machine did")
	})
}

func TestRunWithLoadNotOffered(t *testing.T) {
	cfg := Config{Connections: 10, Cadence: Fixed(Every(10 * time.Millisecond)), Hold: time.Second, IdleTimeout: 10 * time.Second}
	faked(t, after(100*time.Millisecond), cfg, func(t *testing.T, r *Report) {
		onlyReason(t, r.Judge(Budget{}), Invalid, "load", "requests due in hold")
	})
}

func TestRunWithARampThatSlips(t *testing.T) {
	cfg := Config{Connections: 600, Cadence: Silent(), Hold: time.Second}
	faked(t, after(time.Second), cfg, func(t *testing.T, r *Report) {
		onlyReason(t, r.Judge(Budget{}), Invalid, "ramp", "its last conn was to be begun at 590ms, and was at 2.")
	})
}

func TestRunCutShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		r, err := Run(ctx, Config{Server: Serve(t, "memory", serveHTTP(after(0))), Connections: 10, Hold: time.Minute})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		v := r.Judge(Budget{Held: -1})
		onlyReason(t, v, Invalid, "run", "the run was cut short in the ramp")
	})
}

func TestRunWithoutDescriptors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := Serve(t, "memory", serveHTTP(after(0)))
		var n atomic.Int64
		dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
			if n.Add(1) > 18 {
				return nil, &net.OpError{Op: "dial", Err: os.NewSyscallError("socket", syscall.EMFILE)}
			}
			return s.target().dial(ctx)
		}
		r, err := Run(t.Context(), Config{URL: "http://localhost/", Connections: 20, DialContext: dial, Hold: time.Second,
			Cadence: Silent()})
		require.NoError(t, err)
		onlyReason(t, r.Judge(Budget{Held: 18, Drops: 2}), Invalid, "generator", "2 conns were lost by the generator's fault")
	})
}

func TestRunWithNothingDueInHold(t *testing.T) {
	faked(t, after(0), Config{Connections: 5, Cadence: Silent()}, func(t *testing.T, r *Report) {
		require.Equal(t, Pass, r.Judge(Budget{Connect: Limits{Max: time.Millisecond}}).Outcome)
		onlyReason(t, r.Judge(Budget{Latency: Limits{P50: time.Second}}), Invalid, "Latency.P50", "no request fell due in hold")
	})
}

func TestRunWithUnknownUse(t *testing.T) {
	faked(t, after(0), Config{Connections: 5, Cadence: Silent()}, func(t *testing.T, r *Report) {
		onlyReason(t, r.Judge(Budget{RSSPerConn: 1 << 20}), Invalid, "RSSPerConn", "set Config.Processes")
		onlyReason(t, r.Judge(Budget{CPUPerRequest: time.Second}), Invalid, "CPUPerRequest", "set Config.Processes")
	})
}

// TestRunThatIsStopped: while all of this process stands still, requests fall due and are late, server and all.
func TestRunThatIsStopped(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the host's part in a clean second is known on Linux only")
	}
	stop := exec.Command("sh", "-c", "kill -STOP $0; sleep 0.3; kill -CONT $0", strconv.Itoa(os.Getpid()))
	started := make(chan error, 1)
	r, err := Run(t.Context(), Config{Server: NewServer(t, after(0)), Connections: 50, Ramp: Ramp{Every: -1},
		Cadence: Every(50 * time.Millisecond), Hold: 1900 * time.Millisecond, Progress: func(s Sample) {
			if s.At == time.Second {
				started <- stop.Start()
			}
		}})
	require.NoError(t, err)
	require.NoError(t, <-started)
	require.NoError(t, stop.Wait())
	v := r.Judge(Budget{Latency: Limits{Max: 200 * time.Millisecond}})
	require.Equal(t, Invalid, v.Outcome, "%v", v)
	require.Equal(t, "Latency.Max", v.Invalid[0].Line)
	require.Contains(t, v.Invalid[0].Text, "we were late for what we had planned")
	var late time.Duration
	for _, s := range r.Timeline {
		late = max(late, s.Late)
	}
	require.Greater(t, late, 250*time.Millisecond)
}

// TestRunBesideBurners: who takes the CPUs is named.
func TestRunBesideBurners(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("what others use is known on Linux only")
	}
	for range runtime.NumCPU() {
		burner := exec.Command("sh", "-c", "while :; do :; done")
		require.NoError(t, burner.Start())
		defer func() {
			require.NoError(t, burner.Process.Kill())
			_ = burner.Wait() // killed
		}()
	}
	r, err := Run(t.Context(), Config{Server: NewServer(t, after(5*time.Millisecond)), Connections: 20,
		Cadence: Every(50 * time.Millisecond), Hold: time.Second})
	require.NoError(t, err)
	for _, s := range r.Timeline {
		require.False(t, s.Clean, "%+v", s)
	}
	v := r.Judge(Budget{ServiceTime: Limits{P50: time.Millisecond}})
	require.Equal(t, Invalid, v.Outcome, "%v", v)
	require.Contains(t, v.Invalid[0].Text, "the machine was busy with other work (foreign CPU up to")
}
