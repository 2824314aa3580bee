package engine

// A HandshakeError is what Plan.Dial returns when the transport was established and the TLS handshake on it failed, so
// that the loss is charged to TLS and not to the connect.
type HandshakeError struct{ Err error }

func (e *HandshakeError) Error() string { return "TLS handshake: " + e.Err.Error() }

// Unwrap returns the handshake's own error; a timeout is a deadline error underneath.
func (e *HandshakeError) Unwrap() error { return e.Err }
