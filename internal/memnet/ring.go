package memnet

import "sync"

// window is how many bytes one end holds that it has received and not read.
const window = 64 << 10

// sizes of the rings: 1 KB holds any HTTP head of a load test, so that 10 000 conns with one in flight each cost 10 MB;
// the others grow by a factor of 8 up to the window, for bodies.
var sizes = [...]int{1 << 10, 8 << 10, window}

var pools [len(sizes)]sync.Pool

// ring is a circular buffer, borrowed from the pool of its size.
type ring struct {
	data        []byte
	start, size int
}

// push appends as much of p as the window allows, and says how much that was. It returns the ring that now holds the
// bytes: r may be nil, and is replaced when it is too small.
func push(r *ring, p []byte) (*ring, int) {
	if r == nil {
		r = borrow(min(len(p), window))
	}
	n := min(len(p), window-r.size)
	if need := r.size + n; need > len(r.data) {
		wider := borrow(need)
		wider.size = r.pop(wider.data)
		r.release()
		r = wider
	}
	end := (r.start + r.size) % len(r.data)
	copied := copy(r.data[end:], p[:n])
	copy(r.data, p[copied:n])
	r.size += n
	return r, n
}

// pop moves the oldest bytes into p, and says how many.
func (r *ring) pop(p []byte) int {
	n := min(len(p), r.size)
	copied := copy(p[:n], r.data[r.start:])
	copy(p[copied:n], r.data)
	r.start = (r.start + n) % len(r.data)
	r.size -= n
	return n
}

// borrow returns an empty ring for at least need bytes, need being at most the window.
func borrow(need int) *ring {
	class := 0
	for sizes[class] < need {
		class++
	}
	if r, ok := pools[class].Get().(*ring); ok {
		return r
	}
	return &ring{data: make([]byte, sizes[class])}
}

// release gives the ring back to its pool, empty.
func (r *ring) release() {
	r.start, r.size = 0, 0
	for class, size := range sizes {
		if len(r.data) == size {
			pools[class].Put(r)
		}
	}
}
