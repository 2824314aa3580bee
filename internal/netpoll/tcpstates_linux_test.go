package netpoll

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTCPStatesOfAnAddress(t *testing.T) {
	for _, addr := range []string{"127.91.0.1:0", "[::1]:0", "127.91.0.2:0"} {
		ln, err := net.Listen("tcp", addr)
		if err != nil && strings.HasPrefix(addr, "[") {
			continue // without IPv6
		}
		require.NoError(t, err)
		defer ln.Close()
		at := ln.Addr().(*net.TCPAddr).AddrPort()
		elsewhere, err := net.Listen("tcp", net.JoinHostPort("127.91.0.3", fmt.Sprint(at.Port())))
		require.NoError(t, err)
		defer elsewhere.Close() // another's, on the same port
		for range 3 {
			client, err := net.Dial("tcp", ln.Addr().String())
			require.NoError(t, err)
			defer client.Close()
			server, err := ln.Accept()
			require.NoError(t, err)
			defer server.Close()
		}
		own, peer, ok := TCPStates(at)
		require.True(t, ok)
		require.Equal(t, map[string]int{"LISTEN": 1, "ESTAB": 3}, own)
		require.Equal(t, map[string]int{"ESTAB": 3}, peer)
	}
}

func TestTCPLinesThatAreNone(t *testing.T) {
	for _, line := range []string{"", "  sl  local_address rem_address   st tx_queue rx_queue", "0: 0100007F:1F90 0100007F:9C40",
		"0: 0100007F 0100007F:9C40 01", "0: 0100007F:1F90 0100007F:9C40 0D", "0: 0100007F:1F90 0100007F:9C40 00"} {
		_, _, _, ok := parseTCPLine([]byte(line))
		require.False(t, ok, "%q", line)
	}
}
