package standalone

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/holdfast/loadtest"
)

func TestLiveLines(t *testing.T) {
	lost := loadtest.Loss{Slot: 17, Cause: "closed while idle", At: 1500 * time.Millisecond, Idle: 1400 * time.Millisecond, Served: 3}
	failed := loadtest.Loss{Slot: 18, Cause: "connect refused", At: 1600 * time.Millisecond, Detail: "connection refused"}
	var out strings.Builder
	LiveLines(&out, loadtest.Sample{
		At: 2 * time.Second, Phase: "hold", Open: 998, Connected: 4, Due: 70, Sent: 69, Answered: 68, Failed: 1, Dropped: 5,
		LatencyP50: 212345, LatencyP99: 1234567, Lost: []loadtest.Loss{lost, failed},
	})
	require.Equal(t, `   1.5s conn 17 closed while idle, 3 answered, idle 1.4s
   1.6s conn 18 connect refused, 0 answered, idle 0s: connection refused
   2.0s and 3 more lost
   2.0s hold   998 open  +4 -5  69 sent  68 answered  1 failed  latency p50 212µs p99 1.235ms
`, out.String())
}
