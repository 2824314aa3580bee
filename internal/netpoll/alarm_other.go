//go:build !linux

package netpoll

import "time"

// An Alarm is a timer of Go's.
type Alarm struct{ rung chan struct{} }

func NewAlarm() (*Alarm, error) { return &Alarm{make(chan struct{}, 1)}, nil }

func (a *Alarm) Wait(d time.Duration) {
	timer := time.NewTimer(max(0, d))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-a.rung:
	}
}

func (a *Alarm) Ring() {
	select {
	case a.rung <- struct{}{}:
	default:
	}
}

func (a *Alarm) Close() {}
