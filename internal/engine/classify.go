package engine

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"time"

	"example.com/holdfast/internal/http1"
	"example.com/holdfast/internal/netpoll"
)

// What happened becomes a Cause here, and nowhere else.

// A HandshakeError is a failed TLS handshake on a connection that was established. A Plan's Dial returns it so that
// the failure is told from one of TCP.
type HandshakeError struct{ Err error }

func (e *HandshakeError) Error() string { return "TLS handshake: " + e.Err.Error() }
func (e *HandshakeError) Unwrap() error { return e.Err }

// causeOfConnect names why an attempt failed.
func causeOfConnect(err error) Cause {
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
		return ConnectTimedOut
	}
	switch failure, _ := netpoll.FailureOf(err); failure {
	case netpoll.Exhausted:
		return LocalExhaustion
	case netpoll.TimedOut:
		return ConnectTimedOut
	case netpoll.Refused:
		return ConnectRefused
	case netpoll.Unreachable:
		return ConnectUnreachable
	case netpoll.Reset:
		return ConnectReset
	case netpoll.PeerClosed:
		return ConnectClosed
	}
	if errors.As(err, new(*HandshakeError)) {
		return causeOfHandshake(err)
	}
	return ConnectError
}

func causeOfHandshake(err error) Cause {
	switch {
	case errors.As(err, new(*tls.CertificateVerificationError)):
		return TLSCertificate
	case errors.As(err, new(tls.RecordHeaderError)):
		return NotTLS
	case isAlert(err):
		return TLSAlert
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return ConnectClosed
	}
	return TLSFailed
}

// isAlert reports whether err is an alert that the peer sent. Its type is not exported by crypto/tls; the operation is
// part of what its net.OpError says.
func isAlert(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "remote error"
}

// An ending is what a driver could find out about the other end of a conn that has ended.
type ending uint8

const (
	endUnknown ending = iota
	endHalf           // it ended its direction, and its socket is still open
	endUntaken        // it had closed before any byte of the outstanding request reached it
)

// endingOf makes use of what the kernel knows. Under TLS the request is longer on the wire.
func endingOf(p netpoll.Peer, request int) ending {
	switch {
	case p.HalfClosed:
		return endHalf
	case p.Unacknowledged >= request:
		return endUntaken
	}
	return endUnknown
}

// causeOfEnd names why the peer's stream ended in order.
func (m *machine) causeOfEnd(c *conn, end ending) Cause {
	onWire := m.onWire(c)
	switch {
	case m.begun(c):
		return m.causeOfCut(c)
	case end == endHalf:
		return HalfClosed
	case c.served == 0 && (!onWire || end == endUntaken):
		return ClosedUnused
	case !onWire:
		return ClosedIdle
	case end == endUntaken:
		return m.race(c, c.sent)
	case c.served == 0:
		return ClosedBeforeFirst
	}
	return ClosedWaiting
}

// causeOfCut names the part of a response that the peer's close cut short.
func (m *machine) causeOfCut(c *conn) Cause {
	_, err := m.sides.at(c.side).parser.EOF()
	if cut := (*http1.TruncatedError)(nil); errors.As(err, &cut) && !cut.InBody {
		return ClosedInHead
	}
	return ClosedInBody
}

// causeOfBreak names why an established conn broke.
func (m *machine) causeOfBreak(c *conn, now time.Duration, err error) Cause {
	switch failure, _ := netpoll.FailureOf(err); failure {
	case netpoll.Exhausted:
		return OpenExhaustion
	case netpoll.PeerClosed: // told to a writer, before a reader was told
		if c.served > 0 && c.state == writing && !m.onWire(c) {
			return m.race(c, now)
		}
		return m.causeOfEnd(c, endUnknown)
	case netpoll.Reset:
		return m.causeOfReset(c, now)
	}
	if isAlert(err) || errors.As(err, new(tls.RecordHeaderError)) {
		return TLSBroken
	}
	return TransportError
}

func (m *machine) causeOfReset(c *conn, now time.Duration) Cause {
	switch {
	case m.begun(c):
		return ResetInResponse
	case c.served == 0:
		return ResetBeforeFirst
	case c.state == idle:
		return ResetIdle
	case m.onWire(c):
		return ResetWaiting
	}
	return m.race(c, now)
}

// punctual is how late we may be, at least, before our lateness counts for something.
const punctual = 10 * time.Millisecond

// Punctual returns how late we may be on a grid of tick: by more, a request may have lost the keep-alive race by our fault;
// and so much may our own clock add to a time that no kernel stamped.
func Punctual(tick time.Duration) time.Duration { return max(punctual, tick) }

// race names a lost keep-alive race: the conn's idle age, at left, against the pause that was planned tells whose fault it
// is.
func (m *machine) race(c *conn, left time.Duration) Cause {
	if left-max(c.due, c.ready) > Punctual(m.plan.Tick) {
		return ResetWritingLate
	}
	return ResetWriting
}

// causeOfStray names bytes that arrived on an idle conn or behind the end of a response, and gives the status if they are
// a response themselves.
func (m *machine) causeOfStray(c *conn, data []byte) (cause Cause, status int) {
	p := &m.parser
	p.Reset(false)
	_, _, _ = p.Feed(data) // an error comes too late to matter: the status is what we want
	switch status = p.Status(); {
	case status == statusRequestTimeout:
		return RequestTimeout, status
	case m.plan.Head && c.served > 0 && !c.has(bodyless) && !bytes.HasPrefix(data, []byte("HTTP/")):
		return BodyAfterHead, 0
	}
	return IdleBytes, status
}

const statusRequestTimeout = 408 // RFC 9110 §15.5.9

// causeOfSyntax names a response that broke HTTP/1.1, and the rule that it broke.
func causeOfSyntax(err error) (cause Cause, rule string) {
	var syntax *http1.SyntaxError
	if !errors.As(err, &syntax) {
		return Malformed, ""
	}
	switch syntax.Rule {
	case http1.HeadTooLarge:
		return HeadTooLarge, ""
	case http1.TooManyInterim:
		return TooManyInterim, ""
	case http1.Unexpected101:
		return Unexpected101, ""
	}
	return Malformed, syntax.Rule.String()
}

// causeOfLate names a response that was not complete at its deadline.
func (m *machine) causeOfLate(c *conn) Cause {
	if m.begun(c) {
		return ResponseUnfinished
	}
	return ResponseTimedOut
}

// A class is what becomes of a request that is lost with its conn.
type class uint8

const (
	lostWithConn class = iota
	timedOut
	malformed
)

func (c Cause) class() class {
	switch c {
	case ResponseTimedOut, ResponseUnfinished:
		return timedOut
	case Malformed, HeadTooLarge, TooManyInterim, Unexpected101:
		return malformed
	}
	return lostWithConn
}

// endsIdle reports whether the server ended a conn that was idle, as far as it could know.
func (c Cause) endsIdle(onWire bool) bool {
	switch c {
	case ClosedUnused, ResetWriting, ResetWritingLate:
		return true
	case ClosedIdle, ResetIdle, ResetBeforeFirst, HalfClosed, RequestTimeout:
		return !onWire
	}
	return false
}

// errnoOf returns the symbol of the errno in err; "" if it holds none.
func errnoOf(err error) string {
	_, name := netpoll.FailureOf(err)
	return name
}
