package loadtest_test

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"example.com/holdfast/loadtest"
)

func ExampleNewServer() {
	server := loadtest.NewServer(t, hello)
	defer server.Close() // a test need not: its Cleanup does

	response, err := http.Get(server.URL)
	if err != nil {
		fmt.Println(err)
		return
	}
	response.Body.Close()
	counts := server.Counts()
	fmt.Println(counts.Accepted, "conn,", counts.Requests, "request")
	// Output: 1 conn, 1 request
}

func ExampleNewTLSServer() {
	server := loadtest.NewTLSServer(t, hello)
	defer server.Close()
	r, err := loadtest.Run(context.Background(), loadtest.Config{
		Server:      server, // its certificate is trusted
		Connections: 10,
		IdleTimeout: 200 * time.Millisecond,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.Conns.Held, "held; TLS:", r.Config.TLS)
	// Output: 10 held; TLS: true
}

// A server of the author's own, with its own timeouts, on a unix socket.
func ExampleServe() {
	own := &http.Server{Handler: hello, IdleTimeout: 30 * time.Second}
	server := loadtest.Serve(t, "unix", own.Serve)
	defer server.Close()
	r, err := loadtest.Run(context.Background(), loadtest.Config{
		Server:      server,
		Connections: 10,
		IdleTimeout: 200 * time.Millisecond,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.Conns.Held, "held over", r.Config.Network)
	// Output: 10 held over unix
}

// A Server is a server as any other: warm it up before the run that is to judge it.
func ExampleServer() {
	server := loadtest.NewServer(t, hello)
	defer server.Close()
	response, err := http.Get(server.URL + "/warm-up")
	if err != nil {
		fmt.Println(err)
		return
	}
	response.Body.Close()
	r := run(loadtest.Config{Server: server, URL: "/cart", Hold: 10 * time.Millisecond, Cadence: loadtest.Silent()})
	fmt.Println(server.Counts().Requests, "requests,", r.Fixture.Requests, "of them in the run")
	// Output: 3 requests, 2 of them in the run
}

// A test need not close its server. One that looks at what is left when no client is there any more does.
func ExampleServer_Close() {
	server := loadtest.NewServer(t, hello)
	run(loadtest.Config{Server: server, Connections: 10, Hold: 10 * time.Millisecond, Cadence: loadtest.Silent()})
	server.Close()
	counts := server.Counts()
	fmt.Println(counts.Accepted, "accepted,", counts.Closed, "closed,", counts.Open, "open")
	// Output: 10 accepted, 10 closed, 0 open
}

// The counts are of the server's whole life, whoever its clients are.
func ExampleServer_Counts() {
	server := loadtest.NewServer(t, hello)
	defer server.Close()
	for range 2 {
		run(loadtest.Config{Server: server, Connections: 10, Hold: 10 * time.Millisecond, Cadence: loadtest.Silent()})
	}
	counts := server.Counts()
	fmt.Println(counts.Accepted, "conns,", counts.Requests, "requests")
	// Output: 20 conns, 40 requests
}

// In a report the counts are of its run. They are the server's own: what it accepted and handled, against what the
// clients say that they opened and got answered.
func ExampleFixtureCounts() {
	r := heldRun()
	fmt.Println(r.Fixture.Accepted, "accepted,", r.Fixture.Peak, "at once at most")
	fmt.Println("as many requests as answers:", r.Fixture.Requests == r.Requests.Answered)
	// Output:
	// 20 accepted, 20 at once at most
	// as many requests as answers: true
}
