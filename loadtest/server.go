package loadtest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A Server is an in-process keep-alive server under test, with ground truth: give it to [Run] as [Config].Server. It is
// made by [NewServer], [NewTLSServer] or [Serve], and closes itself when its test ends.
type Server struct {
	// URL is the server's base URL: http://127.0.0.1:port or https://127.0.0.1:port. It is http://unix on a unix
	// socket and http://memory in memory, where only Config.Server leads to the server.
	URL string

	// Addr is what it listens on: host:port, the path of the unix socket, or "memory".
	Addr string

	tb       testing.TB
	ln       *listener
	own      *ownServer     // nil when the author serves
	roots    *x509.CertPool // trust the certificate; TLS only
	errorLog errorLog

	returned chan struct{} // closed when serve has returned; then
	serveErr error         // is what it returned, and
	early    bool          // says that its listener was still open

	rest rest // see settle

	closeOnce                sync.Once
	patience, forcedPatience time.Duration // before and after closing by force: see Close
}

// FixtureCounts is the ground truth of a [Server]: since it started from [Server.Counts], since the run began in a
// [Report]. Accepted = Open + Closed, always. A count that cannot be known is −1.
type FixtureCounts struct {
	Accepted, Open, Peak, Closed int64 // conns; Peak is the most of them that were open at once

	// Idle, Active and Requests are known only with the http.Server of NewServer and NewTLSServer. Open conns that
	// are neither idle nor active have not sent a byte of their first request, or were hijacked. Requests are those
	// that reached the handler.
	Idle, Active, Requests int64
}

// NewServer starts h on a keep-alive server of its own on a free port of 127.0.0.1. A nil h answers every request with
// 200 and the body "ok\n".
//
// The server has no timeout of any kind: a conn ends only when the client or the handler ends it. To test a server with
// its own IdleTimeout, hand that http.Server to [Serve]. Its error log goes to the test's log when it closes.
func NewServer(tb testing.TB, h http.Handler) *Server {
	tb.Helper()
	s := newServer(tb, "tcp")
	s.URL = "http://" + s.Addr
	return s.serveOwn(h, nil)
}

// NewTLSServer is [NewServer] over TLS, http/1.1 only, with a self-signed certificate that is trusted where the Server
// is Config.Server.
func NewTLSServer(tb testing.TB, h http.Handler) *Server {
	tb.Helper()
	s := newServer(tb, "tcp")
	s.URL = "https://" + s.Addr
	id, err := selfSigned()
	if err != nil {
		s.ln.Close()
		tb.Fatalf("loadtest: making the TLS fixture's certificate: %v", err)
	}
	s.roots = id.roots
	return s.serveOwn(h, &id.certificate)
}

// Serve runs the author's own server, http.Server, fasthttp or an accept loop, on a counting listener: network is "tcp"
// (a free port of 127.0.0.1), "unix" (a socket in a temporary directory) or "memory" (no sockets; the only one that
// works inside a synctest bubble, and it must be made there).
//
// serve runs on a goroutine of its own. It must not return before its listener is closed, and then it must: with nil,
// [net.ErrClosed] or [http.ErrServerClosed]; any other error fails the test. The conns that it accepts embed their
// *net.TCPConn or *net.UnixConn, so that all methods and the kernel's fast paths are there; assert interfaces on them,
// not those types.
func Serve(tb testing.TB, network string, serve func(net.Listener) error) *Server {
	tb.Helper()
	if serve == nil {
		tb.Fatalf("loadtest: Serve was given no function to serve with")
	}
	s := newServer(tb, network)
	s.URL = "http://" + s.Addr
	if network != "tcp" {
		s.URL = "http://" + network
	}
	return s.start(serve)
}

func newServer(tb testing.TB, network string) *Server {
	tb.Helper()
	ln, err := listen(network)
	if err != nil {
		tb.Fatalf("loadtest: %v", err)
	}
	return &Server{
		Addr:           ln.addr(),
		tb:             tb,
		ln:             ln,
		returned:       make(chan struct{}),
		patience:       5 * time.Second,
		forcedPatience: time.Second,
	}
}

// serveOwn serves with an http.Server of the fixture's own, over TLS if there is a certificate.
func (s *Server) serveOwn(h http.Handler, certificate *tls.Certificate) *Server {
	if h == nil {
		h = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok\n") })
	}
	s.own = newOwnServer(h, &s.errorLog)
	s.ln.ledger.serverPins = true
	if certificate == nil {
		return s.start(s.own.Serve)
	}
	s.own.TLSConfig = &tls.Config{Certificates: []tls.Certificate{*certificate}}
	return s.start(func(ln net.Listener) error { return s.own.ServeTLS(ln, "", "") })
}

func (s *Server) start(serve func(net.Listener) error) *Server {
	go func() {
		defer close(s.returned)
		s.serveErr = serve(s.ln)
		// Nobody accepts any more: a client should be refused, not left waiting in the backlog.
		s.early = s.ln.ledger.seal()
		s.ln.Close()
	}()
	s.tb.Cleanup(s.Close)
	return s
}

// Counts returns the ground truth since the server started. A server learns of a client's close, and goes idle after a
// response, a moment later than the client knows.
func (s *Server) Counts() FixtureCounts { return s.known(s.ln.ledger.counts(), 0) }

// watch begins to count for one run: the function that it returns, to be called once, gives the counts of the conns
// accepted since, and of the requests.
func (s *Server) watch() func() *FixtureCounts {
	before, span := s.requests(), s.ln.ledger.begin()
	return func() *FixtureCounts {
		c := s.known(s.ln.ledger.end(span), before)
		return &c
	}
}

// known adds to the counts of conns those that an http.Server of our own knows; requests were there before.
func (s *Server) known(c FixtureCounts, requests int64) FixtureCounts {
	if s.own == nil {
		c.Idle, c.Active, c.Requests = -1, -1, -1
	} else {
		c.Requests = s.requests() - requests
	}
	return c
}

// requests returns how many reached the handler; 0 where the author serves.
func (s *Server) requests() int64 {
	if s.own == nil {
		return 0
	}
	return s.own.handler.requests.Load()
}

// A serverTarget says how to reach a fixture.
type serverTarget struct {
	network, addr string
	dial          func(context.Context) (net.Conn, error) // memory only
	roots         *x509.CertPool                          // trust these; https only
	https         bool
}

func (s *Server) target() serverTarget {
	return serverTarget{s.ln.network, s.Addr, s.ln.dial, s.roots, s.roots != nil}
}

// An ownServer is the http.Server of NewServer and NewTLSServer; it tells the ledger the state of each conn.
type ownServer struct {
	http.Server
	handler *countingHandler
}

func newOwnServer(h http.Handler, l *errorLog) *ownServer {
	counting := &countingHandler{Handler: h}
	// No timeouts, ReadHeaderTimeout included: net/http counts that from accept for a conn's first request, which may
	// be due much later.
	s := &ownServer{handler: counting}
	s.Handler = counting
	s.ErrorLog = l.logger()
	s.ConnState = setState
	s.Protocols = new(http.Protocols)
	s.Protocols.SetHTTP1(true)
	return s
}

// A countingHandler counts the requests that reach its handler.
type countingHandler struct {
	http.Handler
	requests atomic.Int64
}

func (h *countingHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.requests.Add(1)
	h.Handler.ServeHTTP(w, r)
}
