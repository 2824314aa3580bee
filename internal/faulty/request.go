package faulty

import (
	"bufio"
	"bytes"
	"fmt"
	"strconv"
)

const blankLine = "\r\n\r\n"

// leavesByte reports whether the last byte of what the client sent must stay unread: for a reset of a unix socket.
func (c *conn) leavesByte(f Fault) bool { return c.network == "unix" && acts[f].then == reset }

// await waits for the first byte of a request. On a unix socket it reads no more than that, so that the last is not read
// before it is known whether it may be.
func (c *conn) await() error {
	if c.network == "unix" && c.TLS == nil && c.Fault != nil {
		c.room = 1
		defer func() { c.room = 0 }()
	}
	if c.owed {
		c.owed = false
		if _, err := c.r.Discard(1); err != nil {
			return err
		}
	}
	_, err := c.r.Peek(1)
	return err
}

// read reads a request, all of it or all but the last byte, and reports whether it is HEAD.
func (c *conn) read(leaveByte bool) (head bool, err error) {
	if leaveByte {
		c.owed = true
		return c.readAllButOne()
	}
	length := 0
	for first, begins := true, true; ; {
		line, err := c.r.ReadSlice('\n')
		if err != nil && err != bufio.ErrBufferFull {
			return false, err
		}
		switch {
		case !begins: // the rest of a line longer than the buffer
		case first:
			head, first = isHead(line), false
		case len(line) <= len("\r\n"):
			_, err := c.r.Discard(length)
			return head, err
		default:
			if length, err = lengthIn(line, length); err != nil {
				return false, err
			}
		}
		begins = line[len(line)-1] == '\n'
	}
}

// readAllButOne reads the head byte by byte, so that none is read too much.
func (c *conn) readAllButOne() (head bool, err error) {
	defer func() { c.room = 0 }()
	var text []byte
	for !bytes.HasSuffix(text, []byte(blankLine[:3])) {
		c.room = 1
		b, err := c.r.ReadByte()
		if err != nil {
			return false, err
		}
		text = append(text, b)
	}
	length := 0
	for line := range bytes.Lines(text) {
		if length, err = lengthIn(line, length); err != nil {
			return false, err
		}
	}
	for ; length > 0; length -= c.r.Buffered() { // the line end, and the body but for its last byte
		c.r.Discard(c.r.Buffered())
		c.room = length
		if _, err := c.r.Peek(1); err != nil {
			return false, err
		}
	}
	c.r.Discard(c.r.Buffered())
	return isHead(text), nil
}

func isHead(line []byte) bool { return bytes.HasPrefix(line, []byte("HEAD ")) }

// lengthIn returns the length that a field line gives to the body, or else the one that is known.
func lengthIn(line []byte, known int) (int, error) {
	const name = "content-length:"
	if len(line) < len(name) || !bytes.EqualFold(line[:len(name)], []byte(name)) {
		return known, nil
	}
	n, err := strconv.Atoi(string(bytes.TrimSpace(line[len(name):])))
	if err != nil {
		return 0, fmt.Errorf("faulty: reading a request: %w", err)
	}
	return n, nil
}
