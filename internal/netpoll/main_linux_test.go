package netpoll

import (
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"
)

// TestMain fails the package if its tests leave a goroutine or a descriptor behind. What is on its way out gets five
// seconds.
func TestMain(m *testing.M) {
	stop, _ := StartStamps() // its sockets make Go's poller open the descriptors that it then keeps
	stop()
	goroutines, descriptors := runtime.NumGoroutine(), openDescriptors()
	code := m.Run()
	deadline := time.Now().Add(5 * time.Second)
	for runtime.NumGoroutine() > goroutines || openDescriptors() > descriptors {
		if time.Now().After(deadline) {
			fmt.Fprintf(os.Stderr, "left by the tests: %d goroutines, want %d; %d descriptors, want %d\n",
				runtime.NumGoroutine(), goroutines, openDescriptors(), descriptors)
			os.Exit(1)
		}
		time.Sleep(time.Millisecond)
	}
	os.Exit(code)
}

func openDescriptors() int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		panic(err)
	}
	return len(entries)
}
