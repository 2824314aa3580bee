package http1

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

func TestParser(t *testing.T) {
	var p Parser
	for _, s := range slices.Concat(samples, largeSamples) {
		got := outcomeOf(&p, s.head, []byte(s.raw)).withoutDetail()
		if diff := cmp.Diff(s.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", s.name, diff)
		}
	}
}

// Every rule has a sample that breaks it, and a name of its own.
func TestRules(t *testing.T) {
	broken := map[Rule]bool{}
	for _, s := range slices.Concat(samples, largeSamples) {
		broken[s.want.Rule] = true
	}
	seen := map[string]Rule{}
	for r := Rule(1); r < numRules; r++ {
		require.True(t, broken[r], "no sample breaks %q", r)
		require.NotEmpty(t, r.String())
		require.NotContains(t, seen, r.String())
		seen[r.String()] = r
	}
	require.Equal(t, "Rule(0)", Rule(0).String())
	require.Equal(t, "Rule(200)", Rule(200).String())
}

func TestSplitAnywhere(t *testing.T) {
	var p Parser
	for _, s := range samples {
		raw := []byte(s.raw)
		want := outcomeOf(&p, s.head, raw)
		same := func(got outcome, at ...int) {
			t.Helper()
			if got != want {
				t.Fatalf("%s, split at %v (-whole +split):\n%s", s.name, at, cmp.Diff(want, got))
			}
		}
		same(outcomeOf(&p, s.head, slices.Collect(slices.Chunk(raw, 1))...), 1)
		for i := range len(raw) + 1 {
			same(outcomeOf(&p, s.head, raw[:i], raw[i:]), i)
			if len(raw) > 120 {
				continue
			}
			for j := i; j <= len(raw); j++ {
				same(outcomeOf(&p, s.head, raw[:i], raw[i:j], raw[j:]), i, j)
			}
		}
	}
}

func TestSplitLarge(t *testing.T) {
	var p Parser
	for _, s := range largeSamples {
		raw := []byte(s.raw)
		want := outcomeOf(&p, s.head, raw)
		for _, size := range []int{1, 2, 7, 97, 1460, 4 << 10, 64<<10 - 1, 64 << 10, 64<<10 + 1} {
			got := outcomeOf(&p, s.head, slices.Collect(slices.Chunk(raw, size))...)
			require.Empty(t, cmp.Diff(want, got), "%s in reads of %d", s.name, size)
		}
	}
}

// What follows a response is not used, and a parser serves one response after another.
func TestPipeline(t *testing.T) {
	one := goHead + "hello, world"
	data := []byte(strings.Repeat(one, 3))
	var p Parser
	for left := 3; left > 0; left-- {
		p.Reset(get)
		n, done, err := p.Feed(data)
		require.NoError(t, err)
		require.True(t, done)
		require.Equal(t, len(one), n)
		require.EqualValues(t, 12, p.BodyBytes())
		data = data[n:]
	}
	require.Empty(t, data)
}

func TestAfterTheEnd(t *testing.T) {
	var p Parser
	p.Reset(head)
	require.False(t, p.KeepAlive(), "before the response")
	_, done, err := p.Feed([]byte(ok11 + "\r\n"))
	require.NoError(t, err)
	require.True(t, done)
	n, done, err := p.Feed([]byte("more"))
	require.NoError(t, err)
	require.True(t, done)
	require.Zero(t, n)
	done, err = p.EOF()
	require.NoError(t, err)
	require.True(t, done)

	p.Reset(get)
	_, _, first := p.Feed([]byte("nonsense"))
	n, done, err = p.Feed([]byte(ok11))
	require.Same(t, first, err, "a fault is final")
	require.False(t, done)
	require.Zero(t, n)
	_, err = p.EOF()
	require.Same(t, first, err)

	p.Reset(head)
	_, done, err = p.Feed([]byte(ok11 + "\r\n"))
	require.NoError(t, err, "until Reset")
	require.True(t, done)
}

func TestUnreadyPanics(t *testing.T) {
	var p Parser
	require.PanicsWithValue(t, "http1: Parser used before Reset", func() { p.Feed([]byte("H")) })
}

