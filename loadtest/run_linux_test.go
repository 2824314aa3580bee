package loadtest

import (
	"net"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRunHoldsAllConnsOnEpoll(t *testing.T) {
	for name, s := range map[string]*Server{
		"tcp":  NewServer(t, nil),
		"unix": Serve(t, "unix", serveHTTP(http.HandlerFunc(ok))),
	} {
		t.Run(name, func(t *testing.T) {
			r, err := Run(t.Context(), brief(s, "", 50))
			require.NoError(t, err)
			requireHeld(t, r, 50)
			require.Equal(t, "epoll", r.Config.Driver)
		})
	}
}

// A path is enough beside a UnixSocket.
func TestRunOnAUnixSocket(t *testing.T) {
	s := Serve(t, "unix", serveHTTP(http.HandlerFunc(onlyHealth)))
	cfg := brief(nil, "/health?x", 5)
	cfg.UnixSocket = s.Addr
	r, err := Run(t.Context(), cfg)
	require.NoError(t, err)
	require.EqualValues(t, 5, r.Conns.Held)
	require.Zero(t, r.Requests.Unwanted)
	require.Equal(t, "http://localhost/health?x", r.Config.URL)
}

// sources counts the requests by source address.
type sources struct {
	mu    sync.Mutex
	conns map[string]map[string]bool // ports by address
}

func (s *sources) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ip, port, _ := net.SplitHostPort(r.RemoteAddr)
	if s.conns == nil {
		s.conns = map[string]map[string]bool{}
	}
	if s.conns[ip] == nil {
		s.conns[ip] = map[string]bool{}
	}
	s.conns[ip][port] = true
}

// With a range of ten ports each source address carries five conns, on both drivers.
func TestRunSpreadsOverLoopbackAddresses(t *testing.T) {
	for name, start := range map[string]func(testing.TB, http.Handler) *Server{"tcp": NewServer, "TLS": NewTLSServer} {
		t.Run(name, func(t *testing.T) {
			var seen sources
			narrow := systemRunner()
			narrow.limits.portRange = func() (int, int, bool) { return 40_000, 40_009, true }
			cfg := brief(start(t, &seen), "", 12)
			r, err := narrow.run(t.Context(), cfg)
			require.NoError(t, err)
			requireHeld(t, r, 12)
			require.Equal(t, addrs("127.0.0.1", "127.0.0.2", "127.0.0.3"), r.Config.LocalAddrs)
			for _, ip := range []string{"127.0.0.1", "127.0.0.2", "127.0.0.3"} {
				require.Len(t, seen.conns[ip], 4, "conns from %s", ip)
			}
		})
	}
}
