// Package early is initialised before a generator child takes over, because it imports so little: it starts a goroutine,
// computes, and fills memory.
package early

import "os"

// Ticks counts what the goroutine does.
var Ticks = make(chan int)

var ballast []byte

func init() {
	ballast = make([]byte, 16<<20)
	for i := range ballast {
		ballast[i] = byte(i * i)
	}
	go func() {
		for i := 0; ; i++ {
			Ticks <- i
		}
	}()
	if _, err := os.Getwd(); err != nil {
		panic(err)
	}
}
