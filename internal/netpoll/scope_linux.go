package netpoll

import (
	"net"
	"strconv"
)

// scopeID returns the index of an IPv6 zone, a name or a number; 0 for none.
func scopeID(zone string) uint32 {
	if zone == "" {
		return 0
	}
	if i, err := net.InterfaceByName(zone); err == nil {
		return uint32(i.Index)
	}
	n, _ := strconv.ParseUint(zone, 10, 32)
	return uint32(n)
}
