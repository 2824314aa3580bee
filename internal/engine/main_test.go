package engine

import (
	"flag"
	"fmt"
	"net"
	"os"
	"runtime"
	"testing"
	"time"
)

// TestMain fails the package if its tests leave a goroutine or a descriptor behind. What is on its way out gets five
// seconds.
func TestMain(m *testing.M) {
	// The tests wait more than they compute: more of them at once than there are processors. -parallel overrides it.
	if err := flag.Set("test.parallel", "6"); err != nil {
		panic(err)
	}
	openPoller()
	goroutines, descriptors := runtime.NumGoroutine(), openDescriptors()
	code := m.Run()
	deadline := time.Now().Add(5 * time.Second)
	for runtime.NumGoroutine() > goroutines || len(openDescriptors()) > len(descriptors) {
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<20)
			stacks = stacks[:runtime.Stack(stacks, true)]
			fmt.Fprintf(os.Stderr, "left by the tests: %d goroutines, want %d; descriptors %v, want %v\n%s\n",
				runtime.NumGoroutine(), goroutines, openDescriptors(), descriptors, stacks)
			os.Exit(1)
		}
		time.Sleep(time.Millisecond)
	}
	os.Exit(code)
}

// openPoller makes Go's poller open the descriptors that it then keeps.
func openPoller() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	l.Close()
}

// openDescriptors returns what each descriptor of this process refers to; empty where the system does not tell. The one
// that lists them is among them each time.
func openDescriptors() []string {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return nil
	}
	open := make([]string, len(entries))
	for i, e := range entries {
		target, _ := os.Readlink("/proc/self/fd/" + e.Name())
		open[i] = e.Name() + "=" + target
	}
	return open
}
