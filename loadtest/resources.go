package loadtest

import (
	"os"
	"runtime"
	"runtime/metrics"

	"example.com/holdfast/internal/netpoll"
)

// Resources are what processes hold at one instant. −1: unknown, as all but the descriptors is of any process but this one.
type Resources struct {
	Heap        int64 `json:"heap_bytes"` // objects; right after a collection those that live
	Stack       int64 `json:"stack_bytes"`
	Goroutines  int64 `json:"goroutines"`
	Descriptors int64 `json:"descriptors"` // open
}

var unknownResources = Resources{-1, -1, -1, -1}

// currentResources reads what this process holds now, garbage included. It does not stop the world.
func currentResources() Resources {
	s := []metrics.Sample{
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/stacks:bytes"},
		{Name: "/memory/classes/os-stacks:bytes"}, // of threads
	}
	metrics.Read(s)
	v := func(i int) int64 { return int64(s[i].Value.Uint64()) }
	return Resources{
		Heap: v(0), Stack: v(1) + v(2),
		Goroutines: int64(runtime.NumGoroutine()), Descriptors: netpoll.OpenDescriptors(os.Getpid()),
	}
}

// settledResources reads what this process holds for good: after each of three collections, and of each figure the least. A
// sync.Pool keeps its objects over one, and what has a finalizer is freed by the one after; stacks shrink by half at a
// time. Whatever goes on meanwhile adds to a reading, and to the least of three it adds the least.
//
// Note: it takes 1 to 12 ms with 10 conns of a net/http server open, and with 9 000 some 90 ms, in which it uses 150 ms of
// CPU (2026-11).
func settledResources() Resources {
	least := unknownResources
	for i := range 3 {
		runtime.GC()
		now := currentResources()
		if i == 0 {
			least = now
		}
		least = Resources{
			min(least.Heap, now.Heap), min(least.Stack, now.Stack), min(least.Goroutines, now.Goroutines),
			min(least.Descriptors, now.Descriptors),
		}
	}
	return least
}

// holdings are what the server's processes hold before a run, when the sweep has ended and all conns are open, and after.
// To have its heap collected is asked of a server in this process alone, where somebody is to judge or to show what it holds: the
// whole process pays for it, a heap of 1 GB with seconds. And not while other runs go on, whose latency it would spoil and
// whose conns are in the heap too.
type holdings struct {
	own                 bool            // the server is in this process
	collects            bool            // and what it holds is read after collections
	tree                *netpoll.Family // else the one of Config.ServerPID; nil: none
	before, hold, after Resources

	pause pause
}

// unread are those of a run that reads none.
func unread() *holdings {
	return &holdings{before: unknownResources, hold: unknownResources, after: unknownResources}
}

// startHoldings reads what is held before a run. collects: somebody wants the heap of a server in this process, and no other run
// goes on.
func startHoldings(c Config, tree *netpoll.Family, collects bool) *holdings {
	h := unread()
	h.own, h.tree = c.Server != nil, tree
	h.collects = h.own && collects
	switch {
	case h.collects:
		h.before = settledResources()
	case h.own: // takeUsage reads it as it is
	default:
		h.before = h.ofTree()
	}
	return h
}

// readHold is called when all conns are open. alone says that no other run went on at the same time.
func (h *holdings) readHold(alone bool) {
	switch {
	case !h.own:
		h.hold = h.ofTree()
		return
	case !alone:
		return
	case !h.collects:
		h.hold = currentResources()
		h.hold.Heap, h.hold.Stack = -1, -1 // garbage, and what stacks have grown to, may be more than the conns'
		return
	}
	marking := markingCPU()
	h.hold = settledResources()
	h.pause.marking = markingCPU() - marking
}

// end reads what is held after the run, of a tree.
func (h *holdings) end() { h.after = h.ofTree() }

func (h *holdings) ofTree() Resources {
	r := unknownResources
	if h.tree != nil {
		r.Descriptors = h.tree.Descriptors()
	}
	return r
}