// A parser in the middle of a head moves to another place, as between a worker's slot and its pool.
func TestMove(t *testing.T) {
	first, second := []byte(nginxHead), []byte(ok11+"Content-Length: 3\r\n\r\nabc")
	var a, b Parser
	a.Reset(head)
	_, done, err := a.Feed(first[:50])
	require.NoError(t, err)
	require.False(t, done)

	a, b = b, a
	a.Reset(get)
	n, done, err := a.Feed(second)
	require.NoError(t, err)
	require.True(t, done)
	require.Equal(t, len(second), n)

	n, done, err = b.Feed(first[50:])
	require.NoError(t, err)
	require.True(t, done)
	require.Equal(t, len(first)-50, n)
	require.Equal(t, 200, b.Status())
}

func TestKeptCapacity(t *testing.T) {
	var p Parser
	p.Reset(head)
	_, _, err := p.Feed([]byte("HTTP/1.1 200 " + strings.Repeat("x", 100)))
	require.NoError(t, err)
	p.Reset(head)
	require.GreaterOrEqual(t, cap(p.line), 100, "kept for the next response")

	_, _, err = p.Feed([]byte("HTTP/1.1 200 " + strings.Repeat("x", 5000)))
	require.NoError(t, err)
	p.Reset(head)
	require.Zero(t, cap(p.line), "released above 4 KiB")

	_, _, err = p.Feed([]byte("HTTP/1.1 200 " + strings.Repeat("x", 10<<20)))
	require.Error(t, err)
	require.LessOrEqual(t, cap(p.line), 2*maxHead, "a huge read is not stored")
}

// A body is never stored, in however many reads.
func TestBodyTakesNoMemory(t *testing.T) {
	for _, raw := range []string{
		chunky + strings.Repeat("3;ext=\"long enough to matter\"\r\nabc\r\n", 50) + "0\r\n",
		ok11 + "Content-Length: 2000\r\n\r\n" + strings.Repeat("x", 2000),
		ok11 + "\r\n" + strings.Repeat("x", 2000),
	} {
		at := strings.Index(raw, "\r\n\r\n") + 4
		var p Parser
		p.Reset(get)
		_, _, err := p.Feed([]byte(raw[:at]))
		require.NoError(t, err)
		for _, octet := range slices.Collect(slices.Chunk([]byte(raw[at:]), 1)) {
			_, _, err = p.Feed(octet)
			require.NoError(t, err)
		}
		require.Zero(t, cap(p.line), raw[:at])
	}
}

func TestErrors(t *testing.T) {
	var p Parser
	fault := func(raw string) string {
		p.Reset(get)
		_, _, err := p.Feed([]byte(raw))
		var broken *SyntaxError
		require.ErrorAs(t, err, &broken)
		return err.Error()
	}
	require.Equal(t, `malformed response: contradictory Content-Length: "5, 6"`, fault(ok11+"Content-Length: 5, 6\r\n\r\n"))
	require.Equal(t, `malformed response: blank line before the status line`, fault("\r\n"))
	require.Equal(t, `malformed response: chunk not followed by CRLF: octet 'b'`, fault(chunky+"1\r\nab"))
	require.Equal(t, `malformed response: not an HTTP response: "\x15\x03" (a TLS alert: does the server expect https?)`,
		fault("\x15\x03"))
	require.Less(t, len(fault(strings.Repeat("\x00", 10000))), 400, "quotes an excerpt")

	p.Reset(get)
	_, err := p.EOF()
	require.ErrorIs(t, err, ErrTruncated)
	require.EqualError(t, err, "response cut short: the peer closed before the end of the head")
	_, _, err = p.Feed([]byte(chunky))
	require.NoError(t, err)
	_, err = p.EOF()
	require.True(t, errors.Is(err, ErrTruncated))
	require.EqualError(t, err, "response cut short: the peer closed in the body")
}

// The word-wise scans agree with their definitions for every octet at every place.
func TestScans(t *testing.T) {
	for size := 1; size <= 20; size++ {
		for at := range size {
			for c := range 256 {
				s := bytes.Repeat([]byte("-"), size)
				s[at] = byte(c)
				wantControl, wantToken := -1, size
				if c < 0x20 && c != '\t' || c == 0x7f {
					wantControl = at
				}
				if !isToken[c] {
					wantToken = at
				}
				require.Equal(t, wantControl, firstControl(s), "firstControl(%q)", s)
				require.Equal(t, wantToken, tokenLen(s), "tokenLen(%q)", s)
			}
		}
	}
	require.Equal(t, 19, firstControl([]byte("\ta\t\x80\xff\xa0 tab\ttab\t tab\x00\x01")))
	tokens := 0
	for _, is := range isToken {
		if is {
			tokens++
		}
	}
	require.Equal(t, 10+26+26+15, tokens, "RFC 9110 §5.6.2: DIGIT, ALPHA, 15 others")
}
