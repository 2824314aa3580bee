//go:build linux

package peers

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"testing"
	"time"

	"example.com/holdfast/internal/peers/clientjob"
)

// scratch is a directory of this process.
var scratch string

// TestMain is also the entry of the clients that run in a child process of their own: they leave before the testing
// package does anything.
func TestMain(m *testing.M) {
	clientjob.Main(map[string]func(clientjob.Job) (clientjob.Outcome, error){"net/http": netHTTPClient})
	var err error
	if scratch, err = os.MkdirTemp("", "holdfast-peers"); err != nil {
		panic(err)
	}
	before := openNow()
	code := m.Run()
	os.RemoveAll(scratch)
	if left := before.leaks(); len(left) > 0 {
		fmt.Fprintln(os.Stderr, "left behind by the tests:", left)
		code = max(code, 1)
	}
	os.Exit(code)
}

// held is what tests must give back.
type held struct{ goroutines, descriptors, children int }

func openNow() held {
	// The runtime's own epoll descriptors come with the first socket and stay.
	if ln, err := net.Listen("tcp", "127.0.0.1:0"); err == nil {
		ln.Close()
	}
	return count()
}

func count() held {
	descriptors, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		panic(err)
	}
	children, err := childrenOf(os.Getpid())
	if err != nil {
		panic(err)
	}
	return held{runtime.NumGoroutine(), len(descriptors), len(children)}
}

// leaks says what is still there that was not there before, after a grace for goroutines that are on their way out.
func (before held) leaks() []string {
	var now held
	poll(5*time.Second, func() bool {
		now = count()
		return now.goroutines <= before.goroutines && now.descriptors <= before.descriptors && now.children <= before.children
	})
	var left []string
	for _, c := range []struct {
		what        string
		before, now int
	}{
		{"goroutines", before.goroutines, now.goroutines},
		{"descriptors", before.descriptors, now.descriptors},
		{"child processes", before.children, now.children},
	} {
		if c.now > c.before {
			left = append(left, fmt.Sprintf("%d %s (%d before)", c.now-c.before, c.what, c.before))
		}
	}
	return left
}
