//go:build !linux

package netpoll

import "time"

// A Meter knows nothing here.
type Meter struct{}

func NewMeter() *Meter { return &Meter{} }

func CPUClock(int) (time.Duration, bool) { return 0, false }
func Governor() string                   { return "" }

func (*Meter) Process(int) (Process, bool)  { return Process{}, false }
func (*Meter) PIDs(into []int) []int        { return into }
func (*Meter) Memory(int) (rss, peak int64) { return -1, -1 }
func (*Meter) RunDelay(int) time.Duration   { return -1 }
func (*Meter) Host() Host                   { return UnknownHost }
func (*Meter) Kernel() KernelCounters       { return UnknownCounters }
