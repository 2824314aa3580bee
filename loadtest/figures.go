package loadtest

import "slices"

// figures are those of a benchmark's ops by their units: a figure that an op does not know it has none of.
type figures map[string][]float64

// perOp are the units of counts: of several ops their mean is reported, so that one loss in ten ops shows as 0.1. Of all
// else it is the median.
const perOp = "/op"

// add adds the figures of an op.
func (f figures) add(r *Report) {
	for unit, v := range r.figures() {
		f[unit] = append(f[unit], v)
	}
}

// figures returns those of r that are known, in units that benchstat scales. One unit always means one thing.
func (r *Report) figures() map[string]float64 {
	f := map[string]float64{
		"conns/s":   r.fastestSecond(),
		"req/s":     r.Load.Offered,
		"held/op":   float64(r.Conns.Held),
		"drops/op":  float64(r.Conns.Dropped + r.Conns.ConnectFailed),
		"failed/op": float64(r.Requests.Failed()),
	}
	latency := r.Hold.Latency // as in a budget: neither the ramp nor what is done when hold is over is in it
	if r.closedLoop() {
		latency = r.Hold.ServiceTime // a request is due when the answer before has come
	}
	quantile := func(unit string, of Distribution, q float64) {
		if of.Count() > 0 {
			f[unit] = float64(of.Quantile(q))
		}
	}
	quantile("p50-ns", latency, 0.50)
	quantile("p99-ns", latency, 0.99)
	quantile("p999-ns", latency, 0.999)
	quantile("connect-p99-ns", r.Connect, 0.99)
	r.costFigures(f)
	return f
}

// costFigures adds what the server cost, or where that is not known by itself, the CPU time of the generator.
func (r *Report) costFigures(f map[string]float64) {
	server := r.ServerUse
	alone := server.Of != "" && !server.Shared
	if each := server.perRequest(r.Requests.Sent); alone && each >= 0 {
		f["cpu-ns/req"] = float64(each)
	} else if each := r.Generator.perRequest(r.Requests.Sent); each >= 0 {
		f["gen-cpu-ns/req"] = float64(each)
	}
	if each, ok := server.perConn(r.Conns.OpenAtEnd); alone && ok && each >= 0 {
		f["rss-B/conn"] = float64(each)
	}
	held := func(unit string, before, hold int64) {
		if alone && before >= 0 && hold >= before && r.Conns.OpenAtEnd > 0 {
			f[unit] = float64(hold-before) / float64(r.Conns.OpenAtEnd)
		}
	}
	held("heap-B/conn", server.Before.Heap, server.Hold.Heap)
	held("stack-B/conn", server.Before.Stack, server.Hold.Stack)
	held("goroutines/conn", server.Before.Goroutines, server.Hold.Goroutines)
}

// fastestSecond returns the most conns that were established within one second: a ramp is longer than it takes to
// connect, because it ends with the last conn's first answer.
func (r *Report) fastestSecond() float64 {
	var most int64
	for _, s := range r.Timeline {
		most = max(most, s.Connected)
	}
	return float64(most)
}

func meanOf(values []float64) float64 {
	var sum float64
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

func medianOf(values []float64) float64 {
	s := slices.Sorted(slices.Values(values))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}
