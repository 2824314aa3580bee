package loadtest_test

import (
	"context"
	"fmt"

	"example.com/holdfast/loadtest"
)

// A net/http server spends a goroutine, a descriptor and two buffers on each connection, and the stack of that goroutine.
func ExampleMeasureCost() {
	server := loadtest.NewServer(t, hello)
	defer server.Close()
	c, err := loadtest.MeasureCost(context.Background(), loadtest.Config{
		Server:      server,
		Connections: 400, // the default, 8000, is more exact
	}, loadtest.CostOptions{Repeats: 2})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.1f goroutines\n", c.Goroutines.PerConn)
	fmt.Printf("%.1f descriptors\n", c.Descriptors.PerConn)
	if c.Heap.PerConn > 20<<10 {
		fmt.Println("heap:", c.Heap)
	}
	// Output:
	// 1.0 goroutines
	// 1.0 descriptors
}

// The other limits of a Budget are about what one run saw; these are as well: by how much the server's process grew.
func ExampleBudget_perConn() {
	server := loadtest.NewServer(t, hello)
	defer server.Close()
	r, err := loadtest.Run(context.Background(), loadtest.Config{
		Server:      server,
		Connections: 300,
		Ramp:        loadtest.Ramp{Conns: 50},
		Cadence:     loadtest.Silent(),
		Hold:        -1,
		Processes:   1, // the generator has a process of its own
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	v := r.Judge(loadtest.Budget{GoroutinesPerConn: 0.5}) // heap and stacks are judged by Check, which has garbage collected
	fmt.Println("broken:", v.Broken[0].Line)
	fmt.Println("a descriptor each:", r.ServerUse.Hold.Descriptors-r.ServerUse.Before.Descriptors >= 300)
	// Output:
	// broken: GoroutinesPerConn
	// a descriptor each: true
}

// Ten repeats instead of five make the intervals narrower by two fifths. One alone has none, and is refused.
func ExampleCostOptions() {
	server := loadtest.NewServer(t, hello)
	defer server.Close()
	_, err := loadtest.MeasureCost(context.Background(), loadtest.Config{Server: server}, loadtest.CostOptions{Repeats: 1})
	fmt.Println(err)
	// Output: loadtest: invalid Config: CostOptions.Repeats is 1: an interval takes two or more, and 0 is 5
}
