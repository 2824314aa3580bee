package loadtest

import (
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"testing"
	"time"
)

// TestMain fails the package if its tests leave goroutines behind. One that is on its way out gets five seconds.
func TestMain(m *testing.M) {
	interrupts := make(chan os.Signal, 1) // go test -fuzz listens for them too: on a goroutine that stays
	signal.Notify(interrupts, os.Interrupt)
	signal.Stop(interrupts)
	before := runtime.NumGoroutine()
	code := m.Run()
	for deadline := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<20)
			stacks = stacks[:runtime.Stack(stacks, true)]
			fmt.Fprintf(os.Stderr, "goroutines: got %d, want %d as before the tests:\n%s\n", runtime.NumGoroutine(), before, stacks)
			os.Exit(1)
		}
	}
	os.Exit(code)
}
