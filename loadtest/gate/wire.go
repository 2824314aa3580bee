package gate

import (
	"encoding/gob"
	"fmt"
	"io"
	"strings"
	"time"

	"example.com/holdfast/internal/handover"
)

// protocol is the number of all that the test process and its server processes say to each other. It changes with any type
// in it: see testdata/wire.golden.
const protocol = 1

// greeting is the first thing that a server process says, before anything whose form may differ between versions.
const greeting = "holdfast gate %d\n"

// variable is the environment variable that names the nonce of a server process: see package spawn.
const variable = "HOLDFAST_GATE"

// A hello says where the server is, or why there is none.
type hello struct {
	Test   string
	Served handover.Served
	Error  string
}

// An order is what a server process is told. One of its fields is set.
type order struct {
	Cost    int           // repeats of loadtest.MeasureCost
	Profile time.Duration // of the CPU
}

// An answer is what it says when it has obeyed.
type answer struct {
	Cost    []byte // as JSON, in which a loadtest.Cost is whole
	Profile []byte
	Error   string
}

// readGreeting returns the protocol that a server process speaks. It is to be the whole of the first read, or gob would miss
// what was read beyond it.
func readGreeting(r io.Reader) (int, error) {
	var line strings.Builder
	for b := make([]byte, 1); b[0] != '\n'; {
		if _, err := io.ReadFull(r, b); err != nil {
			return 0, err
		}
		line.WriteByte(b[0])
		if line.Len() > len(greeting)+20 {
			return 0, fmt.Errorf("it does not begin as a server process does: %q", line.String())
		}
	}
	var n int
	if _, err := fmt.Sscanf(line.String(), greeting, &n); err != nil {
		return 0, fmt.Errorf("it does not begin as a server process does: %q", line.String())
	}
	return n, nil
}

// A talk is gob both ways.
type talk struct {
	*gob.Encoder
	*gob.Decoder
}

func newTalk(conn io.ReadWriter) talk { return talk{gob.NewEncoder(conn), gob.NewDecoder(conn)} }
