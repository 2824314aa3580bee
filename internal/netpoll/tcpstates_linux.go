package netpoll

import (
	"bufio"
	"bytes"
	"os"
	"strconv"
)

// stateNames are those of include/net/tcp_states.h.
var stateNames = [...]string{1: "ESTAB", "SYN-SENT", "SYN-RECV", "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT", "CLOSE", "CLOSE-WAIT",
	"LAST-ACK", "LISTEN", "CLOSING", "SYN-RECV"}

func TCPStates(port int) (own, peer map[string]int, ok bool) {
	own, peer = map[string]int{}, map[string]int{}
	for _, path := range []string{"/proc/self/net/tcp", "/proc/self/net/tcp6"} {
		f, err := os.Open(path)
		if err != nil {
			continue
		}
		ok = true
		for s := bufio.NewScanner(f); s.Scan(); {
			if l, p, state, parsed := parseTCPLine(s.Bytes()); parsed {
				if l == port {
					own[state]++
				}
				if p == port {
					peer[state]++
				}
			}
		}
		f.Close()
	}
	return own, peer, ok
}

// parseTCPLine reads a line such as "  12: 0100007F:1F90 0100007F:9C40 01 …".
func parseTCPLine(line []byte) (local, peer int, state string, ok bool) {
	fields := bytes.Fields(line[:min(len(line), 100)]) // those that matter, of the longest addresses too
	if len(fields) < 4 {
		return 0, 0, "", false
	}
	local, okLocal := portOf(fields[1])
	peer, okPeer := portOf(fields[2])
	n, err := strconv.ParseUint(string(fields[3]), 16, 8)
	if !okLocal || !okPeer || err != nil || n == 0 || int(n) >= len(stateNames) {
		return 0, 0, "", false
	}
	return local, peer, stateNames[n], true
}

func portOf(addr []byte) (port int, ok bool) {
	_, hex, found := bytes.Cut(addr, []byte(":"))
	n, err := strconv.ParseUint(string(hex), 16, 16)
	return int(n), found && err == nil
}
