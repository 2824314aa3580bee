// Package faulty is an HTTP/1.1 server that misbehaves exactly as told, for tests.
//
// A [Server] answers every request properly until its Fault function names a [Fault] for a request of a conn, or for
// what comes before the first: −1. It then does that, and what its comment says, on any of the networks tcp, unix and
// memory, with TLS or without; [Fault.Possible] tells what a network cannot do. What it did it counts, so that a test
// can hold what a client tells against it.
//
// What a reset must not throw away has arrived at the client before it, and what is to come alone is sent when the client
// has read the rest: the server asks the kernel. Elsewhere than on Linux, and of a TCP client that is gone or on another
// machine, it cannot know, and waits 50 ms.
package faulty

import (
	"cmp"
	"crypto/tls"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A Server is a server that misbehaves. Set its fields before Serve. Its methods may be called at any time.
type Server struct {
	// Fault says what to do wrong: on conn (accepted ones are counted from 0) at request (those of a conn are counted
	// from 0, and −1 is what comes before the first). It is asked once for each, by the goroutine of the conn and so by
	// many at once: for −1 when the conn was accepted, else when the first bytes of the request have come. Nil: nothing.
	// A fault that is not possible, and one that does not fit the request's method, is a panic.
	Fault func(conn, request int) Fault

	// Response is the proper response to a request, head and body; without the body in answer to HEAD. "": 200, with
	// the body "ok". Faults do not change with it.
	Response string

	// Idle is how long a conn has been idle when a fault comes that is to come while it is idle. 0: at once.
	Idle time.Duration

	// TLS is for a server that speaks it.
	TLS *tls.Config

	accepted, requests atomic.Int64
	injected           [numFaults]atomic.Int64
}

// Accepted returns how many conns were accepted.
func (s *Server) Accepted() int { return int(s.accepted.Load()) }

// Requests returns how many requests were read, well answered or not.
func (s *Server) Requests() int { return int(s.requests.Load()) }

// Injected returns how often each fault was carried out; those that never were are absent. A client that has seen one
// finds it counted. One that came to nothing is not counted: the client was gone, or the conn not idle for Server.Idle.
func (s *Server) Injected() map[Fault]int {
	counts := map[Fault]int{}
	for f := range s.injected {
		if n := s.injected[f].Load(); n != 0 {
			counts[Fault(f)] = int(n)
		}
	}
	return counts
}

// Serve serves the conns that l accepts until l is closed. Then it closes them, and returns the error of Accept when
// nothing of it is left.
func (s *Server) Serve(l net.Listener) error {
	whole := cmp.Or(s.Response, proper)
	head, _, complete := strings.Cut(whole, blankLine)
	if !complete {
		return fmt.Errorf("faulty: no blank line in Response %q", whole)
	}
	v := &serving{
		Server: s, network: l.Addr().Network(), whole: []byte(whole), head: []byte(head + blankLine),
		conns: map[net.Conn]bool{}, stop: make(chan struct{}),
	}
	defer v.end()
	for {
		nc, err := l.Accept()
		if err != nil {
			return err
		}
		number := int(s.accepted.Add(1)) - 1
		v.add(nc)
		v.goroutines.Go(func() {
			defer v.remove(nc)
			newConn(v, nc, number).serve()
		})
	}
}

// A serving is one call of Serve.
type serving struct {
	*Server
	network     string
	whole, head []byte // the proper response, and that to HEAD

	goroutines sync.WaitGroup
	stop       chan struct{} // closed when the listener was
	arrivals   arrivals

	mu    sync.Mutex
	conns map[net.Conn]bool
}

func (v *serving) add(nc net.Conn) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.conns[nc] = true
}

// remove closes nc, if it is not closed yet.
func (v *serving) remove(nc net.Conn) {
	nc.Close()
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.conns, nc)
}

// end closes all conns, which wakes their goroutines, and waits for those.
func (v *serving) end() {
	close(v.stop)
	v.mu.Lock()
	for nc := range v.conns {
		nc.Close()
	}
	v.mu.Unlock()
	v.goroutines.Wait()
	v.arrivals.close()
}

// pause waits for d; false: the listener was closed.
func (v *serving) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-v.stop:
		return false
	}
}
