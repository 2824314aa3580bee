package hostile

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"example.com/holdfast/internal/generator/hostile/early"
	"example.com/holdfast/internal/generator/hostile/late"
	"example.com/holdfast/loadtest"
)

func config(t *testing.T) loadtest.Config {
	return loadtest.Config{
		Server: loadtest.NewServer(t, late.Handler), Connections: 20, Processes: 2, Ramp: loadtest.Ramp{Every: -1},
		Cadence: loadtest.Uniform(20*time.Millisecond, 100*time.Millisecond), IdleTimeout: time.Second, Hold: 300 * time.Millisecond,
		Request: loadtest.Request{Want: loadtest.StatusRange{Lowest: http.StatusNotFound, Highest: http.StatusNotFound}},
	}
}

// TestHolds is what the tests of generator run.
func TestHolds(t *testing.T) {
	<-early.Ticks
	t.Chdir(t.TempDir())
	r, err := loadtest.Run(t.Context(), config(t))
	if err != nil {
		t.Fatal(err)
	}
	if r.Conns.Held != 20 || r.Requests.Failed() != 0 {
		t.Fatalf("\n%s", r)
	}
	for _, p := range r.Processes {
		if p.Died != "" {
			t.Errorf("%+v", p)
		}
	}
	found := slices.IndexFunc(r.Warnings, func(w loadtest.Warning) bool { return w.Kind == loadtest.WarnBusyStart })
	if found < 0 || r.Warnings[found].Value != 1 {
		t.Errorf("warnings are %+v, want one of 1 goroutine, of package early", r.Warnings)
	}
}
