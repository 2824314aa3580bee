package netpoll

import (
	"crypto/tls"
	"io"
	"net"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// bothEnds returns both ends of a conn over a network.
func bothEnds(t *testing.T, network, address string) (client, server net.Conn) {
	t.Helper()
	ln, err := net.Listen(network, address)
	require.NoError(t, err)
	defer ln.Close()
	client, err = net.Dial(network, ln.Addr().String())
	require.NoError(t, err)
	server, err = ln.Accept()
	require.NoError(t, err)
	t.Cleanup(func() {
		client.Close()
		server.Close()
	})
	return client, server
}

func ask(nc net.Conn) Peer {
	var a Asker
	defer a.Close()
	return a.OfConn(nc)
}

// TestPeerOfConn: what was closed is told from what was shut down, and a request that came too late from one that came.
func TestPeerOfConn(t *testing.T) {
	type half interface{ CloseWrite() error }
	const request = "HEAD / HTTP/1.1\r\n\r\n"
	tests := []struct {
		name string
		end  func(t *testing.T, client, server net.Conn)
		want Peer
	}{
		{"closed", func(_ *testing.T, _, server net.Conn) { server.Close() }, Peer{}},
		{"half-closed", func(_ *testing.T, _, server net.Conn) { server.(half).CloseWrite() }, Peer{HalfClosed: true}},
		{"half-closed, with a request", func(t *testing.T, client, server net.Conn) {
			io.WriteString(client, request)
			server.(half).CloseWrite()
			_, err := server.Read(make([]byte, 100))
			require.NoError(t, err)
		}, Peer{HalfClosed: true}},
		{"closed with the request read", func(t *testing.T, client, server net.Conn) {
			io.WriteString(client, request)
			_, err := server.Read(make([]byte, 100))
			require.NoError(t, err)
			server.Close()
		}, Peer{}},
	}
	for _, network := range []string{"tcp4", "tcp6", "unix"} {
		address := map[string]string{"tcp4": "127.0.0.1:0", "tcp6": "[::1]:0"}[network]
		for _, test := range tests {
			t.Run(network+"/"+test.name, func(t *testing.T) {
				if network == "unix" {
					address = filepath.Join(t.TempDir(), "s")
				}
				client, server := bothEnds(t, network, address)
				test.end(t, client, server)
				_, err := client.Read(make([]byte, 100))
				require.Equal(t, io.EOF, err)
				require.Equal(t, test.want, ask(client))
				require.Equal(t, test.want, ask(tls.Client(client, &tls.Config{})), "below TLS")
			})
		}
	}
}

// TestPeerClosedBeforeTheRequest: the FIN had arrived, and nobody took what was written after it.
func TestPeerClosedBeforeTheRequest(t *testing.T) {
	client, server := bothEnds(t, "tcp", "127.0.0.1:0")
	server.Close()
	n, err := io.WriteString(client, "request")
	require.NoError(t, err)
	_, err = client.Read(make([]byte, 100))
	require.Equal(t, io.EOF, err)
	require.Equal(t, Peer{Unacknowledged: n}, ask(client))
}

func TestPeerOfWhatHasNoDescriptor(t *testing.T) {
	client, server := net.Pipe()
	require.Zero(t, ask(client))
	server.Close()
	client.Close()
	open, _ := bothEnds(t, "tcp", "127.0.0.1:0")
	require.Zero(t, ask(open), "its stream has not ended")
	open.Close()
	require.Zero(t, ask(open), "closed")
	var a Asker
	require.Zero(t, a.Of(-1))
}
