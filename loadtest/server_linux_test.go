package loadtest

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/holdfast/internal/leaktest"
)

// A closed fixture leaves no descriptor behind, whatever its conns were doing.
func TestCloseLeavesNoDescriptors(t *testing.T) {
	for name, start := range map[string]func(*testing.T) *Server{
		"tcp":        func(t *testing.T) *Server { return NewServer(t, nil) },
		"tls":        func(t *testing.T) *Server { return NewTLSServer(t, nil) },
		"serve tcp":  func(t *testing.T) *Server { return Serve(t, "tcp", serveHTTP(http.NotFoundHandler())) },
		"serve unix": func(t *testing.T) *Server { return Serve(t, "unix", serveHTTP(http.NotFoundHandler())) },
	} {
		t.Run(name, func(t *testing.T) {
			start(t).Close() // the runtime's poller has its descriptors for good from here on
			before := len(leaktest.Descriptors())
			s := start(t)
			var clients []*fixtureClient
			for i := range 20 {
				c := dialFixture(t, s)
				if i%2 == 0 {
					c.exchange(t, getRequest)
				}
				clients = append(clients, c)
			}
			s.Close()
			for _, c := range clients {
				c.Close()
			}
			// The kernel's descriptor goes when the goroutine that reads the conn has seen its end.
			left := len(leaktest.Descriptors())
			for deadline := time.Now().Add(5 * time.Second); left > before && time.Now().Before(deadline); {
				time.Sleep(time.Millisecond)
				left = len(leaktest.Descriptors())
			}
			require.LessOrEqual(t, left, before)
		})
	}
}
