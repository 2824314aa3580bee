// Package srv is the server of an author whose gates are tested: written into a repository of their own.
package srv

import (
	"crypto/sha256"
	"net"
	"net/http"
	"sync"
)

// Serve answers with a digest, and keeps something for each conn.
func Serve(l net.Listener) error {
	server := http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		var sum [32]byte
		for range digests {
			sum = sha256.Sum256(sum[:])
		}
		_, _ = w.Write(sum[:])
	})}
	return server.Serve(listener{l})
}

type listener struct{ net.Listener }

func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	k := &conn{Conn: c, kept: make([]byte, kept), ends: make(chan struct{})}
	for range watchers {
		go func() { <-k.ends }()
	}
	return k, nil
}

type conn struct {
	net.Conn
	kept []byte
	once sync.Once
	ends chan struct{}
}

func (c *conn) Close() error {
	c.once.Do(func() { close(c.ends) })
	return c.Conn.Close()
}
