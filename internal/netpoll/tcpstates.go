package netpoll

// TCPStates counts the TCP sockets of this process's network namespace by their state, as ss(8) names them: those whose own
// address it is, one that listens on all addresses of its port included, and those whose peer's. ok is false where the system
// does not say. Each OS file provides
//
//	TCPStates(addr netip.AddrPort) (own, peer map[string]int, ok bool)
