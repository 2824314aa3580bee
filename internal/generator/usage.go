package generator

import (
	"runtime/debug"
	"runtime/metrics"
	"time"

	"example.com/holdfast/internal/netpoll"
)

// Usage is what a child used while it carried out its share; what is unknown is −1.
type Usage struct {
	CPUUser, CPUSystem time.Duration
	RSSBefore, RSS     int64
	PeakRSS            int64 // since the process started
	Allocs, Mallocs    int64 // bytes and objects allocated on the heap
	GCs                int64
	GCPause            time.Duration
}

// takeUsage reads the meters as they stand. It does not stop the world.
func takeUsage() Usage {
	user, system, ok := netpoll.ProcessCPU()
	if !ok {
		user, system = -1, -1
	}
	s := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}, {Name: "/gc/heap/allocs:objects"}}
	metrics.Read(s)
	var gc debug.GCStats
	debug.ReadGCStats(&gc)
	return Usage{
		CPUUser: user, CPUSystem: system, RSS: netpoll.RSS(), PeakRSS: netpoll.PeakRSS(),
		Allocs: int64(s[0].Value.Uint64()), Mallocs: int64(s[1].Value.Uint64()), GCs: gc.NumGC, GCPause: gc.PauseTotal,
	}
}

// since returns what was used from before to u.
func (u Usage) since(before Usage) Usage {
	u.CPUUser, u.CPUSystem = grown(before.CPUUser, u.CPUUser), grown(before.CPUSystem, u.CPUSystem)
	u.RSSBefore = before.RSS
	u.Allocs, u.Mallocs = u.Allocs-before.Allocs, u.Mallocs-before.Mallocs
	u.GCs, u.GCPause = u.GCs-before.GCs, u.GCPause-before.GCPause
	return u
}

func grown(before, after time.Duration) time.Duration {
	if before < 0 || after < 0 {
		return -1
	}
	return after - before
}
