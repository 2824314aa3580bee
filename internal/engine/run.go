package engine

import (
	"context"
	"time"
)

// Run carries out the plan. It returns a lawful Result in every case: also if ctx was cancelled, and then ctx's error.
// Any other error says that a driver could not be set up or failed; then the run was abandoned where it was.
func Run(ctx context.Context, p Plan) (*Result, error) {
	mine := p.shared()
	if p.Dial != nil || !hasEpoll {
		return runBlocking(ctx, mine)
	}
	return runEpoll(ctx, mine)
}

// result merges what the workers measured. end is when the run was over.
func result(p *Plan, ph *phases, tl *timeline, driver string, machines []*machine, end time.Duration) *Result {
	ends := Ends{
		Ramp: min(end, time.Duration(ph.rampEnd.Load())), Hold: min(end, ph.holdEnd()),
		Sweep: min(end, time.Duration(ph.sweepEnd.Load())), Drain: end, Phase: machines[0].phase,
	}
	parts := make([]*Part, len(machines))
	tl.leave(end)
	for i, m := range machines {
		tl.add(&m.tally, end, m.phase) // what is left of the last second
		ends.Phase = min(ends.Phase, m.phase)
		parts[i] = &m.tally.Part
	}
	r := merged(parts, ends)
	r.Timeline = tl.end()
	r.Driver, r.Tick, r.Workers = driver, p.Tick, p.Workers
	return r
}

// merged returns what all workers measured together. It takes the parts over.
func merged(parts []*Part, ends Ends) *Result {
	all := parts[0]
	for _, p := range parts[1:] {
		all.merge(p)
	}
	all.Rest.merge(all.Hold)
	return &Result{
		Conns: all.Conns, Requests: all.Requests, Stamps: all.Stamps, Connect: all.Connect,
		Latency: all.Rest.Latency, ServiceTime: all.Rest.ServiceTime, Lag: all.Lag, ClientWait: all.ClientWait,
		Recovery: all.Recovery, Hazard: all.Hazard.bins(), Drops: all.sorted(), Unwanted: all.statuses(),
		Hold: all.Hold, Behind: all.Behind, Slow: all.Slow, Opened: all.Opened,
		RampEnd: ends.Ramp, HoldEnd: ends.Hold, SweepEnd: ends.Sweep, DrainEnd: ends.Drain, Ended: ends.Phase,
	}
}
