package netpoll

import "time"

// An Alarm is a batching poller of no sockets.
type Alarm struct{ poller *Poller }

func NewAlarm() (*Alarm, error) {
	p, err := NewPoller(1, true)
	if err != nil {
		return nil, err
	}
	return &Alarm{p}, nil
}

func (a *Alarm) Wait(d time.Duration) { _, _ = a.poller.Wait(max(0, d)) }

func (a *Alarm) Ring() { a.poller.Nudge() }

func (a *Alarm) Close() { a.poller.Close() }
