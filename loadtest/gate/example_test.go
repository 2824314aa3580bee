package gate_test

import (
	"fmt"
	"net/http"
	"os"
	"testing"
	"time"

	"example.com/holdfast/loadtest"
	"example.com/holdfast/loadtest/gate"
)

var hello = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "hello") })

// passes runs a test as go test would, with no base, and shows nothing of what it logs.
func passes(name string, test func(*testing.T)) bool {
	if base, is := os.LookupEnv("HOLDFAST_BASE"); is {
		defer os.Setenv("HOLDFAST_BASE", base)
	} else {
		defer os.Unsetenv("HOLDFAST_BASE")
	}
	os.Setenv("HOLDFAST_BASE", "")
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		panic(err)
	}
	defer null.Close()
	defer func(stdout *os.File) { os.Stdout = stdout }(os.Stdout)
	os.Stdout = null
	all := func(_, _ string) (bool, error) { return true, nil }
	return testing.RunTests(all, []testing.InternalTest{{Name: name, F: test}})
}

// In a test it is the whole of the test. With no base it is loadtest.Check; HOLDFAST_BASE=origin/main... in go test's environment
// has it compare, too.
func ExampleCheck() {
	testGate := func(t *testing.T) { // go test calls it TestGate
		r := gate.Check(t, loadtest.Config{
			Server:      loadtest.NewServer(t, hello),
			Connections: 20,
			IdleTimeout: 500 * time.Millisecond,
		}, loadtest.Budget{}, gate.Options{})
		if r.Conns.Held != 20 {
			t.Error("not all are held")
		}
	}
	fmt.Println("passes:", passes("TestGate", testGate))
	// Output: passes: true
}

// On a machine whose pairs scatter by more than 5 %, 24 of them find what 12 do not. That a change costs more is accepted by whoever
// sets a variable, for as long as that change is looked at; what nobody can tell is not.
func ExampleOptions() {
	testGate := func(t *testing.T) {
		gate.Check(t, loadtest.Config{
			Server:      loadtest.NewServer(t, hello),
			Connections: 20,
			IdleTimeout: 500 * time.Millisecond,
		}, loadtest.Budget{}, gate.Options{
			Base:        "origin/main...", // unless HOLDFAST_BASE is set, if only to nothing: here it is
			Pairs:       24,
			ReportOnly:  os.Getenv("ACCEPT_WORSE") != "",
			FailUnknown: true,
		})
	}
	fmt.Println("passes:", passes("TestGate", testGate))
	// Output: passes: true
}
