//go:build !linux

package netpoll

// PeerOf finds nothing out here.
func PeerOf(int) Peer { return Peer{} }
