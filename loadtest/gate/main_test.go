package gate

import (
	"os"
	"testing"

	"example.com/holdfast/internal/leaktest"
)

// afterAll removes what several tests have in common.
var afterAll []func()

func TestMain(m *testing.M) {
	code := leaktest.Run(m)
	for _, remove := range afterAll {
		remove()
	}
	os.Exit(code)
}
