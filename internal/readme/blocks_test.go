package readme

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

// A block is a piece of code in a text in Markdown.
type block struct {
	line int    // of its first line of code, from 1
	kind string // what the fence says; indented, if there is none
	text string
}

const indented = "indented"

// The kinds of blocks that README.md has: what is run, and what is shown.
const (
	shell    = "sh"
	golang   = "go"
	pipeline = "yaml" // of which the commands are run
	output   = "text"
)

var fence = regexp.MustCompile("^ {0,3}(```+)\\s*(\\S*)$")

// blocksOf finds the blocks of a text. What is indented after an empty line is one too, if only to be refused.
func blocksOf(markdown string) (all []block) {
	var in *block
	var closing string
	blank := true
	for i, line := range strings.Split(markdown, "\n") {
		m := fence.FindStringSubmatch(line)
		codeLike := strings.HasPrefix(line, "    ") || strings.HasPrefix(line, "\t")
		switch {
		case in != nil && closing != "" && m != nil && strings.HasPrefix(m[1], closing) && m[2] == "":
			in = nil
		case in != nil && (closing != "" || codeLike):
			in.text += line + "\n"
		case m != nil:
			closing = m[1]
			all = append(all, block{line: i + 2, kind: m[2]})
			in = &all[len(all)-1]
		case codeLike && blank:
			closing = ""
			all = append(all, block{line: i + 1, kind: indented, text: line + "\n"})
			in = &all[len(all)-1]
		default:
			in = nil
		}
		blank = strings.TrimSpace(line) == ""
	}
	return all
}

// A command that is shown among output would not be run.
var hidden = regexp.MustCompile(`(?m)^\s*(\$ |go (test|run|build|mod|tool|install) |\./)`)

// refused says what is wrong with a block whatever it does; "": nothing.
func (b block) refused() string {
	switch b.kind {
	case shell, golang, pipeline:
		return ""
	case output:
		if strings.Contains(b.text, "@@") {
			return "a block of text has a place that nobody has filled in: @@"
		}
		if command := hidden.FindString(b.text); command != "" {
			return fmt.Sprintf("a block of text has a command in it, %q: commands go into a block of their own, which begins with ```sh",
				strings.TrimSpace(command))
		}
		return ""
	case indented:
		return "a block is indented, and does not say what it is: begin it with ```sh if it is commands, ```go, ```yaml or ```text"
	}
	return fmt.Sprintf("a block is %q, which is none of ```sh, ```go, ```yaml and ```text", b.kind)
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(text)
}

func TestBlocksOf(t *testing.T) {
	got := blocksOf(strings.Join([]string{
		"Text", "    goes on here.", "", "    go test", "    go vet", "and", "```sh", "a", "", "    b", "```", "", "~~~", "```go", "c", "```",
		"````", "```", "````", "```text", "unfinished"}, "\n"))
	want := []block{
		{4, indented, "    go test\n    go vet\n"}, {8, shell, "a\n\n    b\n"}, {15, golang, "c\n"}, {18, "", "```\n"}, {21, output, "unfinished\n"},
	}
	require.Empty(t, cmp.Diff(want, got, cmp.AllowUnexported(block{})))
	for b, refused := range map[block]bool{
		{kind: shell}:                                 false,
		{kind: pipeline}:                              false,
		{kind: output, text: "go1.26 test\n"}:         false,
		{kind: output, text: "ok\n  go test ./...\n"}: true,
		{kind: output, text: "$ make\n"}:              true,
		{kind: output, text: "@@OUTPUT@@\n"}:          true,
		{kind: indented}:                              true,
		{kind: ""}:                                    true,
		{kind: "bash"}:                                true,
	} {
		require.Equal(t, refused, b.refused() != "", "%+v", b)
	}
}
