//go:build linux

package peers

import (
	"fmt"
	"os"
	"testing"

	"example.com/holdfast/internal/leaktest"
	"example.com/holdfast/internal/peers/clientjob"
)

// scratch is a directory of this process.
var scratch string

// TestMain is also the entry of the clients that run in a child process of their own: they leave before the testing
// package does anything.
func TestMain(m *testing.M) {
	serveTruth()
	clientjob.Main(map[string]func(clientjob.Job) (clientjob.Outcome, error){"net/http": netHTTPClient})
	var err error
	if scratch, err = os.MkdirTemp("", "holdfast-peers"); err != nil {
		panic(err)
	}
	code := leaktest.Run(m)
	os.RemoveAll(scratch)
	if children := childrenOf(os.Getpid()); len(children) > 0 {
		fmt.Fprintln(os.Stderr, "child processes left behind by the tests:", children)
		code = max(code, 1)
	}
	os.Exit(code)
}
