package http1

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

// outcomeOfNetHTTP is what net/http makes of raw: err, or an outcome that is done.
func outcomeOfNetHTTP(head bool, raw []byte) (o outcome, err error) {
	source := bytes.NewReader(raw)
	buffered := bufio.NewReader(source)
	request := &http.Request{Method: http.MethodGet}
	if head {
		request.Method = http.MethodHead
	}
	for {
		response, err := http.ReadResponse(buffered, request)
		if err != nil {
			return o, err
		}
		if response.StatusCode/100 == 1 && response.StatusCode != http.StatusSwitchingProtocols {
			o.Interim++
			continue
		}
		o.Body, err = io.Copy(io.Discard, response.Body)
		o.Done, o.Started = true, true
		o.Status = response.StatusCode
		o.KeepAlive = !response.Close
		o.Left = source.Len() + buffered.Buffered()
		return o, err
	}
}

// A difference from net/http is deliberate if ours, theirs and the bytes are as it says.
type difference struct {
	reason string
	holds  func(raw []byte, ours, theirs outcome, err error) bool
}

// stricter: we refuse what net/http completes.
func stricter(rules ...Rule) func([]byte, outcome, outcome, error) bool {
	return func(_ []byte, ours, _ outcome, err error) bool {
		return err == nil && slices.Contains(rules, ours.Rule)
	}
}

// laxer: we complete what net/http refuses with this text.
func laxer(text string) func([]byte, outcome, outcome, error) bool {
	return func(_ []byte, ours, _ outcome, err error) bool {
		return ours.Done && err != nil && strings.Contains(err.Error(), text)
	}
}

// both narrows a kind of difference down to bytes that explain it.
func both(
	kind func([]byte, outcome, outcome, error) bool, also func([]byte, outcome) bool,
) func([]byte, outcome, outcome, error) bool {
	return func(raw []byte, ours, theirs outcome, err error) bool {
		return kind(raw, ours, theirs, err) && also(raw, ours)
	}
}

var (
	codingIn10      = regexp.MustCompile(`(?is)HTTP/1\.0 .*\ntransfer-encoding:`)
	hasCoding       = regexp.MustCompile(`(?i)\ntransfer-encoding:`)
	lengths         = regexp.MustCompile(`(?is)\ncontent-length:[^\n]*,|\ncontent-length:.*\ncontent-length:`)
	spacedExtension = regexp.MustCompile(`(?i)\n[0-9a-f]+[ \t]+;`)
)

// differences is the list of all that we do otherwise than http.ReadResponse, on purpose.
var differences = []difference{
	{"net/http takes any version of one digit each; other majors are another message syntax", stricter(BadVersion)},
	{"net/http takes more than one space before the status, and a sign in it; RFC 9112 §4 warns of response splitting",
		stricter(BadStatusCode)},
	{"net/http does not look at the reason phrase, nor at controls other than CR in chunk extensions",
		stricter(BareCR, NUL, ControlCharacter)},
	{"net/http takes spaces in field names and ignores the field, which may have been the one that frames",
		stricter(SpaceBeforeColon, BadFieldName)},
	{"net/http unfolds fields that frame; not everyone reads those alike", stricter(BadFold)},
	{"net/http leaves it to its Transport to bound heads and interim responses, and to treat 101",
		stricter(HeadTooLarge, TooManyInterim, Unexpected101)},
	{"net/http strips white space after a chunk size", stricter(BadChunkSize)},
	{"net/http ignores Transfer-Encoding in HTTP/1.0; RFC 9112 §6.1 asks to process it and to close",
		func(raw []byte, _, _ outcome, _ error) bool { return codingIn10.Match(raw) }},

	{"net/http judges Content-Length where RFC 9112 §6.3 does not use it: no body, or Transfer-Encoding",
		both(laxer("Content-Length"), func(raw []byte, ours outcome) bool { return ours.Body == 0 || hasCoding.Match(raw) })},
	{"net/http refuses the list form, and equal lengths written differently; RFC 9110 §8.6: MAY",
		both(laxer("Content-Length"), func(raw []byte, _ outcome) bool { return lengths.Match(raw) })},
	{"net/http supports one transfer coding, chunked; we need none decoded", laxer("transfer encoding")},
	{"net/http judges the field Trailer", laxer("bad trailer key")},
	{"net/http bounds trailers by 4 KiB, and wants CRLF at their end; RFC 9112 §2.2: MAY", laxer("trailer")},
	{"net/http bounds a chunk size by 16 digits; leading zeros are digits", laxer("chunk length too large")},
	{"net/http refuses white space between a chunk size and its extension; RFC 9112 §7.1.1 has BWS there",
		both(laxer("invalid byte in chunk length"), func(raw []byte, _ outcome) bool { return spacedExtension.Match(raw) })},
	{"net/http bounds the share of chunk framing; a response timeout does that here", laxer("too much non-data")},
}

// compare returns "" if both parsers agree that a response is broken, or on all of its outcome, or if they differ on
// purpose, and then which difference it was.
func compare(head bool, raw []byte, ours outcome) (disagreement string, known *difference) {
	theirs, err := outcomeOfNetHTTP(head, raw)
	if err != nil && !ours.Done || err == nil && ours == theirs {
		return "", nil
	}
	for i := range differences {
		if differences[i].holds(raw, ours, theirs, err) {
			return "", &differences[i]
		}
	}
	if err != nil {
		return "net/http: " + err.Error() + "; we complete it", nil
	}
	return cmp.Diff(theirs, ours), nil
}

func TestAgreesWithNetHTTP(t *testing.T) {
	var p Parser
	agreed := 0
	used := map[*difference]bool{}
	for _, s := range slices.Concat(samples, largeSamples) {
		raw := []byte(s.raw)
		disagreement, known := compare(s.head, raw, outcomeOf(&p, s.head, raw))
		require.Empty(t, disagreement, "%s (-net/http +http1)", s.name)
		if used[known] = true; known == nil {
			agreed++
		}
	}
	require.GreaterOrEqual(t, agreed, 120, "samples on which both agree")
	for i := range differences {
		require.True(t, used[&differences[i]], "no sample shows: %s", differences[i].reason)
	}
}
