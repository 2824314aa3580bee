package gate

import (
	"math"
	"time"

	"example.com/holdfast/loadtest"
)

// results are as a gate would find them, one for each outcome.
func results() map[string]*result {
	return map[string]*result{
		"worse": worseSample(), "same": sameSample(), "unknown": unknownSample(), "better": betterSample(), "new": newSample(),
	}
}

func number64(v float64) *float64 { return &v }

func between(low, estimate, high float64) *interval { return &interval{estimate, low, high} }

// sample has so many pairs of which head takes by ratio more CPU per request; nothing is judged.
func sample(ratio float64, pairs int) *result {
	r := &result{
		Format: resultFormat, Test: "TestShop/keep-alive", Package: "example.org/shop",
		Base:  revision{Name: "main", Commit: "1f0c2d3e4b5a69788796a5b4c3d2e1f001234567", Title: "Cart: one lock less", Built: "from the cache", Binary: "ab12"},
		Head:  revision{Name: "work tree", Commit: "9a8b7c6d5e4f30212f3e4d5c6b7a8998fedcba98", Title: "Prices are looked up once", Dirty: true, Built: "built in 2.1s"},
		Conns: 1000, Outstanding: 8, Seed: 42, Took: 103*time.Second + 400*time.Millisecond, Noise: 0.031,
		Machine: loadtest.Environment{Go: "go1.26.8", OS: "linux", Arch: "amd64", Kernel: "6.12.0", CPUs: 2, GOMAXPROCS: 2},
	}
	for i := range pairs {
		r.First = append(r.First, samplePair(i, ratio))
	}
	for range 3 {
		r.Costs = append(r.Costs, costPair{Base: sampleCost(4096, 1), Head: sampleCost(4100, 1)})
	}
	return r
}

// samplePair differs from the others of a result by its number.
func samplePair(number int, ratio float64) pair {
	p := pair{Number: number}
	cpu := 20*time.Microsecond + time.Duration(number*number%7)*100
	fill := func(of *side, ratio float64) {
		*of = side{PID: 1000 + 2*number, Conns: 1000, Requests: 100_000, Fewest: 4000, P50: 350 * time.Microsecond,
			P99: 1200 * time.Microsecond, P999: 3 * time.Millisecond, Max: 21 * time.Millisecond}
		of.CPU = time.Duration(float64(cpu) * float64(of.Requests) * ratio)
	}
	fill(&p.Base, 1)
	fill(&p.Head, ratio)
	p.Head.PID++
	for i := range 4 {
		s := slice{Head: i%3 > 0, At: time.Duration(i) * 100 * time.Millisecond, Took: 100 * time.Millisecond, Requests: 5000,
			CPU: 5000 * cpu, Foreign: .02 * float64(i), Steal: -1}
		p.Slices = append(p.Slices, s)
	}
	return p
}

func sampleCost(heap, goroutines float64) *loadtest.Cost {
	figure := func(v float64) loadtest.Marginal { return loadtest.Marginal{PerConn: v, Low: v, High: v} }
	none := loadtest.Marginal{PerConn: math.Inf(1), Low: math.Inf(-1), High: math.Inf(1), Why: "not linear: it doubles"}
	return &loadtest.Cost{Of: "process tree 7", Conns: 8000, Repeats: 5, Seed: 1, Heap: figure(heap), Goroutines: figure(goroutines),
		Descriptors: figure(1), Stack: figure(8192), RSS: none, Kernel: none}
}

