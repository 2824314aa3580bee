package loadtest

import (
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// exchangeServers are a plain net/http server and the fixture's, to see what counting costs.
var exchangeServers = map[string]func(testing.TB) (dial func() *fixtureClient){
	"plain": func(tb testing.TB) func() *fixtureClient {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(tb, err)
		h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok\n") })
		server := &http.Server{Handler: h}
		go server.Serve(ln)
		tb.Cleanup(func() { server.Close() })
		like := &Server{Addr: ln.Addr().String(), ln: &listener{network: "tcp"}}
		return func() *fixtureClient { return dialFixture(tb, like) }
	},
	"fixture": func(tb testing.TB) func() *fixtureClient {
		s := NewServer(tb, nil)
		return func() *fixtureClient { return dialFixture(tb, s) }
	},
}

// exchangeRaw is one request and its response with as little client as possible.
func exchangeRaw(tb testing.TB, c *fixtureClient, buf []byte) int {
	c.send(tb, getRequest)
	n, err := c.Read(buf)
	require.NoError(tb, err)
	return n
}

func BenchmarkExchange(b *testing.B) {
	for _, name := range []string{"plain", "fixture"} {
		b.Run("server="+name, func(b *testing.B) {
			c, buf := exchangeServers[name](b)(), make([]byte, 4096)
			for b.Loop() {
				exchangeRaw(b, c, buf)
			}
		})
	}
}

func TestExchange(t *testing.T) {
	for name, start := range exchangeServers {
		c, buf := start(t)(), make([]byte, 4096)
		for range 3 {
			n := exchangeRaw(t, c, buf)
			require.Regexp(t, `(?s)^HTTP/1\.1 200 OK\r\n.*\r\n\r\nok\n$`, string(buf[:n]), name)
		}
	}
}
