package spawn

import (
	"fmt"
	"io"
	"os"
	"testing"
	"time"

	"example.com/holdfast/internal/leaktest"
)

const (
	variable = "HOLDFAST_SPAWN_TEST"
	role     = "HOLDFAST_SPAWN_TEST_ROLE" // what the child of a test does
)

func TestMain(m *testing.M) {
	if parent, ok := Inherited(variable); ok {
		os.Exit(beChild(parent))
	}
	leaktest.Main(m)
}

// How a child of these tests exits.
const (
	exitEnded    = 10 // its socket has
	exitOrphaned = 11
	exitStranger = 12
	exitDeaf     = 13
)

func beChild(parent *Parent) int {
	conn, err := parent.Meet()
	switch err {
	case nil:
	case ErrOrphaned:
		return exitOrphaned
	default:
		return exitStranger
	}
	fmt.Println("out: a child")
	fmt.Fprintln(os.Stderr, "err: a child")
	if os.Getenv(variable) != "" {
		return exitStranger // what it starts would take itself for a child
	}
	if os.Getenv(role) == "deaf" {
		io.WriteString(conn, "deaf\n")
		time.Sleep(time.Minute)
		return exitDeaf
	}
	io.Copy(conn, conn)
	return exitEnded
}
