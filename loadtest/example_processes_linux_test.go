package loadtest_test

import (
	"context"
	"fmt"
	"time"

	"example.com/holdfast/loadtest"
)

// Two other processes open the conns, so that this one has what the server costs alone.
func ExampleProcess() {
	server := loadtest.NewServer(t, hello)
	defer server.Close()
	r, err := loadtest.Run(context.Background(), loadtest.Config{
		Server:      server,
		Connections: 20,
		IdleTimeout: 200 * time.Millisecond,
		Processes:   2,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, p := range r.Processes {
		fmt.Printf("%d conns; died: %q\n", p.Conns, p.Died)
	}
	fmt.Println("server:", r.ServerUse.Of, "- shared:", r.ServerUse.Shared)
	// Output:
	// 10 conns; died: ""
	// 10 conns; died: ""
	// server: test process - shared: false
}
