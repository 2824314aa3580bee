// Package hostile is a test binary that makes it hard to be run again: its packages do much in init, and it changes
// directory. The tests of package generator compile it, with the race detector and with coverage too, and start it by a
// relative path.
package hostile
