package generator

import (
	"bytes"
	"encoding/gob"
	"net"
	"sync"
	"time"

	"example.com/holdfast/internal/engine"
)

// variable is the environment variable that names the nonce of a child. By itself it does nothing: see package spawn.
const variable = "HOLDFAST_GENERATOR"

// An order is what the parent tells a child. One of its fields is set.
type order struct {
	Begin   *begin
	Release *aligned
	Cancel  bool
	Duel    *Duel
}

// begin starts the run.
type begin struct {
	Plan   engine.Plan   // without its functions
	Origin time.Duration // by the clock that all processes share
	TLS    *TLS          // nil: plain TCP or unix
}

// aligned is an instant at which a phase ended: for one child, or for all.
type aligned struct {
	Phase engine.Phase
	At    time.Duration
}

// news is what a child tells its parent. One of its fields is set.
type news struct {
	Hello   *Start
	Reached *aligned
	Second  *second
	Done    *done
	Outcome *Outcome // of a duel
}

// second is an engine.Second. Of its Part, which has all since the run began, the parent needs the last alone: it comes
// encoded by itself, and the parent does not decode the others.
//
// Note: to decode all of them made the test process some 3 MB of garbage a second for each child (2026-11).
type second struct {
	engine.Second
	Encoded []byte // the Part
}

// encoded returns s as it travels.
func encoded(s engine.Second) *second {
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(s.Part); err != nil {
		panic("generator: encoding what a worker measured: " + err.Error()) // a mistake of ours, which the tests would find
	}
	s.Part = nil
	return &second{s, b.Bytes()}
}

// A Start is how a child found the program that it took over.
type Start struct {
	PID        int
	Goroutines int           // that packages initialised before this one had started, and that go on beside the generator
	CPU        time.Duration // that all had used by then
}

// done ends a run.
type done struct {
	Driver    string
	Ends      engine.Ends
	Error     string // why the run broke off or could not begin; not that it was cancelled
	Cancelled bool   // before it was drained
	Began     bool   // there is a result, and all of it was told
	Usage     Usage
}

// A sender writes messages to a socket without making anybody wait who measures: they are encoded at once, and written by
// a goroutine of their own.
type sender struct {
	conn net.Conn

	mu      sync.Mutex
	encoder *gob.Encoder
	buffer  bytes.Buffer
	ended   bool
	more    chan struct{}
	sent    chan struct{} // closed when all is written after end, or cannot be
}

func newSender(conn net.Conn) *sender {
	s := &sender{conn: conn, more: make(chan struct{}, 1), sent: make(chan struct{})}
	s.encoder = gob.NewEncoder(&s.buffer)
	go s.write()
	return s
}

// send encodes m. That an engine's message cannot be encoded is a mistake of ours, which the tests would find.
func (s *sender) send(m any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return
	}
	if err := s.encoder.Encode(m); err != nil {
		panic("generator: encoding a message: " + err.Error())
	}
	s.wake()
}

// end lets write return when all is written.
func (s *sender) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	s.wake()
}

func (s *sender) wake() {
	select {
	case s.more <- struct{}{}:
	default:
	}
}

func (s *sender) write() {
	defer close(s.sent)
	var out []byte
	for range s.more {
		s.mu.Lock()
		out = append(out[:0], s.buffer.Bytes()...)
		s.buffer.Reset()
		ended := s.ended
		s.mu.Unlock()
		if _, err := s.conn.Write(out); err != nil || ended {
			return
		}
	}
}
