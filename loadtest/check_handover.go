package loadtest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"os"
	"testing"
	"time"

	"example.com/holdfast/internal/engine"
	"example.com/holdfast/internal/generator"
	"example.com/holdfast/internal/handover"
)

// init hands over to package gate what it needs and nobody else does.
func init() {
	handover.Serve = func(ctx context.Context, cfg any) (handover.Served, error) { return served(ctx, cfg.(Config)) }
	handover.Seed = func(cfg any) (uint64, error) { return seedOf(cfg.(Config)) }
	handover.TakeTurn = func(tb any, latest time.Time) (func(), error) { return takeTurn(tb.(testing.TB), latest) }
	handover.HaveTurn = func() { haveTurn.Store(true) }
	handover.Latest = func(tb any, takes time.Duration) (time.Time, string) {
		d := deadlineOf(tb.(testing.TB))
		return d.latest(takes), d.timeoutFor(takes)
	}
	handover.Ramp = func(cfg any) time.Duration { return gateRampOf(cfg.(Config)) }
	handover.Expected = func(cfg, budget any) time.Duration {
		return (&check{cfg: cfg.(Config), budget: budget.(Budget)}).expected()
	}
}

// gateRamp is that of a Config with none, for a gate: it is no part of what is compared, and done twelve times and more.
var gateRamp = defaultCostRamp

// ramped is c with the ramp that a gate gives it.
func (c Config) ramped() Config {
	if c.Ramp == (Ramp{}) {
		c.Ramp = gateRamp
	}
	return c
}

// gateRampOf returns how long that takes by its plan.
func gateRampOf(c Config) time.Duration {
	r := c.ramped().Ramp.effective()
	return engine.Ramp(r).At(orDefault(c.Connections, defaultConnections) - 1)
}

// served returns what another process needs to know to load the server of c.
func served(ctx context.Context, c Config) (handover.Served, error) {
	if err := c.validate(); err != nil {
		return handover.Served{}, err
	}
	if err := c.notPortable(); err != nil {
		return handover.Served{}, &ConfigError{Problems: []string{fmt.Sprintf("a gate loads the server from another process, and %v", err)}}
	}
	if _, err := c.serverTree(); err != nil {
		return handover.Served{}, err
	}
	c = c.ramped()
	loc, _ := parseLocation(c.rawURL()) // it has no problems: validate asked
	c.Cadence, c.Reopen = Silent(), Reopen{}
	c = c.effective(loc)
	c.Processes = 1
	r := systemRunner()
	target, err := r.target(ctx, c, loc)
	both := c
	both.Connections *= 2 // one generator holds those of both servers
	if err := errors.Join(err, r.limits.enoughForChildren(both)); err != nil {
		return handover.Served{}, err
	}
	plan, err := planOf(c, loc, target, true)
	if err != nil {
		return handover.Served{}, err
	}
	plan.Dial, plan.Progress = nil, nil // neither travels; a child dials by its TLS
	s := handover.Served{Address: addressOf(c, loc), Says: c.says(loc)}
	s.Rival = generator.Rival{Plan: plan, PID: os.Getpid()}
	if c.ServerPID != 0 {
		s.Rival.PID, s.Rival.Tree = c.ServerPID, true
	}
	if c.TLS != nil {
		s.Rival.TLS = verified(ctx, c, target)
	}
	return s, nil
}

// addressOf returns where the server of an effective c listens.
func addressOf(c Config, loc location) string {
	switch {
	case c.network() == networkUnix && c.Server != nil:
		return c.Server.Addr
	case c.network() == networkUnix:
		return c.UnixSocket
	}
	return net.JoinHostPort(loc.host, fmt.Sprint(loc.port))
}

// says is what a server notices of an effective c, and does its work by. Where it listens is its own affair.
func (c Config) says(loc location) map[string]string {
	says := map[string]string{
		"Connections":     fmt.Sprint(c.Connections),
		"network":         c.network(),
		"TLS":             fmt.Sprint(c.TLS != nil),
		"Request.Method":  c.Request.Method,
		"path":            loc.target,
		"Request.Body":    digest(c.Request.Body),
		"Request.Want":    fmt.Sprintf("%d–%d", c.Request.Want.Lowest, c.Request.Want.Highest),
		"ResponseTimeout": plainDuration(c.ResponseTimeout),
		"ServerPID":       map[bool]string{false: "none", true: "a process"}[c.ServerPID != 0],
	}
	for _, name := range headerNames(c.Request.Header) {
		says["Request.Header["+name+"]"] = digest([]byte(fmt.Sprint(c.Request.Header[name])))
	}
	return says
}

// digest tells what may be long, or secret, from another.
func digest(b []byte) string {
	if len(b) == 0 {
		return "none"
	}
	return fmt.Sprintf("%d bytes, SHA-256 %.8x…", len(b), sha256.Sum256(b))
}
