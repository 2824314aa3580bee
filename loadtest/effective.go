package loadtest

import (
	"crypto/tls"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"
)

// The defaults are those of the tool that this package descends from.
const (
	defaultConnections = 1
	defaultRampConns   = 10
	defaultRampEvery   = 10 * time.Millisecond
	defaultIdleTimeout = 60 * time.Second
	defaultTimeout     = 3 * time.Second
	defaultMaxDelay    = time.Minute
	defaultReopenRate  = 1000 // the ramp's default: a server that took conns at that rate can take them again
)

// effective returns a copy of a valid c that shares no memory with it and in which every default is filled in: a zero
// that is left means zero, no longer "the default". Of what may be negative, Ramp.Every stays so: at once; and Processes:
// never.
func (c Config) effective(loc location) Config {
	c.Connections = orDefault(c.Connections, defaultConnections)
	c.Ramp = c.Ramp.effective()
	c.IdleTimeout, c.Hold = orDefault(c.IdleTimeout, defaultIdleTimeout), c.holdFor()
	c.Cadence = Cadence{law: c.Cadence.effective(c.IdleTimeout), set: true}
	c.ConnectTimeout = orDefault(c.ConnectTimeout, defaultTimeout)
	c.ResponseTimeout = orDefault(c.ResponseTimeout, defaultTimeout)
	c.Reopen = c.Reopen.effective()
	c.Processes = max(-1, c.Processes)
	c.Request = c.Request.effective()
	c.LocalAddrs = slices.Clone(c.LocalAddrs)
	c.TLS = c.effectiveTLS(loc)
	for c.Seed == 0 {
		c.Seed = rand.Uint64()
	}
	return c
}

func orDefault[T int | time.Duration](v, def T) T {
	if v == 0 {
		return def
	}
	return v
}

func (r Ramp) effective() Ramp {
	return Ramp{
		Conns: orDefault(r.Conns, defaultRampConns),
		Every: orDefault(r.Every, defaultRampEvery),
	}
}

// effective leaves a Delay of 0 for none; PerSecond is 0 where lost conns stay lost.
func (r Reopen) effective() Reopen {
	if r.Delay == 0 {
		return Reopen{}
	}
	delay := max(0, r.Delay)
	return Reopen{
		Delay:     delay,
		MaxDelay:  orDefault(r.MaxDelay, max(delay, defaultMaxDelay)),
		PerSecond: orDefault(r.PerSecond, defaultReopenRate),
	}
}

func (r Request) effective() Request {
	return Request{
		Method: r.effectiveMethod(),
		Header: r.Header.Clone(),
		Body:   slices.Clone(r.Body),
		Want:   r.Want.effective(),
	}
}

func (r Request) effectiveMethod() string {
	if r.Method == "" {
		return http.MethodHead
	}
	return r.Method
}

func (w StatusRange) effective() StatusRange {
	if w == (StatusRange{}) {
		return StatusRange{Lowest: 200, Highest: 399}
	}
	return w
}

// effectiveTLS returns the client's side of TLS, nil for plain HTTP. The trust of a fixture fills what the user's own
// config leaves open.
func (c Config) effectiveTLS(loc location) *tls.Config {
	if loc.scheme != "https" {
		return nil
	}
	own := c.TLS.Clone() // nil stays nil
	if own == nil {
		own = &tls.Config{}
	}
	if c.Server != nil && own.RootCAs == nil {
		own.RootCAs = c.Server.target().roots
	}
	if own.ServerName == "" {
		own.ServerName = loc.serverName()
	}
	// Without it a server that prefers h2 would choose that.
	own.NextProtos = []string{"http/1.1"}
	return own
}
