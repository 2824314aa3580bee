package netpoll

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"net/netip"
	"os"
	"slices"
	"strconv"
)

// stateNames are those of include/net/tcp_states.h.
var stateNames = [...]string{1: "ESTAB", "SYN-SENT", "SYN-RECV", "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT", "CLOSE", "CLOSE-WAIT",
	"LAST-ACK", "LISTEN", "CLOSING", "SYN-RECV"}

func TCPStates(addr netip.AddrPort) (own, peer map[string]int, ok bool) {
	own, peer = map[string]int{}, map[string]int{}
	for _, path := range []string{"/proc/self/net/tcp", "/proc/self/net/tcp6"} {
		f, err := os.Open(path)
		if err != nil {
			continue
		}
		ok = true
		for s := bufio.NewScanner(f); s.Scan(); {
			l, p, state, parsed := parseTCPLine(s.Bytes())
			switch {
			case !parsed:
			case l == addr, l.Port() == addr.Port() && l.Addr().IsUnspecified():
				own[state]++
			case p == addr:
				peer[state]++
			}
		}
		f.Close()
	}
	return own, peer, ok
}

// parseTCPLine reads a line such as "  12: 0100007F:1F90 0100007F:9C40 01 …".
func parseTCPLine(line []byte) (local, peer netip.AddrPort, state string, ok bool) {
	fields := bytes.Fields(line[:min(len(line), 100)]) // those that matter, of the longest addresses too
	if len(fields) < 4 {
		return local, peer, "", false
	}
	local, okLocal := parseTCPAddr(fields[1])
	peer, okPeer := parseTCPAddr(fields[2])
	n, err := strconv.ParseUint(string(fields[3]), 16, 8)
	if !okLocal || !okPeer || err != nil || n == 0 || int(n) >= len(stateNames) {
		return local, peer, "", false
	}
	return local, peer, stateNames[n], true
}

// parseTCPAddr reads an address that is written as the words that it has in memory, each in hex. One of IPv4 on a socket of
// IPv6 is IPv4's.
func parseTCPAddr(text []byte) (addr netip.AddrPort, ok bool) {
	words, port, found := bytes.Cut(text, []byte(":"))
	n, err := strconv.ParseUint(string(port), 16, 16)
	if !found || err != nil || len(words) != 8 && len(words) != 32 {
		return addr, false
	}
	raw := make([]byte, 0, 16)
	for word := range slices.Chunk(words, 8) {
		w, err := strconv.ParseUint(string(word), 16, 32)
		if err != nil {
			return addr, false
		}
		raw = binary.NativeEndian.AppendUint32(raw, uint32(w))
	}
	ip, _ := netip.AddrFromSlice(raw)
	return netip.AddrPortFrom(ip.Unmap(), uint16(n)), true
}