func worseSample() *result {
	r := sample(1.102, 12)
	r.Outcome = worse
	r.Notes = []string{"what was built of head has changes that are not committed"}
	for i := range 24 {
		r.Confirming = append(r.Confirming, samplePair(13+i, 1.102))
	}
	disturbed := samplePair(12, 1.5)
	disturbed.Disturbed = "others used 31 % of the processors in a slice"
	r.Discarded = []pair{disturbed}
	r.First[3].Head.CPU += 100 * time.Millisecond // the worst
	r.First[3].Head.Output = "2026/11/02 ready\n\x1b[31m\nfatal: <none>\n"
	r.First[3].Head.Dropped, r.First[3].Head.Drops = 3, []string{"3 × reset while waiting, in hold"}
	r.Metrics = []metric{
		{Name: "CPU per request", Unit: unitCPU, Rule: "signed-rank test", Base: number64(20_200), Head: number64(22_260.4),
			Change: between(.091, .102, .114), Outcome: worse, Tolerance: .02, Limit: .05, First: number64(.00024), Confirm: number64(6e-8),
			Why: "12 pairs found it worse (p = 0.00024), and 24 fresh ones again (p = under 0.0001)"},
		{Name: "p50 of service time", Unit: "p50-ns", Rule: "signed-rank test", Base: number64(350_000), Head: number64(371_000),
			Change: between(-.011, .06, .109), Outcome: unknown, Tolerance: .05, Limit: .10, First: number64(.31), Needed: 31},
		{Name: "dropped conns", Unit: "drops/conn", Rule: "binomial test", Base: number64(0), Head: number64(.0025), Outcome: unknown,
			Why: "3 of 12000 conns of head, and none of base: by chance in one of eight gates", First: number64(.125)},
		{Name: "heap per conn", Unit: "heap-B/conn", Rule: "exact", Base: number64(4096), Head: number64(4100),
			Change: between(.001, .001, .001), Outcome: same, Tolerance: .02, Limit: .02},
		{Name: "goroutines per conn", Unit: "goroutines/conn", Rule: "exact", Base: number64(1), Head: number64(2), Outcome: worse, Tolerance: .5,
			Why: "in three of three pairs, and again in three fresh ones"},
		{Name: "p99 of service time", Unit: "p99-ns", Base: number64(1.2e6), Head: number64(1.32e6), Outcome: shown},
		{Name: "requests per second", Unit: "req/s", Base: number64(49_876.5), Head: number64(45_432.1), Change: between(-.1, -.089, -.08),
			Outcome: shown},
		{Name: "RSS per conn", Unit: "rss-B/conn", Head: number64(21 << 10), Outcome: shown, Why: "of base it is not linear: it doubles"},
	}
	return r
}

func sameSample() *result {
	r := sample(1.003, 12)
	r.Outcome, r.Head.Dirty, r.Head.Name = same, false, "HEAD"
	r.Metrics = []metric{
		{Name: "CPU per request", Unit: unitCPU, Base: number64(20_200), Head: number64(20_260.6), Change: between(-.008, .003, .014),
			Outcome: same, Tolerance: .02, Limit: .05, First: number64(.6)},
		{Name: "p50 of service time", Unit: "p50-ns", Base: number64(350_000), Head: number64(349_900), Change: between(-.02, -.0003, .02),
			Outcome: same, Tolerance: .05, Limit: .1},
		{Name: "goroutines per conn", Unit: "goroutines/conn", Base: number64(1), Head: number64(1), Outcome: same, Tolerance: .5},
	}
	return r
}

func unknownSample() *result {
	r := sample(1.02, 3)
	r.Outcome, r.Noise, r.Costs = unknown, .094, nil
	r.Metrics = []metric{
		{Name: "CPU per request", Unit: unitCPU, Base: number64(20_100), Head: number64(20_502), Change: between(math.Inf(-1), .02, math.Inf(1)),
			Outcome: unknown, Tolerance: .02, Limit: .05, First: number64(.5), Needed: 64},
		{Name: "p50 of service time", Unit: "p50-ns", Outcome: unknown, Tolerance: .05, Limit: .1,
			Why: "base answered 180 requests in a slice of pair 1, and what a request takes is not exact where fewer than 200 are, so that nothing is said of it here"},
	}
	return r
}

func betterSample() *result {
	r := sample(.88, 12)
	r.Outcome = better
	r.Metrics = []metric{{Name: "CPU per request", Unit: unitCPU, Base: number64(20_200), Head: number64(17_776), Change: between(-.131, -.12, -.109),
		Outcome: better, Tolerance: .02, Limit: .05, First: number64(.9998)}}
	return r
}

func newSample() *result {
	r := sample(1, 0)
	r.Outcome, r.Why, r.Noise, r.Costs = isNew, "the base has no test TestShop/keep-alive: there is nothing to compare with", 0, nil
	r.Notes = []string{"the next gate has one"}
	return r
}

// hostile has in each text that others write all that could break a format.
func hostile() *result {
	const text = "x | y `a` ``` <img src=x onerror=alert(1)> [l](http://e.example) ![i](//e) @root #1 !2 ~3 www.e.example **b** \r\n\n# h\n|-|\n</details> \u202e \\| $`1`$"
	r := worseSample()
	r.Test, r.Why, r.Notes = "TestX/"+text, text, []string{text, "```\n" + text}
	r.Base.Title, r.Head.Title, r.Base.Name, r.Base.Built = text, text, text, text
	for i := range r.Metrics {
		r.Metrics[i].Why, r.Metrics[i].Rule = text, text
	}
	r.Metrics[1].Name = text
	r.Discarded[0].Disturbed = text
	r.First[3].Head.Output, r.First[3].Head.Drops = text, []string{text}
	return r
}
