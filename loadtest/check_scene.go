package loadtest

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"

	"example.com/holdfast/internal/netpoll"
)

// A scene is what the test process and its sockets were doing at the end of hold, with all conns open: what a person who
// looks at a failed test would like to have seen.
type scene struct {
	seen       bool
	stacks     stacks
	heap       []byte         // a profile, where files are kept
	goroutines []byte         // the same
	server     netip.AddrPort // not valid: it has no such address
	own, peer  map[string]int // the sockets' states at the server's end, and at the clients'
}

// look takes 60 ms with 9 500 conns of which both ends are in the process, and 30 ms more where files are kept (2026-11).
func (c *check) look() scene {
	s := scene{seen: true, stacks: takeStacks()}
	if c.files.Kept() {
		s.goroutines, s.heap = profile("goroutine", 1), profile("heap", 0)
	}
	if loc, _ := parseLocation(c.cfg.rawURL()); c.cfg.network() == networkTCP {
		if ip, err := netip.ParseAddr(loc.host); err == nil { // of a name it is not known which of its addresses was taken
			s.server = netip.AddrPortFrom(ip, loc.port)
			s.own, s.peer, _ = netpoll.TCPStates(s.server)
		}
	}
	return s
}

func profile(name string, debug int) []byte {
	var b bytes.Buffer
	if p := pprof.Lookup(name); p == nil || p.WriteTo(&b, debug) != nil {
		return nil
	}
	return b.Bytes()
}

// String is in the manner of the report's table, and follows it; "" if nothing was seen.
func (s scene) String() string {
	if !s.seen {
		return ""
	}
	var t table
	t.row("at the end of hold", "")
	if len(s.own)+len(s.peer) > 0 {
		t.row("sockets", "of %s, the server's end: %s; the clients': %s", s.server, statesText(s.own), statesText(s.peer))
	}
	t.row("goroutines", "%d in the test process", s.stacks.total())
	for _, line := range s.stacks.most(3) {
		t.row("", "%s", line)
	}
	return t.b.String()
}

// statesText names the most frequent first.
func statesText(states map[string]int) string {
	var all []string
	for _, name := range slices.SortedFunc(maps.Keys(states), func(a, b string) int {
		return cmp.Or(cmp.Compare(states[b], states[a]), strings.Compare(a, b))
	}) {
		all = append(all, fmt.Sprintf("%d %s", states[name], name))
	}
	return orNone(strings.Join(all, ", "), "none")
}

// stacks counts goroutines by their stacks.
type stacks map[runtime.StackRecord]int

// takeStacks stops the world for a moment, however many there are.
func takeStacks() stacks {
	records := make([]runtime.StackRecord, runtime.NumGoroutine()+16)
	n, ok := runtime.GoroutineProfile(records)
	for ; !ok; n, ok = runtime.GoroutineProfile(records) {
		records = make([]runtime.StackRecord, n+n/8)
	}
	s := stacks{}
	for _, r := range records[1:n] { // the first is the one that asks
		s[r]++
	}
	return s
}

func (s stacks) total() (n int) {
	for _, count := range s {
		n += count
	}
	return n
}

// since returns the stacks that there are more of than before, by how many.
func (s stacks) since(before stacks) stacks {
	more := stacks{}
	for r, n := range s {
		if n > before[r] {
			more[r] = n - before[r]
		}
	}
	return more
}

// most describes the most frequent.
func (s stacks) most(n int) (all []string) {
	records := slices.SortedFunc(maps.Keys(s), func(a, b runtime.StackRecord) int {
		return cmp.Or(cmp.Compare(s[b], s[a]), slices.Compare(a.Stack0[:], b.Stack0[:]))
	})
	for _, r := range records[:min(n, len(records))] {
		all = append(all, fmt.Sprintf("%d in %s", s[r], orNone(framesText(r.Stack()), "the runtime")))
	}
	return all
}

// framesText names the functions of a stack from where it is to where it began; "" if it is the runtime's alone.
func framesText(pcs []uintptr) string {
	const most = 5
	var names []string
	for frames := runtime.CallersFrames(pcs); ; {
		f, more := frames.Next()
		if f.Function != "" && !strings.HasPrefix(f.Function, "runtime.") && !strings.HasPrefix(f.Function, "internal/poll.") {
			names = append(names, f.Function)
		}
		if !more {
			break
		}
	}
	if len(names) > most {
		names = append(names[:most-1:most-1], "…", names[len(names)-1])
	}
	return strings.Join(names, " < ")
}
