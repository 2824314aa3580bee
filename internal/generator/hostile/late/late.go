// Package late imports net/http, and so is not to be initialised in a generator child.
package late

import (
	"net/http"
	"os"
)

// Handler is a use of net/http.
var Handler http.Handler

func init() {
	// A child that came here would be seen to end.
	if _, child := os.LookupEnv("HOLDFAST_GENERATOR"); child {
		os.Exit(9)
	}
	Handler = http.NotFoundHandler()
}
