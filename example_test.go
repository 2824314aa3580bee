package holdfast_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"example.com/holdfast/loadtest"
)

// The whole story: a server that holds its clients' conns, then the change that makes it drop them, found by the same
// test before anybody else finds it.
func Example() {
	hold := func(server *http.Server) *loadtest.Report {
		fixture := loadtest.Serve(t, "tcp", server.Serve) // in a test, t is its *testing.T
		defer fixture.Close()
		report, err := loadtest.Run(context.Background(), loadtest.Config{
			Server:      fixture,
			Connections: 200,
			IdleTimeout: 800 * time.Millisecond, // what the clients were promised: they pause for half of it at most
		})
		if err != nil {
			panic(err)
		}
		return report
	}

	r := hold(&http.Server{Handler: shop(), IdleTimeout: 30 * time.Second})
	fmt.Printf("before: %d of %d held, %d dropped, %d requests failed\n",
		r.Conns.Held, r.Conns.Requested, r.Conns.Dropped, r.Requests.Failed())

	r = hold(&http.Server{Handler: shop(), IdleTimeout: 10 * time.Millisecond})
	fmt.Printf("after:  %d of %d held, %d dropped: %s\n",
		r.Conns.Held, r.Conns.Requested, r.Conns.Dropped, r.Drops[0].Cause)

	// Output:
	// before: 200 of 200 held, 0 dropped, 0 requests failed
	// after:  0 of 200 held, 200 dropped: closed while idle
}

// t stands in for the *testing.T of a test, which an example has not.
var t = exampleT{}

type exampleT struct{ testing.TB }

func (exampleT) Helper()                           {}
func (exampleT) Cleanup(func())                    {} // an example closes its servers itself
func (exampleT) Log(args ...any)                   { fmt.Println(args...) }
func (exampleT) Logf(format string, args ...any)   { fmt.Printf(format+"\n", args...) }
func (exampleT) Errorf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
func (exampleT) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
