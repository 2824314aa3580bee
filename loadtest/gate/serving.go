package gate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime/pprof"
	"sync"
	"testing"
	"time"

	"example.com/holdfast/internal/handover"
	"example.com/holdfast/internal/netpoll"
	"example.com/holdfast/internal/spawn"
	"example.com/holdfast/loadtest"
)

// A server process is the test binary of one revision, run again for a single test: what that does until it calls Check is
// what starts the server, and what its cleanup does is what ends it.

// How a server process exits when its test does not end it.
const (
	exitOrphaned = 3
	exitStranger = 4
)

// master is who this process serves for; nil: it is no server process.
var master *servant

// init takes no program over: it only sees to it that a server process ends with its parent, whatever its test does.
func init() {
	parent, ok := spawn.Inherited(variable)
	if !ok {
		return
	}
	conn, err := parent.Meet()
	switch {
	case errors.Is(err, spawn.ErrOrphaned):
		os.Exit(exitOrphaned)
	case err != nil:
		os.Exit(exitStranger)
	}
	handover.HaveTurn()
	master = &servant{conn: conn, talk: newTalk(conn), orders: make(chan order)}
	go master.listen()
}

// A servant is a server process's side of the talk.
type servant struct {
	conn net.Conn
	talk
	orders chan order // closed when the parent has ended the talk

	mu       sync.Mutex
	checking bool // the test has come to Check, and ends by itself
	used     bool
}

// listen hears orders until the parent ends the talk, or itself.
func (s *servant) listen() {
	for {
		var o order
		if s.Decode(&o) != nil {
			break
		}
		s.orders <- o
	}
	close(s.orders)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.checking {
		end()
	}
	time.AfterFunc(cleanupPatience, end) // a cleanup that hangs
}

// end ends this process and what its test has started, which has no other end then: its group, of which spawn makes it the first.
func end() {
	netpoll.KillGroup(os.Getpid())
	os.Exit(exitOrphaned)
}

// serve is Check in a server process: it says where the server is, obeys, and ends the test.
func (s *servant) serve(t *testing.T, cfg loadtest.Config) {
	t.Helper()
	if !isAskedFor(t.Name()) {
		t.Skip("gate: this process serves for another test")
	}
	s.mu.Lock()
	again := s.used
	s.checking, s.used = true, true
	s.mu.Unlock()
	if again {
		t.Skip("gate: this process serves for another call of Check, which is over")
	}
	_, err := fmt.Fprintf(s.conn, greeting, protocol)
	h := hello{Test: t.Name()}
	var refused error
	if h.Served, refused = handover.Serve(t.Context(), cfg); refused != nil {
		h.Error = refused.Error()
	}
	if err == nil {
		err = s.Encode(h)
	}
	for o := range s.orders {
		if err = s.Encode(obey(t.Context(), o, cfg)); err != nil {
			break
		}
	}
	if err != nil && !errors.Is(err, io.EOF) {
		t.Logf("gate: telling the test process: %v", err)
	}
	t.SkipNow() // what the test does behind Check is for the test process
}

func obey(ctx context.Context, o order, cfg loadtest.Config) (a answer) {
	var err error
	switch {
	case o.Cost > 0:
		a.Cost, err = cost(ctx, cfg, o.Cost)
	case o.Profile > 0:
		a.Profile, err = profile(ctx, o.Profile)
	}
	if err != nil {
		a.Error = err.Error()
	}
	return a
}

func cost(ctx context.Context, cfg loadtest.Config, repeats int) ([]byte, error) {
	c, err := loadtest.MeasureCost(ctx, cfg, loadtest.CostOptions{Repeats: repeats})
	if err != nil {
		return nil, err
	}
	return json.Marshal(c)
}

func profile(ctx context.Context, lasts time.Duration) ([]byte, error) {
	var b bytes.Buffer
	if err := pprof.StartCPUProfile(&b); err != nil {
		return nil, err
	}
	select {
	case <-time.After(lasts):
	case <-ctx.Done():
	}
	pprof.StopCPUProfile()
	return b.Bytes(), nil
}
