package faulty

import (
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestRequestsWithBody sends requests in pieces, with long lines, and with bodies that look like the end of a head.
func TestRequestsWithBody(t *testing.T) {
	const size = 300_000
	long := "POST / HTTP/1.1\r\nA: " + strings.Repeat("content-length: 9", 500) + "\r\nCONTENT-length: 300000\r\n\r\n" +
		strings.Repeat("\r\n\r\n", size/4)
	each(t, func(t *testing.T, w world) {
		v := w.start(t, &Server{Fault: at(2, CloseUnanswered)})
		nc, err := v.dial(t.Context())
		require.NoError(t, err)
		for cut := range 60 {
			_, err := nc.Write([]byte(long[cut : cut+1]))
			require.NoError(t, err)
		}
		exchange(t, nc, long[60:])
		exchange(t, nc, long)
		_, err = nc.Write([]byte(long))
		require.NoError(t, err)
		wantEnd(t, nc, io.EOF)
		nc.Close()
		require.Equal(t, 3, v.Requests())
	})
}

// TestResetsWithBody leaves but the last byte of a body unread where that is what resets.
func TestResetsWithBody(t *testing.T) {
	const size = 300_000
	long := "POST / HTTP/1.1\r\nContent-Length: 300000\r\n\r\n" + strings.Repeat("\r\n\r\n", size/4)
	each(t, func(t *testing.T, w world) {
		for _, f := range []Fault{ResetUnanswered, ResetIdle} {
			if f.Possible(w.network, w.overTLS, 0) != nil {
				continue
			}
			v := w.start(t, &Server{Fault: at(0, f)})
			nc, err := v.dial(t.Context())
			require.NoError(t, err)
			if f == ResetIdle {
				exchange(t, nc, long)
			} else {
				_, err := nc.Write([]byte(long))
				require.NoError(t, err)
			}
			v.wantThen(t, nc, reset)
			require.Equal(t, 1, v.Requests())
		}
	})
}
