//go:build !linux

package faulty

import "net"

const unixResets = false

// arrivals knows nothing here.
type arrivals struct{}

func (arrivals) have(*conn, delivery) (done, known bool) { return false, false }

func (arrivals) close() {}

// loneByte is for resets of unix sockets, which there are none of here.
func loneByte(net.Conn) (lone bool, err error) { return true, nil }
