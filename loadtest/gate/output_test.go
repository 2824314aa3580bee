package gate

import (
	"bytes"
	"encoding/json"
	"math"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"example.com/holdfast/internal/golden"
	"example.com/holdfast/internal/lines"
)

// HOLDFAST_UPDATE=1 go test ./loadtest/gate rewrites what these are held against.
func TestTextAndMarkdown(t *testing.T) {
	for name, r := range results() {
		golden.Want(t, name, r.String())
		golden.Want(t, name+".md", r.markdown())
	}
	golden.Want(t, "worst", worseSample().worstPair())
	golden.Want(t, "hostile.md", hostile().markdown())
	require.Empty(t, newSample().worstPair())
}

func TestTextFitsALog(t *testing.T) {
	all := results()
	all["hostile"] = hostile()
	all["empty"] = &result{Outcome: isNew}
	for name, r := range all {
		text := r.String()
		require.True(t, strings.HasPrefix(text, "gate: "+string(r.Outcome)), text)
		require.True(t, strings.HasSuffix(text, "\n"), text)
		for line := range strings.Lines(text) {
			line = strings.TrimSuffix(line, "\n")
			if !strings.HasPrefix(line, "again ") { // it is there to be copied
				require.LessOrEqual(t, utf8.RuneCountInString(line), lines.Width, "%s: %q", name, line)
			}
			require.False(t, strings.ContainsFunc(line, func(c rune) bool { return !unicode.IsPrint(c) }), "%s: %q", name, line)
		}
	}
}

// TestMarkdownOfForeignText: what others wrote is in code, or has a backslash before all that could be markup.
func TestMarkdownOfForeignText(t *testing.T) {
	text := hostile().markdown()
	fences := regexp.MustCompile("(?s)(?:^|\n)(`{3,})[a-z]+\n.*?\n(`+)\n")
	for _, m := range fences.FindAllStringSubmatch(text, -1) {
		require.Equal(t, m[1], m[2], "blocks end with what they began with")
	}
	text = fences.ReplaceAllString(text, "\n")
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "|") {
			cells := regexp.MustCompile(`\\.`).ReplaceAllString(line, "")
			require.Equal(t, 6, strings.Count(cells, "|"), "cells of %q", line)
		}
		require.Regexp(t, `^(|#.*|[|-] .*|\|[:|-]+|To compare.*|`+"`.*"+`|</?details>.*)$`, line)
		own := strings.NewReplacer("<details><summary>", "", "</summary>", "", "</details>", "").Replace(ownMarkup(line))
		require.NotRegexp(t, "[<>`@\\[\\]&]|www\\.|://", own, line)
	}
}

// ownMarkup is what a line has besides spans of code and characters behind a backslash, as CommonMark has them: a span ends
// at as many backticks in a row as it began with, and a backslash in it is one.
func ownMarkup(line string) string {
	var b strings.Builder
	for line != "" {
		switch line[0] {
		case '\\':
			_, n := utf8.DecodeRuneInString(line[1:])
			line = line[1+n:]
		case '`':
			rest := strings.TrimLeft(line, "`")
			fence := line[:len(line)-len(rest)]
			end := regexp.MustCompile("[^`]" + fence + "(?:[^`]|$)").FindStringIndex(rest)
			if end == nil {
				return b.String() + line // no span
			}
			line = rest[end[0]+1+len(fence):]
		default:
			b.WriteByte(line[0])
			line = line[1:]
		}
	}
	return b.String()
}

func TestPlain(t *testing.T) {
	require.Equal(t, `p99\.9 of a\|b\\\|c\<i\>`, plain(`p99.9 of a|b\|c<i>`))
	require.Equal(t, "\\@\u2060root www\u2060\\.e http\\:\u2060\\/\\/e", plain("@root www.e http://e"))
}

func TestCode(t *testing.T) {
	for s, want := range map[string]string{
		"": "", " \n ": "", "a": "` a `", "a`b": "`` a`b ``", "``": "``` `` ```", "a\nb\x00": "` a b `",
		"`": "`` ` ``", "a``b`": "``` a``b` ```",
	} {
		require.Equal(t, want, code(s))
	}
}

