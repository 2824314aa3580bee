package engine

import (
	"crypto/tls"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/holdfast/internal/faulty"
)

// A symptom is what a fault of the server shows as. The fault is at request (−1: before the first).
type symptom struct {
	fault   faulty.Fault
	request int
	want    Cause // CauseNone: no conn is lost
}

// symptoms lists what a server can do to an accepted conn; malformed responses are added by rule.
var symptoms = []symptom{
	{faulty.CloseAccepted, -1, ClosedUnused},
	{faulty.ResetAccepted, -1, ResetBeforeFirst}, // or ConnectReset, if it comes into the connect
	{faulty.CloseIdle, -1, ClosedUnused},
	{faulty.ResetIdle, -1, ResetBeforeFirst},
	{faulty.HalfCloseIdle, -1, HalfClosed},
	{faulty.BytesIdle, -1, IdleBytes},
	{faulty.TimeoutIdle, -1, RequestTimeout},

	{faulty.CloseInHandshake, -1, ConnectClosed},
	{faulty.ResetInHandshake, -1, ConnectReset},
	{faulty.SilentInHandshake, -1, ConnectTimedOut},
	{faulty.AlertInHandshake, -1, TLSAlert},
	{faulty.NotTLS, -1, NotTLS},

	{faulty.CloseIdle, 0, ClosedIdle},
	{faulty.ResetIdle, 0, ResetIdle},
	{faulty.HalfCloseIdle, 0, HalfClosed},
	{faulty.BytesIdle, 0, IdleBytes},
	{faulty.TimeoutIdle, 0, RequestTimeout},

	{faulty.CloseUnanswered, 0, ClosedBeforeFirst},
	{faulty.CloseUnanswered, 2, ClosedWaiting},
	{faulty.ResetUnanswered, 0, ResetBeforeFirst},
	{faulty.ResetUnanswered, 2, ResetWaiting},
	{faulty.HalfCloseUnanswered, 0, HalfClosed},
	{faulty.HalfCloseUnanswered, 2, HalfClosed},
	{faulty.NeverAnswer, 2, ResponseTimedOut},

	{faulty.CloseInHead, 2, ClosedInHead},
	{faulty.CloseInBody, 2, ClosedInBody},
	{faulty.ResetInHead, 0, ResetInResponse},
	{faulty.ResetInBody, 2, ResetInResponse},
	{faulty.HalfAnswer, 2, ResponseUnfinished},
	{faulty.DripFeed, 2, ResponseUnfinished},

	{faulty.CloseAnnounced, 2, ClosedAnnounced},
	{faulty.HTTP10, 2, ClosedAnnounced},
	{faulty.BodyUntilClose, 2, ClosedAnnounced},
	{faulty.BytesBehind, 2, IdleBytes},
	{faulty.BodyAfterHead, 2, BodyAfterHead},
	{faulty.BodyAfterLater, 0, BodyAfterHead},
	{faulty.Status405, 2, CauseNone},
	{faulty.Status503, 2, CauseNone},
	{faulty.Status408, 2, RequestTimeout},
}

func allSymptoms() []symptom {
	own := map[faulty.Fault]Cause{
		faulty.HeadTooLarge: HeadTooLarge, faulty.TooManyInterim: TooManyInterim, faulty.Unexpected101: Unexpected101,
	}
	all := slices.Clone(symptoms)
	for _, f := range faulty.All() {
		if f.Malformed() {
			cause := Malformed
			if c, ok := own[f]; ok {
				cause = c
			}
			all = append(all, symptom{f, 1, cause})
		}
	}
	return all
}

// in returns what is seen in a world that cannot tell all: memory has no kernel that knows whether a socket is still open.
func (c symptom) in(w world) Cause {
	switch {
	case c.want != HalfClosed || w.network() != "memory":
		return c.want
	case c.request < 0:
		return ClosedUnused
	case c.fault == faulty.HalfCloseIdle:
		return ClosedIdle
	case c.request == 0:
		return ClosedBeforeFirst
	}
	return ClosedWaiting
}

// network returns the network of the transport, below TLS.
func (w world) network() string {
	_, network, _ := strings.Cut(w.name, "/")
	if network == "tls" {
		return "tcp"
	}
	return network
}

func (w world) overTLS() bool { return strings.HasSuffix(w.name, "/tls") }

// serveFaulty serves as told until the test ends.
func (w world) serveFaulty(t *testing.T, p *Plan, s *faulty.Server) {
	listen := w.listen
	if w.overTLS() { // the server does TLS itself
		listen = listenTCP
		s.TLS = &tls.Config{Certificates: []tls.Certificate{faulty.Certificate()}}
	}
	l := listen(t)
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	t.Cleanup(func() {
		l.Close()
		<-served
	})
	w.aim(p, l)
}

// A ward is symptoms that can be had in one run: what they need of the client is the same.
type ward struct {
	name string
	has  func(c symptom) bool
	plan func(p *Plan)
	idle bool // nobody sends anything: all must meet a fault, or the ramp would wait for their first requests
}

