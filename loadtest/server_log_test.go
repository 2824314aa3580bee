package loadtest

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A handler's panic is in the test's log when the server has closed.
func TestErrorLogHasPanics(t *testing.T) {
	tb := &fixtureTB{TB: t}
	s := NewServer(tb, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("of the handler") }))
	c := dialFixture(t, s)
	c.send(t, getRequest)
	c.wantEnd(t)
	require.Empty(t, tb.logs, "must wait for Close: a line would split a benchmark's")
	s.Close()
	require.Len(t, tb.logs, 1)
	require.Contains(t, tb.logs[0], "loadtest: the server's error log:\nhttp: panic serving "+c.LocalAddr().String()+": of the handler")
	require.Empty(t, tb.errors)
}

// The log keeps its first 64 KB, counts the lines of the rest, and after the flush takes nothing.
func TestErrorLogIsBounded(t *testing.T) {
	var l errorLog
	logger := l.logger()
	line := strings.Repeat("x", 1023)
	for range 64 + 36 {
		logger.Print(line)
	}
	tb := &fixtureTB{TB: t}
	l.flush(tb)
	require.Equal(t, errorLogMost, 64*len(line+"\n"))
	head := "loadtest: the server's error log:\n"
	require.Equal(t, []string{head + strings.Repeat(line+"\n", 64) + "… and 36 more lines"}, tb.logs)

	logger.Print("after the test")
	l.flush(tb)
	require.Len(t, tb.logs, 1)
}

func TestErrorLogCutsALongEntry(t *testing.T) {
	var l errorLog
	n, err := fmt.Fprintf(&l, "%s\nsecond\nthird\n", strings.Repeat("x", errorLogMost))
	require.NoError(t, err)
	require.Equal(t, errorLogMost+len("\nsecond\nthird\n"), n)
	tb := &fixtureTB{TB: t}
	l.flush(tb)
	require.True(t, strings.HasSuffix(tb.logs[0], "x\n… and 3 more lines"), tb.logs[0][len(tb.logs[0])-40:])
}
