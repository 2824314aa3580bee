package gate

import (
	"net/http"
	"os"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/holdfast/loadtest"
)

// A handicap is what makes the server of TestHandicapped worse, told by its environment.
const (
	connsVariable = "HOLDFAST_GATE_TEST_CONNS"
	spinVariable  = "HOLDFAST_GATE_TEST_SPIN" // rounds of work for each request
)

func number(t *testing.T, variable string) int {
	text := os.Getenv(variable)
	if text == "" {
		return 0
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err)
	return n
}

var spun uint64

// spin takes time that grows with n, and nothing else.
func spin(n int) uint64 {
	x := uint64(n)
	for range n {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
	}
	return x
}

// TestHandicapped is the test that server processes of other tests run.
func TestHandicapped(t *testing.T) {
	if master == nil {
		t.Skip("it is run by others")
	}
	rounds := number(t, spinVariable)
	s := loadtest.NewServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if spin(rounds) == 1 {
			spun++
		}
		w.Write([]byte("hello"))
	}))
	master.serve(t, loadtest.Config{Server: s, Connections: number(t, connsVariable)})
}
