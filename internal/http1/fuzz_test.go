package http1

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

// FuzzParser: any bytes give the same outcome however they are split, in bounded memory, and the outcome is that of
// net/http but for the listed differences.
func FuzzParser(f *testing.F) {
	for i, s := range samples {
		f.Add([]byte(s.raw), s.head, uint16(7*i))
	}
	f.Fuzz(func(t *testing.T, raw []byte, head bool, at uint16) {
		var p Parser
		want := outcomeOf(&p, head, raw)
		split := int(at) % (len(raw) + 1)
		for _, parts := range [][][]byte{
			{raw[:split], raw[split:]},
			slices.Collect(slices.Chunk(raw, 1)),
			slices.Collect(slices.Chunk(raw, 1+split/4)),
		} {
			got := outcomeOf(&p, head, parts...)
			require.LessOrEqual(t, cap(p.line), 2*maxHead, "octets stored")
			require.Empty(t, cmp.Diff(want, got), "-whole +in %d parts, split %d", len(parts), split)
		}
		p.Reset(head)
		require.LessOrEqual(t, cap(p.line), maxKept, "octets kept")

		disagreement, _ := compare(head, raw, want)
		require.Empty(t, disagreement, "-net/http +http1")
	})
}

// FuzzRequest: what Bytes accepts is one request, and a server reads in it what was asked for and nothing else.
func FuzzRequest(f *testing.F) {
	f.Add("HEAD", "/", "localhost", "Accept", "*/*", []byte(nil))
	f.Add("POST", "/a?b=c", "[::1]:80", "User-Agent", "x", []byte("body"))
	f.Add("GET", "/", "a", "X\r\nEvil", "y", []byte(nil))
	f.Add("GET", "/ HTTP/1.1\r\nEvil: y", "a", "X", "y\r\nEvil: z", []byte(nil))
	f.Add("PUT", "/", "a", "content-length", "0", []byte(nil))
	f.Fuzz(func(t *testing.T, method, target, host, name, value string, body []byte) {
		raw, err := Request{method, target, host, []Field{{name, value}}, body}.Bytes()
		if err != nil {
			require.Nil(t, raw)
			return
		}
		text, rest, found := strings.Cut(string(raw), "\r\n\r\n")
		require.True(t, found)
		require.Equal(t, string(body), rest)
		require.Equal(t, method+" "+target+" HTTP/1.1", strings.Split(text, "\r\n")[0])
		require.Equal(t, strings.Count(text, "\n"), strings.Count(text, "\r\n"))
		require.Equal(t, strings.Count(text, "\r"), strings.Count(text, "\r\n"))

		read, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw)))
		if err != nil {
			return // net/http judges targets, hosts and some values as a server; our caller does that before
		}
		require.Equal(t, method, read.Method)
		require.Equal(t, target, read.RequestURI)
		got, err := io.ReadAll(read.Body)
		require.NoError(t, err)
		require.Equal(t, string(body), string(got))
		require.LessOrEqual(t, len(read.Header), 3, "the field, User-Agent and Content-Length")
	})
}
