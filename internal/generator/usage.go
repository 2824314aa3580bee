package generator

import (
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// Usage is what the Go runtime of a child did while it carried out its share. Its CPU and memory the parent can see.
type Usage struct {
	Allocs  int64 // bytes allocated on the heap
	GCs     int64
	GCPause time.Duration // in sum
}

// takeUsage reads the meters as they stand. It does not stop the world.
func takeUsage() Usage {
	s := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(s)
	var gc debug.GCStats
	debug.ReadGCStats(&gc)
	return Usage{Allocs: int64(s[0].Value.Uint64()), GCs: gc.NumGC, GCPause: gc.PauseTotal}
}

// since returns what was done from before to u.
func (u Usage) since(before Usage) Usage {
	return Usage{u.Allocs - before.Allocs, u.GCs - before.GCs, u.GCPause - before.GCPause}
}