var wards = []ward{
	{"handshake", func(c symptom) bool { return c.fault.Possible("tcp", false, -1) != nil && c.request < 0 },
		func(p *Plan) { p.ConnectTimeout = 8 * s }, false},
	{"accept", func(c symptom) bool { return c.fault == faulty.CloseAccepted }, neverSends, true},
	{"reset on accept", func(c symptom) bool { return c.fault == faulty.ResetAccepted }, neverSends, true},
	{"unused", func(c symptom) bool { return c.idle() && c.request < 0 }, neverSends, true},
	{"idle", func(c symptom) bool { return c.idle() && c.request == 0 && c.fault.Method() == "" }, sendsOnce, false},
	{"idle, HEAD", func(c symptom) bool { return c.fault == faulty.BodyAfterLater },
		func(p *Plan) { sendsOnce(p); p.Request, p.Head = []byte(head), true }, false},
	{"request", func(c symptom) bool { return c.request >= 0 && !c.idle() && c.fault.Method() != "HEAD" }, sendsOften, false},
	{"request, HEAD", func(c symptom) bool { return c.request > 0 && c.fault.Method() == "HEAD" },
		func(p *Plan) { sendsOften(p); p.Request, p.Head = []byte(head), true }, false},
}

// sendsOnce has conns idle after one request, for longer than a busy machine delays a server.
func sendsOnce(p *Plan) { p.Cadence, p.Hold, p.IdleTimeout = Cadence{}, 2*s, 20*s }

// neverSends has conns that are about to send, with this seed, in some hours.
func neverSends(p *Plan) { p.Cadence, p.IdleTimeout = Cadence{Kind: Every, Min: 24 * time.Hour}, 20*s }

// sendsOften has each conn send more often than any fault waits for.
func sendsOften(p *Plan) { p.Hold, p.IdleTimeout, p.ResponseTimeout = 2500*ms, 20*s, 8*s }

// idle reports whether the fault comes to a conn that must be idle then.
func (c symptom) idle() bool {
	switch c.fault {
	case faulty.CloseIdle, faulty.ResetIdle, faulty.HalfCloseIdle, faulty.BytesIdle, faulty.TimeoutIdle, faulty.BodyAfterLater:
		return true
	}
	return false
}

// An outcome is what a Drop must agree in.
type outcome struct {
	cause Cause
	rule  string
}

// TestSymptoms: each fault is injected into exactly so many conns, and exactly so many losses have its cause, and nothing
// else is lost.
func TestSymptoms(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		for _, ward := range wards {
			var present []symptom
			for _, c := range allSymptoms() {
				// A client of TLS sends at once, which makes a reset of CloseAccepted.
				if ward.has(c) && c.fault.Possible(w.network(), w.overTLS(), c.request) == nil &&
					!(w.overTLS() && c.fault == faulty.CloseAccepted) {
					present = append(present, c)
				}
			}
			if len(present) > 0 {
				t.Run(ward.name, func(t *testing.T) {
					t.Parallel()
					ward.test(t, w, present)
				})
			}
		}
	})
}

func (v ward) test(t *testing.T, w world, present []symptom) {
	const each = 3
	healthy := each // conns that meet no fault
	if v.idle {
		healthy = 0
	}
	n := each*len(present) + healthy
	p := plan(n)
	v.plan(&p)
	server := &faulty.Server{Idle: 20 * ms, Fault: func(conn, request int) faulty.Fault {
		if i := conn / each; i < len(present) && present[i].request == request {
			return present[i].fault
		}
		return faulty.None
	}}
	w.serveFaulty(t, &p, server)
	r := run(t, p)

	injected, want, served := map[faulty.Fault]int{}, map[outcome]int64{}, map[outcome][2]int64{}
	var lost, unwanted int64
	for _, c := range present {
		injected[c.fault] += each
		o := outcome{cause: c.in(w)}
		if o.cause == Malformed {
			o.rule = c.fault.String()
		}
		if o.cause == CauseNone {
			unwanted += each
			continue
		}
		lost += each
		want[o] += each
		served[o] = widen(served[o], want[o] == each, c.servedBefore())
	}
	require.Equal(t, injected, server.Injected(), "%+v", r.Drops)
	got, gotServed := map[outcome]int64{}, map[outcome][2]int64{}
	for _, d := range r.Drops {
		if d.Cause == ConnectReset && v.name == "reset on accept" {
			d.Cause = ResetBeforeFirst
		}
		o := outcome{d.Cause, d.Rule}
		gotServed[o] = widen(widen(gotServed[o], got[o] == 0, d.FewestServed), false, d.MostServed)
		got[o] += d.Count
		require.Equal(t, d.Rule, d.Sample.Rule)
	}
	require.Equal(t, want, got, "%+v", r.Drops)
	require.Equal(t, served, gotServed, "%+v", r.Drops)
	require.Equal(t, unwanted, r.Requests.Unwanted-int64(injected[faulty.Status408]))
	require.Equal(t, int64(n)-lost, r.Conns.Held)
	require.Equal(t, lost, r.Conns.Dropped+r.Conns.ConnectFailed)
	require.EqualValues(t, n, r.Conns.Attempts)
	require.EqualValues(t, n, server.Accepted())
}

// servedBefore returns how many requests a conn was answered before its loss.
func (c symptom) servedBefore() int64 {
	switch c.want {
	case ClosedAnnounced, IdleBytes, BodyAfterHead, RequestTimeout: // after the answer that is, or has, the fault
		return int64(c.request + 1)
	}
	if c.idle() {
		return int64(c.request + 1)
	}
	return int64(max(c.request, 0))
}

func widen(r [2]int64, first bool, n int64) [2]int64 {
	if first {
		return [2]int64{n, n}
	}
	return [2]int64{min(r[0], n), max(r[1], n)}
}
