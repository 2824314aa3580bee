package engine

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// A timeline collects one sample per second from all workers, in order, and tells each to Progress.
type timeline struct {
	workers int
	tell    func(Second) // Plan.Second; nil: the samples are collected here
	ending  bool         // what comes is what is left of the last second

	mu      sync.Mutex
	pending map[time.Duration]*second // some workers' part is missing
	samples []Sample

	progress chan Sample
	told     chan struct{} // closed when the last call of Progress returned
}

// A Second is what one worker measured in a second, or in what was left of the last one.
type Second struct {
	Worker  int    // of all workers of all processes
	Sample  Sample // without the quantiles, which need all workers' latencies
	Latency *Hist  // of the requests answered or timed out in it
	Part    *Part  // of the run up to its end
	Last    bool   // it is what was left when the worker ended
}

type second struct {
	sample  Sample
	latency *hdrhistogram.Histogram
	missing int
}

// progressLag is how many samples a slow Progress may lie behind before it misses some. The report has them all.
const progressLag = 64

func newTimeline(workers int, progress func(Sample)) *timeline {
	t := &timeline{workers: workers, pending: map[time.Duration]*second{}}
	if progress == nil {
		return t
	}
	t.progress, t.told = make(chan Sample, progressLag), make(chan struct{})
	go func() {
		defer close(t.told)
		for s := range t.progress {
			progress(s)
		}
	}()
	return t
}

// timelineOf returns the timeline of a plan.
func timelineOf(p *Plan) *timeline {
	t := newTimeline(p.Workers, p.Progress)
	t.tell = p.Second
	return t
}

// add takes a worker's part of the second that ended at at, and clears it in the tally.
func (t *timeline) add(from *tally, at time.Duration, phase Phase) {
	s := Second{Worker: from.Worker, Sample: from.second(at, phase), Latency: &Hist{HDR: from.recent}, Part: &from.Part, Last: t.ending}
	if t.tell != nil {
		t.tell(s)
	} else {
		t.put(s)
	}
	from.recent.Reset()
}

// put adds a worker's part of a second. The histogram remains the caller's.
func (t *timeline) put(part Second) {
	t.mu.Lock()
	defer t.mu.Unlock()
	at := part.Sample.At
	s := t.pending[at]
	switch {
	case s == nil && t.workers == 1: // of several, others may have told theirs and died
		s = &second{sample: part.Sample, latency: part.Latency.HDR}
	case s == nil:
		s = &second{sample: part.Sample, latency: part.Latency.HDR.Clone(), missing: t.workers - 1}
		t.pending[at] = s
	default:
		s.missing--
		s.latency.Merge(part.Latency.HDR)
		s.sample.add(part.Sample)
	}
	if s.missing == 0 {
		delete(t.pending, at)
		t.append(s)
	}
}

// drop no longer waits for a worker that told nothing after the second that ended at last.
func (t *timeline) drop(last time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.workers--
	for _, at := range slices.Sorted(maps.Keys(t.pending)) {
		if at <= last {
			continue
		}
		if s := t.pending[at]; s.missing > 1 {
			s.missing--
		} else {
			delete(t.pending, at)
			t.append(s)
		}
	}
}

// leave moves what is left of seconds that not all workers lived to see into the last sample, which ends at end: workers
// end one after the other, and one that has ended takes no part in a second that ends before the others do.
func (t *timeline) leave(end time.Duration) {
	t.ending = true
	var rest *second
	for _, s := range t.pending {
		if rest == nil {
			rest = s
			continue
		}
		rest.latency.Merge(s.latency)
		rest.sample.add(s.sample)
	}
	clear(t.pending)
	if rest != nil {
		rest.sample.At, rest.sample.Phase, rest.sample.Open, rest.missing = end, PhaseDrain, 0, t.workers
		t.pending[end] = rest
	}
}

func (t *timeline) append(s *second) {
	if s.latency.TotalCount() > 0 {
		most := s.sample.LatencyMax
		s.sample.LatencyP50 = min(most, time.Duration(s.latency.ValueAtQuantile(50)))
		s.sample.LatencyP99 = min(most, time.Duration(s.latency.ValueAtQuantile(99)))
	}
	if t.progress != nil {
		select {
		case t.progress <- s.sample:
		default:
		}
	}
	s.sample.Lost = nil
	t.samples = append(t.samples, s.sample)
}

// end waits for Progress to return and gives the samples.
func (t *timeline) end() []Sample {
	if t.progress != nil {
		close(t.progress)
		t.wait()
	}
	return t.samples
}

// progressPatience is how long a run waits at its end for a Progress that does not return; then it leaves it behind.
const progressPatience = time.Second

func (t *timeline) wait() {
	timer := time.NewTimer(progressPatience)
	defer timer.Stop()
	select {
	case <-t.told:
	case <-timer.C:
	}
}

func (s *Sample) add(o Sample) {
	s.Phase = min(s.Phase, o.Phase)
	s.Open += o.Open
	s.Attempts += o.Attempts
	s.Connected += o.Connected
	s.Due += o.Due
	s.Sent += o.Sent
	s.Answered += o.Answered
	s.Failed += o.Failed
	s.Dropped += o.Dropped
	s.LatencyMax = max(s.LatencyMax, o.LatencyMax)
	s.LagMax = max(s.LagMax, o.LagMax)
	s.Late = max(s.Late, o.Late)
	s.Connects, s.Services = s.Connects.Merge(o.Connects), s.Services.Merge(o.Services)
	s.Faults.add(o.Faults)
	s.Lost = append(s.Lost, o.Lost...)
	slices.SortStableFunc(s.Lost, func(a, b Loss) int { return cmp.Compare(a.At, b.At) })
	s.Lost = s.Lost[:min(len(s.Lost), maxLost)]
}
