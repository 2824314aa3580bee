package srv

import (
	"testing"
	"time"

	"example.com/holdfast/loadtest"
	"example.com/holdfast/loadtest/gate"
)

// load is over in a moment, and nothing of it fails on a busy machine: it is the gate that is tested.
func load(t *testing.T, conns int) (loadtest.Config, loadtest.Budget) {
	return loadtest.Config{
		Server: loadtest.Serve(t, "tcp", Serve), Connections: conns,
		Ramp: loadtest.Ramp{Every: -1}, IdleTimeout: 400 * time.Millisecond, Hold: -1,
		ConnectTimeout: 30 * time.Second, ResponseTimeout: 30 * time.Second,
	}, loadtest.Budget{Held: -1, Drops: -1, Failed: -1}
}

func check(t *testing.T, conns, pairs int) {
	cfg, budget := load(t, conns)
	gate.Check(t, cfg, budget, gate.Options{Pairs: pairs})
}

func TestServe(t *testing.T) { check(t, 100, 5) }

func TestFewConns(t *testing.T) { check(t, 10, 5) }