func TestChangeIsWritten(t *testing.T) {
	require.Equal(t, "+10.2 % (+9.1 … +11.4)", interval{.102, .091, .114}.String())
	require.Equal(t, "+0.0 % (-∞ … +∞)", interval{-.0001, math.Inf(-1), math.Inf(1)}.String())
	for _, of := range []struct {
		unit                     string
		base, head               float64
		wantBase, wantHead, want string
	}{
		{unitCPU, 20_200, 22_260.4, "20.20µs", "22.26µs", "+1.0 % (-1.0 … +2.0)"},
		{"p50-ns", 999_960, 1_100_000, "1.000ms", "1.100ms", "+1.0 % (-1.0 … +2.0)"},
		{"heap-B/conn", 4096, 1 << 20, "4.000KiB", "1024.000KiB", "+1.0 % (-1.0 … +2.0)"},
		{"req/s", 49_876, 5e6, "49.88k", "5000.00k", "+1.0 % (-1.0 … +2.0)"},
		{"goroutines/conn", 1, 2.25, "1", "2.25", "+1.25"},
		{"descriptors/conn", 2, 1, "2", "1", "-1"},
		{"drops/conn", 0, 0, "0", "0", "none"},
		{"failed/req", 0, .00123456, "0", "0.001235", "+0.001235"},
	} {
		m := metric{Unit: of.unit, Base: &of.base, Head: &of.head, Change: between(-.01, .01, .02)}
		base, head := m.values()
		require.Equal(t, []string{of.wantBase, of.wantHead, of.want}, []string{base, head, m.change()}, of.unit)
	}
}

// TestFloor: with normal noise both stages together find what lies at the floor nine times of ten.
func TestFloor(t *testing.T) {
	normal := func(x float64) float64 { return math.Erfc(-x/math.Sqrt2) / 2 }
	const efficiency = 0.9772 // √(3/π)
	found := normal(reach*efficiency-1.6449) * normal(reach*math.Sqrt2*efficiency-2.3263)
	require.InDelta(t, .9, found, .005)
	require.InDelta(t, 1.02*math.Exp(3.13*.031/math.Sqrt(12))-1, floor(.02, .031, 12), 1e-12)
	require.InDelta(t, .02, floor(.02, 0, 12), 1e-12)
}

func TestJSONLosesNothing(t *testing.T) {
	for name, r := range results() {
		var text bytes.Buffer
		require.NoError(t, r.writeJSON(&text), name)
		require.Contains(t, text.String(), `{"format":1,"test":"TestShop/keep-alive"`)
		var read result
		decoder := json.NewDecoder(bytes.NewReader(text.Bytes()))
		decoder.DisallowUnknownFields()
		require.NoError(t, decoder.Decode(&read), name)
		require.Equal(t, r, &read, name)
	}
}

func TestJSONOfNoNumber(t *testing.T) {
	for name, break1 := range map[string]func(r *result){
		"a median":         func(r *result) { r.Metrics[0].Base = number64(math.Inf(1)) },
		"the noise":        func(r *result) { r.Noise = math.NaN() },
		"an estimate":      func(r *result) { r.Metrics[0].Change.Estimate = math.NaN() },
		"a lower bound":    func(r *result) { r.Metrics[0].Change.Low = math.NaN() },
		"bounds in turn":   func(r *result) { r.Metrics[0].Change.Low = math.Inf(1) },
		"no upper bound":   func(r *result) { r.Metrics[0].Change.High = math.Inf(-1) },
		"a share of slice": func(r *result) { r.First[0].Slices[0].Steal = math.NaN() },
	} {
		r := worseSample()
		break1(r)
		var text bytes.Buffer
		require.Error(t, r.writeJSON(&text), name)
		require.Empty(t, text.String(), name)
	}
}

func TestAttributes(t *testing.T) {
	require.Equal(t, [][2]string{
		{"gate/outcome", "worse"},
		{"gate/base", "1f0c2d3e4b5a69788796a5b4c3d2e1f001234567"},
		{"gate/head", "9a8b7c6d5e4f30212f3e4d5c6b7a8998fedcba98 dirty"},
		{"gate/cpu-ns/req", "worse +10.2%"},
		{"gate/p50-ns", "unknown +6.0%"},
		{"gate/drops/conn", "unknown +0.0025"},
		{"gate/heap-B/conn", "same +0.1%"},
		{"gate/goroutines/conn", "worse +1"},
		{"gate/p99-ns", "shown +120.0µs"},
		{"gate/req/s", "shown -8.9%"},
		{"gate/rss-B/conn", "shown -"},
	}, worseSample().attrs())
	r := hostile()
	r.Base.Commit, r.Metrics[0].Unit, r.Metrics[0].Outcome = "a\r\nb", "a b\u00a0c\n/d", "x\ny"
	for _, a := range r.attrs() {
		require.False(t, strings.ContainsFunc(a[0], unicode.IsSpace), a[0])
		t.Attr(a[0], a[1]) // it fails the test if it does not like them
	}
	require.Equal(t, [][2]string{{"gate/outcome", "new"}}, (&result{Outcome: isNew}).attrs())
}
