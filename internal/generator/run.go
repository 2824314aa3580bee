package generator

import (
	"bytes"
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"time"

	"example.com/holdfast/internal/engine"
	"example.com/holdfast/internal/netpoll"
)

// A Process is what became of a child.
type Process struct {
	Start
	Conns int64         // slots that were its
	Died  string        // how it ended before the run did; "": it did not
	At    time.Duration // when, since the start of the run
	Lost  int64         // conns that were lost with it
	Usage Usage         // if it lived
}

// lead is how long before the start of a run, and before the end of its ramp, the children are told of it.
const lead = 20 * time.Millisecond

// cancelPatience is how long a child may take to wind up a run that was cancelled.
const cancelPatience = 5 * time.Second

// Origin returns when a run that is begun now would start.
func Origin() time.Time { return time.Now().Add(lead) }

// Run carries out the plan, which starts at its Origin, in the children. It returns a lawful result also if ctx ends, and
// then ctx's error, and if children die: what became of each is in processes.
func (c *Children) Run(ctx context.Context, plan engine.Plan, t *TLS) (*engine.Result, []Process, error) {
	plan.Share.Of = len(c.all)
	r := &run{children: c, plan: plan, gathering: engine.Gather(&plan), events: make(chan event)}
	r.parts = make([][]byte, len(c.all)*plan.Workers)
	r.processes, r.ended, r.left = make([]Process, len(c.all)), make([]bool, len(c.all)), len(c.all)
	for i, p := range c.all {
		mine := plan
		mine.Share.Index = i
		mine.Origin = time.Time{}
		r.processes[i] = Process{Start: p.start, Conns: int64((plan.Slots - i + len(c.all) - 1) / len(c.all))}
		p.out.send(order{Begin: &begin{Plan: mine, Origin: netpoll.Monotonic() + time.Until(plan.Origin), TLS: t}})
		go r.listen(i)
	}
	r.collect(ctx)
	if r.driver == "" { // none lived to its end
		if r.driver = "epoll"; t != nil {
			r.driver = "blocking"
		}
		r.ends = r.cutShort()
	}
	return r.gathering.Result(r.driver, r.ends), r.processes, r.outcome(ctx)
}

// A run is the parent's side of it.
type run struct {
	children  *Children
	plan      engine.Plan
	gathering *engine.Gathering
	events    chan event
	processes []Process
	parts     [][]byte // by worker, of all children: what it told last

	ended    []bool // by child: it is done or dead
	left     int    // children that are neither
	reached  [engine.PhaseDrain]map[int]time.Duration
	released [engine.PhaseDrain]time.Duration // 0: not yet
	driver   string
	ends     engine.Ends // of those that are done
	cutOff   bool        // one of them was cancelled before it was
	failed   []error

	cancelled bool
	held      chan time.Duration // when Plan.Held has returned; nil: it was not called
}

// An event is what a child told, or that it is gone.
type event struct {
	child int
	news  news
	gone  string // how it ended
}

// listen passes on what a child tells, until it is done or gone.
func (r *run) listen(i int) {
	for {
		var n news
		if err := r.children.all[i].in.Decode(&n); err != nil {
			r.events <- event{child: i, gone: r.children.all[i].fate()}
			return
		}
		if !r.sound(i, n) {
			r.children.all[i].Kill()
			r.events <- event{child: i, gone: "what it told makes no sense: " + r.children.all[i].fate()}
			return
		}
		r.events <- event{child: i, news: n}
		if n.Done != nil {
			return
		}
	}
}

// sound reports whether news can be of child i. Whatever else wrote to its descriptor must not take the parent down.
func (r *run) sound(i int, n news) bool {
	if s := n.Second; s != nil {
		of := len(r.children.all)
		return s.Latency != nil && s.Worker >= 0 && s.Worker < of*r.plan.Workers && s.Worker%of == i
	}
	return n.Reached == nil || n.Reached.Phase < engine.PhaseDrain
}

// collect takes what the children tell until all have ended.
func (r *run) collect(ctx context.Context) {
	cancelled, overdue := ctx.Done(), (<-chan time.Time)(nil)
	for r.left > 0 {
		select {
		case e := <-r.events:
			r.take(e)
		case <-cancelled:
			cancelled, r.cancelled = nil, true
			for _, p := range r.children.all {
				p.out.send(order{Cancel: true})
			}
			timer := time.NewTimer(cancelPatience)
			defer timer.Stop()
			overdue = timer.C
		case at := <-r.held:
			if r.held = nil; ctx.Err() == nil { // else the run ends where it is, whatever is found first here
				r.release(engine.PhaseSweep, at)
			}
		case <-overdue:
			overdue = nil
			for _, p := range r.children.all {
				p.Kill() // those that are done go on no longer
			}
		}
	}
	if r.held != nil {
		<-r.held
	}
}

