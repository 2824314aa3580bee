//go:build !linux

package netpoll

import "net/netip"

func TCPStates(netip.AddrPort) (own, peer map[string]int, ok bool) { return nil, nil, false }
