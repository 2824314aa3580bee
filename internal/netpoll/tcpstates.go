package netpoll

// TCPStates counts the TCP sockets of this process's network namespace by their state, as ss(8) names them: those whose own
// port it is, and those whose peer's. ok is false where the system does not say. Each OS file provides
//
//	TCPStates(port int) (own, peer map[string]int, ok bool)
