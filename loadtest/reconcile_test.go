package loadtest

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/holdfast/internal/engine"
)

func TestFixtureIsHeldAgainstTheLedger(t *testing.T) {
	const (
		connsAgree    = "agrees: 1000 served <= 1000 accepted <= 1000 connected"
		requestsAgree = "agrees: 1987 answered <= 1987 requests <= 1987 sent"
	)
	tests := map[string]struct {
		change         func(*reportInput)
		conns, request float64
		says           []string
	}{
		"agreement": {func(*reportInput) {}, 0, 0, []string{connsAgree, requestsAgree}},
		"a conn of another client": {func(in *reportInput) { in.fixture.Accepted += 3 }, 3, 0,
			[]string{"the fixture accepted 3 conns more than connected", requestsAgree}},
		"another server": {func(in *reportInput) { in.fixture.Accepted = 999 }, -1, 0,
			[]string{"1 conn served that the fixture did not accept", requestsAgree}},
		"requests of another client": {func(in *reportInput) { in.fixture.Requests++ }, 0, 1,
			[]string{connsAgree, "the fixture's handler saw 1 request more than were sent"}},
		"answers of a proxy": {func(in *reportInput) { in.fixture.Requests -= 2 }, 0, -2,
			[]string{connsAgree, "2 requests answered that did not reach the fixture's handler"}},
		"lost answers": {func(in *reportInput) {
			in.result.Requests.Answered, in.result.Requests.LostWithConn = 1900, 87
			in.fixture.Requests = 1950
		}, 0, 0, []string{"agrees: 1900 answered <= 1950 requests <= 1987 sent"}},
		"requests unknown": {func(in *reportInput) { in.fixture.Requests = -1 }, 0, 0, []string{connsAgree}},
		"handshakes that failed": {func(in *reportInput) {
			in.result.Conns.ConnectFailed, in.fixture.Accepted = 5, 1005
			in.result.Drops = []engine.Drop{{Cause: engine.TLSAlert, Count: 3}, {Cause: engine.ConnectTimedOut, Count: 2},
				{Cause: engine.ConnectRefused, Count: 7}}
		}, 0, 0, []string{"agrees: 1000 served <= 1005 accepted <= 1005 connected, with 5 that were given up on the way"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			in := sampleInput()
			test.change(&in)
			r := reportOf(in)
			got := map[string]float64{}
			for _, w := range r.Warnings {
				got[w.Kind] = w.Value
			}
			require.Equal(t, test.conns, got[WarnFixtureConns])
			require.Equal(t, test.request, got[WarnFixtureRequests])
			for _, s := range test.says {
				require.Contains(t, r.String(), s)
			}
		})
	}
}

// A client of the author's own uses the fixture while a run lasts: that is said to the conn and the request.
func TestAnotherClientIsSeen(t *testing.T) {
	t.Parallel()
	s := NewServer(t, nil)
	const strangers = 3
	used := false
	r, err := Run(t.Context(), Config{
		Server: s, Connections: 20, IdleTimeout: 500 * time.Millisecond, Hold: 1500 * time.Millisecond,
		Progress: func(Sample) {
			for range strangers {
				if used {
					return
				}
				c, err := net.Dial("tcp", s.Addr)
				if err != nil {
					t.Error(err)
					return
				}
				defer c.Close()
				io.WriteString(c, "HEAD / HTTP/1.0\r\n\r\nHEAD / HTTP/1.0\r\n\r\n") // the second is not read
				io.ReadAll(c)
			}
			used = true
		},
	})
	require.NoError(t, err)
	require.True(t, used)
	require.EqualValues(t, 20+strangers, r.Fixture.Accepted)
	require.Equal(t, r.Requests.Answered+strangers, r.Fixture.Requests)
	values := map[string]float64{}
	for _, w := range r.Warnings { // a busy machine adds its own
		values[w.Kind] = w.Value
	}
	require.EqualValues(t, strangers, values[WarnFixtureConns])
	require.EqualValues(t, strangers, values[WarnFixtureRequests])
}
