package loadtest

import (
	"bytes"
	"fmt"
	"log" // only because http.Server.ErrorLog is a *log.Logger; without one net/http writes to stderr
	"sync"
	"testing"
)

// errorLogMost bounds the memory of an error log, in bytes: a broken handler under load panics thousands of times.
const errorLogMost = 64 << 10

// An errorLog keeps the first errorLogMost bytes that an http.Server logs, handshake errors and panics of handlers,
// until they can go to the test's log; a line that a benchmark prints while it runs would split its result line.
type errorLog struct {
	mu      sync.Mutex
	text    []byte
	dropped int // lines
	flushed bool
}

func (l *errorLog) logger() *log.Logger { return log.New(l, "", 0) }

// Write keeps what there is room for and counts the lines of the rest.
func (l *errorLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.flushed {
		return len(p), nil // the test may be over: its log would panic
	}
	n := min(len(p), errorLogMost-len(l.text))
	l.text = append(l.text, p[:n]...)
	l.dropped += bytes.Count(p[n:], []byte("\n"))
	return len(p), nil
}

// flush writes what was kept to the test's log.
func (l *errorLog) flush(tb testing.TB) {
	tb.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.flushed = true
	text := string(bytes.TrimRight(l.text, "\n"))
	if l.dropped > 0 {
		text += fmt.Sprintf("\n… and %d more lines", l.dropped)
	}
	if text != "" {
		tb.Log("loadtest: the server's error log:\n" + text)
	}
	l.text, l.dropped = nil, 0
}
