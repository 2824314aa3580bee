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
	all := &machines[0].tally.Part
	ended := machines[0].phase
	tl.leave(end)
	for _, m := range machines {
		tl.add(&m.tally, end, m.phase) // what is left of the last second
		ended = min(ended, m.phase)
		if m != machines[0] {
			all.merge(&m.tally.Part)
		}
	}
	r := &Result{
		Conns: all.Conns, Requests: all.Requests,
		Connect: all.Connect, Latency: all.Latency, ServiceTime: all.ServiceTime, Lag: all.Lag, ClientWait: all.ClientWait,
		Recovery: all.Recovery, Hazard: all.Hazard.bins(), Hold: Cohort{all.HoldLatency, all.HoldServiceTime},
		Behind: all.Behind, Slow: all.Slow, Opened: all.Opened,
		Drops: all.sorted(), Unwanted: all.statuses(), Timeline: tl.end(),
		Driver: driver, Tick: p.Tick, Workers: p.Workers, Stamps: all.Stamps,
		DrainEnd: end, Ended: ended,
	}
	r.RampEnd = min(end, time.Duration(ph.rampEnd.Load()))
	r.HoldEnd = min(end, ph.holdEnd())
	r.SweepEnd = min(end, time.Duration(ph.sweepEnd.Load()))
	return r
}
