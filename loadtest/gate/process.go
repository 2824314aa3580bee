package gate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"example.com/holdfast/internal/handover"
	"example.com/holdfast/internal/spawn"
	"example.com/holdfast/loadtest"
)

const (
	// startPatience bounds the time from starting a server process until its test comes to Check.
	startPatience = time.Minute

	// cleanupPatience is how long a test may take to end its server.
	cleanupPatience = 10 * time.Second
)

const (
	baseName = "base"
	headName = "head"
)

// A serverProgram is what one revision's server processes are made of.
type serverProgram struct {
	name string // baseName or headName
	spawn.Program
}

// A server is a server process, seen by the test process.
type server struct {
	name string
	*spawn.Process
	talk
	hello hello
}

// A newError says that a base has nothing to compare with. It is no failure.
type newError struct{ why string }

func (e *newError) Error() string { return e.why }

// start starts a server process, and hears where its server is.
func (p serverProgram) start(ctx context.Context) (*server, error) {
	process, err := spawn.Start(p.Program)
	if err != nil {
		return nil, fmt.Errorf("starting the server process of %s: %w", p.name, err)
	}
	s := &server{name: p.name, Process: process, talk: newTalk(process.Conn)}
	if err := s.greet(ctx); err != nil {
		s.Close(0)
		return nil, err
	}
	return s, nil
}

func (s *server) greet(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startPatience, errSilent)
	defer cancel()
	stop := s.breakOff(ctx)
	defer stop()
	number, err := readGreeting(s.Conn)
	if err == nil {
		if err := spoken(s.name, number); err != nil {
			return err
		}
		err = s.Decode(&s.hello)
	}
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("the test of %s did not come to gate.Check: %w; it printed:\n%s", s.name, context.Cause(ctx), s.Output())
	case err != nil:
		return s.endedEarly(err)
	case s.hello.Error != "":
		return fmt.Errorf("the server of %s cannot be compared: %s", s.name, s.hello.Error)
	}
	return nil
}

// spoken says what is to be done about a protocol; nil: it is ours.
func spoken(name string, number int) error {
	if number == protocol {
		return nil
	}
	return &newError{fmt.Sprintf("the Holdfast of %s speaks protocol %d of gates, and this one %d: they cannot be compared; the next "+
		"change on top of this one can", name, number, protocol)}
}

var errSilent = fmt.Errorf("it had %v", startPatience)

// breakOff ends what waits for the process when ctx does.
func (s *server) breakOff(ctx context.Context) (stop func() bool) {
	return context.AfterFunc(ctx, func() { s.Conn.SetReadDeadline(time.Unix(1, 0)) })
}

// endedEarly says how a process ended whose test did not come to Check.
func (s *server) endedEarly(err error) error {
	if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("hearing from the server process of %s: %w", s.name, err)
	}
	fate := s.Fate(cleanupPatience)
	select {
	case <-s.Exited():
		switch {
		case s.ExitCode() != 0:
		case s.name == headName:
			return fmt.Errorf("run again in a process of its own the test did not come to gate.Check: it may depend on what other tests "+
				"leave behind, or on how often it is run. It printed: %s", orNothing(s.Output()))
		default:
			return &newError{fmt.Sprintf("%s has no test of this name, or that does not come to gate.Check. It printed: %s", s.name,
				orNothing(s.Output()))}
		}
	default:
	}
	return fmt.Errorf("the test of %s failed before it came to gate.Check: %s", s.name, fate)
}

func orNothing(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}

// end lets the test end its server, and returns when the process is gone.
func (s *server) end() { s.Close(cleanupPatience) }

// ask has the process obey an order.
func (s *server) ask(ctx context.Context, o order) (a answer, err error) {
	stop := s.breakOff(ctx)
	defer stop()
	if err = s.Encode(o); err == nil {
		err = s.Decode(&a)
	}
	switch {
	case ctx.Err() != nil:
		return a, context.Cause(ctx)
	case err != nil:
		return a, fmt.Errorf("the server process of %s ended: %s", s.name, s.Fate(cleanupPatience))
	case a.Error != "":
		return a, fmt.Errorf("%s: %s", s.name, a.Error)
	}
	return a, nil
}

func (s *server) cost(ctx context.Context, repeats int) (*loadtest.Cost, error) {
	a, err := s.ask(ctx, order{Cost: repeats})
	if err != nil {
		return nil, err
	}
	c := new(loadtest.Cost)
	return c, json.Unmarshal(a.Cost, c)
}

func (s *server) profile(ctx context.Context, lasts time.Duration) ([]byte, error) {
	a, err := s.ask(ctx, order{Profile: lasts})
	return a.Profile, err
}

// served is where the server is.
func (s *server) served() handover.Served { return s.hello.Served }

// hasEnded reports whether the process has ended, and how.
func (s *server) hasEnded() (how string, ended bool) {
	how = s.Fate(time.Second)
	select {
	case <-s.Exited():
		return how, true
	default:
		return "", false
	}
}
