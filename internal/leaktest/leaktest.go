// Package leaktest fails the tests of a package that leave goroutines, descriptors or child processes behind. Tests use it, and nothing
// else.
package leaktest

import (
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// patience is how long what is on its way out may take.
const patience = 5 * time.Second

// Main runs the tests and exits: it is the whole of a TestMain.
func Main(m *testing.M) { os.Exit(Run(m)) }

// Run runs the tests and returns the exit code, which is not 0 if they left anything behind.
func Run(m *testing.M) int {
	warmUp()
	goroutines, descriptors := runtime.NumGoroutine(), len(Descriptors())
	code := m.Run()
	left := func() bool {
		return runtime.NumGoroutine() > goroutines || len(Descriptors()) > descriptors || len(children()) > 0
	}
	for end := time.Now().Add(patience); left(); time.Sleep(time.Millisecond) {
		if time.Now().Before(end) {
			continue
		}
		stacks := make([]byte, 1<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		fmt.Fprintf(os.Stderr, "left behind by the tests: %d goroutines, want %d; %d descriptors, want %d: %v; child processes %v, want none\n%s\n",
			runtime.NumGoroutine(), goroutines, len(Descriptors()), descriptors, Descriptors(), children(), stacks)
		return max(code, 1)
	}
	return code
}

// children returns the processes that this one has started and not waited for; none where the system does not list them.
func children() (pids []string) {
	lists, _ := filepath.Glob("/proc/self/task/*/children") // each process belongs to the thread that has started it
	for _, list := range lists {
		text, err := os.ReadFile(list)
		if err == nil {
			pids = append(pids, strings.Fields(string(text))...)
		}
	}
	return pids
}

// warmUp starts what the standard library starts once and keeps: the network poller, and the receiver of signals, which
// go test -fuzz uses.
func warmUp() {
	if l, err := net.Listen("tcp", "127.0.0.1:0"); err == nil {
		l.Close()
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt)
	signal.Stop(signals)
}

// Descriptors returns what each descriptor of this process refers to, the one that lists them included; none where the system
// does not show them as files.
func Descriptors() []string {
	entries, err := os.ReadDir("/dev/fd")
	if err != nil {
		return nil
	}
	all := make([]string, len(entries))
	for i, e := range entries {
		target, _ := os.Readlink("/dev/fd/" + e.Name())
		all[i] = e.Name() + "=" + target
	}
	return all
}
