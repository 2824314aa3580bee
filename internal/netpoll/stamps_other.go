//go:build !linux

package netpoll

// Stamps reports whether this kernel stamps the segments that arrive over loopback TCP. None but Linux is asked.
func Stamps() bool { return false }
