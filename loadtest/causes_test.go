package loadtest_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/holdfast/loadtest"
)

// What servers of net/http do to conns, as their authors would see it.

func silent(s *loadtest.Server, conns int) loadtest.Config {
	return loadtest.Config{
		Server: s, Connections: conns, Cadence: loadtest.Silent(), IdleTimeout: 20 * time.Second, Hold: 300 * time.Millisecond,
		ResponseTimeout: 30 * time.Second, ConnectTimeout: 30 * time.Second,
	}
}

// lostBy runs cfg and demands that all of its conns were lost by one cause.
func lostBy(t *testing.T, cfg loadtest.Config, want loadtest.Cause) (*loadtest.Report, loadtest.Drop) {
	t.Helper()
	r, err := loadtest.Run(t.Context(), cfg)
	require.NoError(t, err)
	require.Len(t, r.Drops, 1, "\n%s", r)
	require.Equal(t, want, r.Drops[0].Cause, "\n%s", r)
	require.EqualValues(t, cfg.Connections, r.Drops[0].Count)
	return r, r.Drops[0]
}

// A server that speaks HTTP/2 alone resets a request of HTTP/1.1.
func TestServerOfHTTP2Alone(t *testing.T) {
	t.Parallel()
	server := &http.Server{Handler: http.NotFoundHandler(), Protocols: new(http.Protocols)}
	server.Protocols.SetUnencryptedHTTP2(true)
	r, _ := lostBy(t, silent(loadtest.Serve(t, "tcp", server.Serve), 20), loadtest.CauseResetBeforeFirst)
	require.Contains(t, strings.Join(strings.Fields(r.String()), " "), "does it speak only HTTP/2")
}

// A handler that panics closes the conn of its request.
func TestHandlerThatPanics(t *testing.T) {
	t.Parallel()
	handler := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	_, d := lostBy(t, silent(loadtest.NewServer(t, handler), 20), loadtest.CauseClosedBeforeFirst)
	require.Positive(t, d.Sample.Waited)
}

// A handler that writes less than it has announced ends the conn in the middle of the body.
func TestHandlerThatWritesTooLittle(t *testing.T) {
	t.Parallel()
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		w.Write(make([]byte, 10))
	})
	cfg := silent(loadtest.NewServer(t, handler), 20)
	cfg.Request.Method = http.MethodGet
	_, d := lostBy(t, cfg, loadtest.CauseClosedInBody)
	require.Equal(t, http.StatusOK, d.Sample.Status)
	require.Greater(t, d.Sample.Bytes, int64(10), "head and body")
}

// The hazard shows a keep-alive timeout to the bin: none is closed at a younger age, and who gets older is before the first
// request, which net/http waits for without a timeout here.
func TestHazardShowsTheTimeout(t *testing.T) {
	const timeout = 20 * time.Second
	synctest.Test(t, func(t *testing.T) {
		server := &http.Server{Handler: http.NotFoundHandler(), IdleTimeout: timeout}
		r, err := loadtest.Run(t.Context(), loadtest.Config{
			Server: loadtest.Serve(t, "memory", server.Serve), Connections: 50,
			Cadence: loadtest.Uniform(5*time.Second, 30*time.Second), Hold: 3 * time.Minute,
			Reopen: loadtest.Reopen{Delay: -1},
		})
		require.NoError(t, err)
		var closes int64
		for _, b := range r.Hazard {
			switch {
			case b.To <= timeout:
				require.Zero(t, b.Closes, "%+v", b)
			case b.From > timeout:
				require.Zero(t, b.Closes, "%+v", b)
				require.LessOrEqual(t, b.Reached, r.Conns.Requested, "%+v", b)
			default:
				closes = b.Closes
			}
		}
		require.Greater(t, closes, int64(100))
		require.Equal(t, r.Conns.Dropped, closes)
		require.Equal(t, r.Conns.Reopened, r.Conns.Recovered)
		text := strings.Join(strings.Fields(r.String()), " ") // lines are folded
		require.Contains(t, text, "the keep-alive timeout of the server")
		require.Contains(t, text, "the server closes what is idle for some 20.0s, less than Config.IdleTimeout (1m)")
	})
}
