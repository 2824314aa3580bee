package gate

import (
	"os"
	"testing"

	"example.com/holdfast/internal/leaktest"
)

func TestMain(m *testing.M) {
	code := leaktest.Run(m)
	removeOriginal()
	os.Exit(code)
}
