package peers

import "time"

// Usage is what a process has used since it began.
type Usage struct {
	CPU     time.Duration // user and system time of all its threads
	RSS     int64         // resident now, bytes
	PeakRSS int64         // resident at most, bytes
}
