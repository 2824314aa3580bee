package engine

import (
	"context"
	"errors"
	"os"

	"example.com/holdfast/internal/netpoll"
)

// A HandshakeError is a failed TLS handshake on a connection that was established. A Plan's Dial returns it so that
// the failure is told from one of TCP.
type HandshakeError struct{ Err error }

func (e *HandshakeError) Error() string { return "TLS handshake: " + e.Err.Error() }
func (e *HandshakeError) Unwrap() error { return e.Err }

// causeOfConnect names why an attempt failed. It and causeOfBreak are the only places that look at errors.
func causeOfConnect(err error) Cause {
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
		return ConnectTimedOut
	}
	if errors.As(err, new(*HandshakeError)) {
		return TLSFailed
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
	}
	return ConnectError
}

// causeOfBreak names why an established conn broke, from where it was in its exchange.
func causeOfBreak(s state, err error) Cause {
	failure, _ := netpoll.FailureOf(err)
	switch {
	case failure != netpoll.Reset:
		return TransportError
	case s == idle:
		return ResetIdle
	case s == writing:
		return ResetWriting
	}
	return ResetWaiting
}

// errnoOf returns the symbol of the errno in err; "" if it holds none.
func errnoOf(err error) string {
	_, name := netpoll.FailureOf(err)
	return name
}
