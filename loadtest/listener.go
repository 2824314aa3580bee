package loadtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"

	"example.com/holdfast/internal/memnet"
)

// A listener counts the conns it accepts in its ledger.
type listener struct {
	net.Listener
	network string
	ledger  *ledger
	dial    func(context.Context) (net.Conn, error) // memory only
	dir     string                                  // to remove; unix only
}

// listen opens a listener on "tcp", "unix" or "memory".
func listen(network string) (*listener, error) {
	l := &listener{network: network, ledger: newLedger()}
	switch network {
	case "memory":
		m := memnet.Listen()
		l.Listener, l.dial = m, m.Dial
		return l, nil
	case "tcp", "unix":
	default:
		return nil, fmt.Errorf("cannot serve on network %q: it must be tcp, unix or memory", network)
	}
	if inBubble() {
		return nil, fmt.Errorf("cannot serve on a %s socket inside a synctest bubble: a goroutine blocked in a real "+
			`socket read never becomes durably blocked, so fake time would stand still; use Serve(t, "memory", …)`, network)
	}
	if network == "unix" {
		return l, l.listenUnix()
	}
	var err error
	l.Listener, err = net.Listen("tcp", "127.0.0.1:0")
	return l, err
}

// listenUnix puts the socket in a directory with a short name: a path longer than sun_path (108 bytes on Linux, 104 on
// macOS) cannot be bound, and a test's TempDir, which has the test's name in it, often is.
func (l *listener) listenUnix() error {
	const most = 103
	var errs []error
	for _, parent := range []string{os.TempDir(), "/tmp"} {
		dir, err := os.MkdirTemp(parent, "hf")
		if err != nil {
			errs = append(errs, err)
			continue
		}
		path := filepath.Join(dir, "s")
		if len(path) > most {
			os.Remove(dir)
			errs = append(errs, fmt.Errorf("%s is too long for a unix socket: set TMPDIR to a short path", path))
			continue
		}
		if l.Listener, err = net.Listen("unix", path); err != nil {
			os.Remove(dir)
			return err
		}
		l.dir = dir
		return nil
	}
	return errors.Join(errs...)
}

// addr returns host:port, the path of the socket, or "memory".
func (l *listener) addr() string {
	if l.dial != nil {
		return "memory"
	}
	return l.Addr().String()
}

// Accept waits for the next conn and enters it in the ledger.
func (l *listener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	counted := wrap(conn)
	if !l.ledger.add(counted.ledgerEntry()) {
		conn.Close() // accepted while Close was closing the others
		return nil, net.ErrClosed
	}
	return counted, nil
}

// Close closes the ledger to new conns, then the listener.
func (l *listener) Close() error {
	l.ledger.seal()
	err := l.Listener.Close()
	if l.dir != "" {
		os.RemoveAll(l.dir)
	}
	return err
}

// inBubble reports whether the caller runs in a synctest bubble. Nothing but the header of its stack says so:
// "goroutine 7 [running, synctest bubble 1]:".
func inBubble() bool {
	var stack [128]byte
	header, _, _ := bytes.Cut(stack[:runtime.Stack(stack[:], false)], []byte("\n"))
	return bytes.Contains(header, []byte("synctest bubble"))
}
