// Package lines makes lines for a test log of texts of any length and origin.
package lines

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Width is the most columns of a line of text.
const Width = 110

// Fold breaks text at blanks into lines of at most width columns; what has no blank stays whole. Lines after the first
// are indented as the first is.
func Fold(text string, width int) []string {
	indent := text[:len(text)-len(strings.TrimLeft(text, " "))]
	var lines []string
	line := indent
	for _, word := range strings.Fields(text) {
		switch {
		case line == indent:
			line += word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) <= width:
			line += " " + word
		default:
			lines = append(lines, line)
			line = indent + word
		}
	}
	return append(lines, line)
}

// Labelled is text beside a label that has its own columns: each line ends in a newline, and the first alone has the label.
func Labelled(label string, columns int, text string) string {
	var b strings.Builder
	for _, line := range Fold(text, Width-columns) {
		b.WriteString(strings.TrimRight(fmt.Sprintf("%-*s%s", columns, label, line), " "))
		b.WriteByte('\n')
		label = ""
	}
	return b.String()
}

// One makes foreign text fit into a line: it is cut, and what does not print becomes a blank.
func One(s string) string {
	const most = 200
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return Printable(s)
}

// Printable has a blank for each character that does not print, such as the end of a line.
func Printable(s string) string {
	return strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) {
			return ' '
		}
		return c
	}, s)
}
