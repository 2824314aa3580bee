package loadtest

import (
	"context"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDialContextThatReturnsNothing(t *testing.T) {
	dial := customDialer(func(_ context.Context, network, addr string) (net.Conn, error) {
		require.Equal(t, "tcp", network)
		require.Equal(t, "[::1]:81", addr)
		return nil, nil
	}, "[::1]:81")
	_, err := dial(t.Context(), 0)
	require.ErrorIs(t, err, errNoConn)
}
