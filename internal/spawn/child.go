package spawn

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"os"

	"example.com/holdfast/internal/netpoll"
)

// A Parent is the other end, seen by a child that has not yet heard the nonce.
type Parent struct {
	end      *os.File
	variable string
	nonce    []byte
}

// Why a child and its parent do not come together.
var (
	ErrOrphaned = errors.New("the parent is gone")
	ErrStranger = errors.New("who is at the other end of the socket is not the parent")
)

// Inherited reports whether this process is a child by its environment and its descriptors: if so it is to Meet its parent,
// and else to run on as if nothing was.
func Inherited(variable string) (*Parent, bool) {
	nonce, err := hex.DecodeString(os.Getenv(variable))
	if err != nil || len(nonce) != nonceSize {
		return nil, false
	}
	end, ok := netpoll.Inherited(childFD)
	return &Parent{end, variable, nonce}, ok
}

// Meet returns the conn to the parent. Who is started by this process in turn is no child of that kind.
func (p *Parent) Meet() (net.Conn, error) {
	conn, err := net.FileConn(p.end)
	if err != nil {
		return nil, ErrStranger
	}
	p.end.Close()
	os.Unsetenv(p.variable)
	got := make([]byte, nonceSize)
	switch _, err := io.ReadFull(conn, got); {
	case err != nil:
		return nil, ErrOrphaned
	case !bytes.Equal(got, p.nonce):
		return nil, ErrStranger
	}
	return conn, nil
}
