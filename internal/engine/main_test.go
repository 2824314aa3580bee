package engine

import (
	"flag"
	"testing"

	"example.com/holdfast/internal/leaktest"
)

func TestMain(m *testing.M) {
	// The tests wait more than they compute: more of them at once than there are processors. -parallel overrides it.
	if err := flag.Set("test.parallel", "12"); err != nil {
		panic(err)
	}
	leaktest.Main(m)
}