func (r *run) take(e event) {
	switch n := e.news; {
	case e.gone != "":
		r.lose(e.child, e.gone)
	case n.Second != nil:
		r.gathering.Add(n.Second.Second)
		r.parts[n.Second.Worker] = n.Second.Encoded
	case n.Reached != nil:
		at := &r.reached[n.Reached.Phase]
		if *at == nil {
			*at = map[int]time.Duration{}
		}
		(*at)[e.child] = n.Reached.At
		r.align(n.Reached.Phase)
	case n.Done != nil && !n.Done.Began:
		r.failed = append(r.failed, fmt.Errorf("generator process %d: %s", r.processes[e.child].PID, n.Done.Error))
		r.lose(e.child, n.Done.Error)
	case n.Done != nil:
		r.done(e.child, n.Done)
	}
}

// know gives the gathering what the workers of a child told last.
func (r *run) know(child int) {
	of := len(r.children.all)
	for worker := child; worker < len(r.parts); worker += of {
		if r.parts[worker] == nil {
			continue
		}
		var p engine.Part
		if err := gob.NewDecoder(bytes.NewReader(r.parts[worker])).Decode(&p); err != nil || p.Worker != worker || !r.gathering.Know(&p) {
			r.failed = append(r.failed, fmt.Errorf("generator process %d: what it measured cannot be read: %v",
				r.processes[child].PID, err))
			continue
		}
		r.parts[worker] = nil
	}
}

func (r *run) done(child int, d *done) {
	r.know(child)
	r.processes[child].Usage = d.Usage
	r.cutOff = r.cutOff || d.Cancelled
	if d.Error != "" {
		r.failed = append(r.failed, fmt.Errorf("generator process %d: %s", r.processes[child].PID, d.Error))
	}
	all, e := &r.ends, d.Ends
	if r.driver == "" {
		r.driver, *all = d.Driver, e
	}
	*all = engine.Ends{Ramp: max(all.Ramp, e.Ramp), Hold: max(all.Hold, e.Hold), Sweep: max(all.Sweep, e.Sweep),
		Drain: max(all.Drain, e.Drain), Phase: min(all.Phase, e.Phase)}
	r.end(child)
}

// lose closes the accounts of a child that is gone.
func (r *run) lose(child int, how string) {
	r.know(child)
	p := &r.processes[child]
	p.Died, p.At = how, time.Since(r.plan.Origin)
	p.Lost = r.gathering.Lose(child, p.At, fmt.Sprintf("generator process %d: %s", p.PID, how))
	r.end(child)
}

// cutShort returns the ends of a run whose children all died.
func (r *run) cutShort() engine.Ends {
	end := time.Since(r.plan.Origin)
	e := engine.Ends{Ramp: end, Hold: end, Sweep: end, Drain: end}
	if ramp := r.released[engine.PhaseRamp]; ramp > 0 {
		e.Phase, e.Ramp, e.Hold = engine.PhaseHold, min(end, ramp), min(end, ramp+max(0, r.plan.Hold))
	}
	if e.Hold < end {
		e.Phase = engine.PhaseSweep
	}
	if sweep := r.released[engine.PhaseSweep]; sweep > 0 {
		e.Phase, e.Sweep = engine.PhaseDrain, min(end, sweep)
	}
	return e
}

// end notes that a child has ended, for which no phase need wait any more.
func (r *run) end(child int) {
	r.ended[child] = true
	r.left--
	for phase := range r.reached {
		r.align(engine.Phase(phase))
	}
}

// align ends a phase for all when all that live have come to its end: at the latest of their instants, or just after.
func (r *run) align(phase engine.Phase) {
	at := time.Duration(-1)
	for i := range r.children.all {
		reached, ok := r.reached[phase][i]
		if !ok && !r.ended[i] {
			return
		}
		at = max(at, reached)
	}
	if r.reached[phase] == nil {
		return
	}
	if phase == engine.PhaseRamp {
		at = max(at, time.Since(r.plan.Origin)+lead) // all are to know before it comes
	}
	r.reached[phase] = nil
	if phase == engine.PhaseSweep && r.plan.Held != nil {
		r.hold(at)
		return
	}
	r.release(phase, at)
}

// hold has Plan.Held called while the children keep all conns open. What they tell is heard meanwhile.
func (r *run) hold(at time.Duration) {
	if r.cancelled || r.left == 0 {
		return
	}
	call, held := r.plan.Held, make(chan time.Duration, 1)
	r.plan.Held, r.held = nil, held // whatever a child tells, it is called once
	go func() {
		call()
		held <- max(at, time.Since(r.plan.Origin))
	}()
}

// release tells the children when a phase ended.
func (r *run) release(phase engine.Phase, at time.Duration) {
	r.released[phase] = at
	for i, p := range r.children.all {
		if !r.ended[i] { // one that has may not have come so far
			p.out.send(order{Release: &aligned{phase, at}})
		}
	}
}

// outcome returns the first reason for an early end.
func (r *run) outcome(ctx context.Context) error {
	switch {
	case len(r.failed) > 0:
		return errors.Join(r.failed...)
	case ctx.Err() != nil && (r.cutOff || r.ends.Phase < engine.PhaseDrain):
		return context.Cause(ctx)
	}
	return nil
}
