package loadtest

import (
	"time"

	"example.com/holdfast/internal/engine"
	"example.com/holdfast/internal/generator"
)

// A Report is what [Run] found: a ledger of conns and of requests in which each item is in exactly one class,
// distributions of durations, and what the run cost. It is made once and read by everything else.
//
// Durations are exact to the ns except quantiles of a [Distribution]. Counts and bytes that could not be known are −1,
// never 0. As JSON ([Report.MarshalJSON]) it makes a lossless round trip.
type Report struct {
	Conns    Conns    `json:"conns"`
	Requests Requests `json:"requests"`
	Phases   Phases   `json:"phases"`

	Connect     Distribution `json:"connect"`      // from the start of connect to established, TLS included
	Latency     Distribution `json:"latency"`      // arrived − due; timed-out requests are in it, from due, censored
	ServiceTime Distribution `json:"service_time"` // arrived − sent
	Lag         Distribution `json:"lag"`          // sent − max(due, ready): how late we were
	ClientWait  Distribution `json:"client_wait"`  // parsed − arrived: how long a response waited for us
	Recovery    Distribution `json:"recovery"`     // from a loss, or a first attempt that failed, to the slot's next answer
	Hold        Cohort       `json:"hold"`         // the requests due in hold, and what surely was the server's doing: for Judge
	Slow        Slow         `json:"slow"`         // what took so long as if TCP had sent a segment again
	Stamps      Stamps       `json:"stamps"`       // who read the clock when responses arrived

	Load     Load          `json:"load"`     // the rate of requests in hold, against the cadence's
	Drops    []Drop        `json:"drops"`    // ways in which attempts failed or conns were lost, most frequent first
	Unwanted []StatusCount `json:"unwanted"` // statuses outside Request.Want, most frequent first
	Hazard   []HazardBin   `json:"hazard"`   // how idle conns were closed, by idle age: where it rises is a timeout
	Timeline []Sample      `json:"timeline"` // one per second; the last may be shorter

	Processes []Process `json:"processes,omitempty"` // the generator's; nil where the test process generates

	// Generator is what the generator used: its processes if it has any, else this whole process. A server in the same
	// process is in it then, and other runs at the same time, so that it is Shared.
	Generator Usage `json:"generator"`

	// ServerUse is what the server used: the process tree of [Config].ServerPID; or the test process, where [Config].Server
	// is in it and the generator in processes of its own. Else it is unknown.
	ServerUse Usage `json:"server_use"`

	// Fixture is what [Config].Server counted of the conns accepted since the run began, whoever opened them, and of the
	// requests; another run on it at the same time is in it too. Open are those of the conns that the server had not yet
	// seen close when the run ended. Nil without a Server.
	Fixture *FixtureCounts `json:"fixture,omitempty"`

	Host     Host           `json:"host"`
	Kernel   KernelCounters `json:"kernel"`
	Warnings []Warning      `json:"warnings"`

	// Verdict is what the report came to for whoever judged it; nil: nobody has. [Report.Judge] does not set it: a test that
	// judges by itself, and is to have it in the JSON and on the page, does.
	Verdict *Verdict `json:"verdict,omitempty"`

	// Leaks is what stayed of conns that [Check] opened and closed in rounds; nil without Budget.LeakRounds.
	Leaks *Leaks `json:"leaks,omitempty"`

	Started     time.Time   `json:"started"` // UTC
	Seed        uint64      `json:"seed"`    // of all pauses: give it to [Config] to draw them again
	Config      Echo        `json:"config"`
	Environment Environment `json:"environment"`
}

// Conns is the ledger of conn slots, and of the attempts to open them. It is frozen at the end of the sweep: what closes
// after it is drain, not loss. These hold in every report, of a cancelled run too:
//
//	Requested = NotAttempted + NeverEstablished + EverEstablished
//	EverEstablished ≥ Served ≥ Held
//	Attempts  = Connected + ConnectFailed + ConnectAbandoned
//	Attempts  = Requested − NotAttempted + Reattempts
//	Connected = OpenAtEnd + Dropped
//	Reattempts ≥ Reopened ≥ Recovered
type Conns struct {
	Requested        int64 `json:"requested"`         // Config.Connections
	NotAttempted     int64 `json:"not_attempted"`     // slots whose turn had not come when the run was cancelled
	NeverEstablished int64 `json:"never_established"` // slots none of whose attempts succeeded
	EverEstablished  int64 `json:"ever_established"`  // slots that had TCP (and TLS) up at some time
	Served           int64 `json:"served"`            // slots that had at least one request answered
	Held             int64 `json:"held"`              // served, open all through hold and sweep, never lost, and answering to the end

	Attempts         int64 `json:"attempts"`          // tries to open a conn
	Connected        int64 `json:"connected"`         // attempts that had TCP (and TLS) up
	ConnectFailed    int64 `json:"connect_failed"`    // attempts that failed or timed out; Drops says why
	ConnectAbandoned int64 `json:"connect_abandoned"` // attempts in flight when the run was cancelled, or reopening ended
	OpenAtEnd        int64 `json:"open_at_end"`       // conns open at the end of the sweep
	Dropped          int64 `json:"dropped"`           // conns lost before it; Drops says why

	Reattempts int64 `json:"reattempts"` // attempts after the first of their slot: see Config.Reopen
	Reopened   int64 `json:"reopened"`   // of them, those that connected
	Recovered  int64 `json:"recovered"`  // how often a slot was answered again after a loss or a failed attempt
}

// Requests is the ledger of requests, frozen at the end of drain. These hold in every report:
//
//	Due  = Sent + Unsent
//	Sent = Answered + TimedOut + Malformed + LostWithConn + InFlightAtEnd
type Requests struct {
	Due           int64 `json:"due"`              // should have gone out
	Sent          int64 `json:"sent"`             // the kernel took the first byte
	Unsent        int64 `json:"unsent"`           // the conn was lost, or the run cancelled, before that
	Answered      int64 `json:"answered"`         // a complete, well-formed final response, of any status
	TimedOut      int64 `json:"timed_out"`        // no complete response within Config.ResponseTimeout
	Malformed     int64 `json:"malformed"`        // the response broke HTTP/1.1
	LostWithConn  int64 `json:"lost_with_conn"`   // the conn was lost before the response was complete
	InFlightAtEnd int64 `json:"in_flight_at_end"` // 0 unless the run was cancelled

	Status   [6]int64 `json:"status"`   // Answered by class: Status[2] counts 200–299; Status[0] those outside 100–599
	Unwanted int64    `json:"unwanted"` // answered, with a status outside Request.Want
	Interim  int64    `json:"interim"`  // 1xx responses before final ones

	HoldDue  int64 `json:"hold_due"`  // requests that fell due in hold; 0 without a hold,
	HoldSent int64 `json:"hold_sent"` // and those of them that were sent before the sweep ended
}

// Failed returns the requests that timed out, were malformed, lost with their conn, or got a status outside
// Request.Want.
func (q Requests) Failed() int64 { return q.TimedOut + q.Malformed + q.LostWithConn + q.Unwanted }

// Phases says how long each phase took; one that was not reached took 0.
type Phases struct {
	Ramp  time.Duration `json:"ramp_ns"`  // until every conn's first attempt was served or had failed
	Hold  time.Duration `json:"hold_ns"`  // Config.Hold
	Sweep time.Duration `json:"sweep_ns"` // until every conn had answered lately or failed to
	Drain time.Duration `json:"drain_ns"` // until the answers in flight had come and all was closed

	Opened time.Duration `json:"opened_ns"` // since the start of the run, when the last conn's first attempt was begun

	Ended    string `json:"ended"`    // the phase in which the run ended: ramp, hold, sweep or drain
	Complete bool   `json:"complete"` // it was not cancelled before the end of the sweep, nor with requests in flight
}

// Total returns how long the run took.
func (p Phases) Total() time.Duration { return p.Ramp + p.Hold + p.Sweep + p.Drain }

// Stamps counts the arrivals of responses by whose clock timed them. A kernel stamp is not blurred by how late this
// process was to read; elsewhere than on Linux TCP there are none.
type Stamps struct {
	Kernel int64 `json:"kernel"`
	User   int64 `json:"user"`
}

// Load is the rate of requests over hold.
type Load struct {
	// Expected is what the cadence alone gives: the conns requested ÷ the mean pause. 0: the cadence has no rate of its
	// own, as BackToBack and Silent.
	Expected float64 `json:"expected_per_s"`

	// Offered counts the requests due in hold that were sent; 0 without a hold. It is below Expected where conns were
	// lost, and where answers came so late that they stretched the time from one request to the next.
	Offered float64 `json:"offered_per_s"`
}

// A Drop is one way in which attempts failed or conns were lost: an identity, how often, when, and one loss in full.
type Drop struct {
	Phase string        `json:"phase"` // ramp, hold, sweep
	Cause Cause         `json:"cause"`
	Errno string        `json:"errno,omitempty"` // such as "ECONNRESET"
	Rule  string        `json:"rule,omitempty"`  // of HTTP/1.1 that a malformed response broke, such as "malformed status code"
	Count int64         `json:"count"`
	First time.Duration `json:"first_ns"` // since the start of the run
	Last  time.Duration `json:"last_ns"`

	ShortestIdle time.Duration `json:"shortest_idle_ns"` // the least and
	LongestIdle  time.Duration `json:"longest_idle_ns"`  // the most of Loss.Idle
	FewestServed int64         `json:"fewest_served"`    // the least and
	MostServed   int64         `json:"most_served"`      // the most of Loss.Served

	Sample Loss `json:"sample"` // the first of them
}

// A Loss is one lost conn, or one failed attempt to open it.
type Loss struct {
	Slot   int           `json:"slot"` // which conn: 0 … Requested−1
	Phase  string        `json:"phase"`
	Cause  Cause         `json:"cause"`
	Errno  string        `json:"errno,omitempty"`
	Rule   string        `json:"rule,omitempty"`
	At     time.Duration `json:"at_ns"`            // since the start of the run
	Idle   time.Duration `json:"idle_ns"`          // from the last answer, or established, to the loss or to the request that was lost
	Pause  time.Duration `json:"pause_ns"`         // what Idle should have come to by the Cadence; 0: no request was planned
	Waited time.Duration `json:"waited_ns"`        // since the request was sent; 0: none was outstanding
	Served int64         `json:"served"`           // requests answered on this conn
	Bytes  int64         `json:"bytes"`            // seen of the unfinished response, or of what nobody asked for
	Status int           `json:"status,omitempty"` // of the response that is the cause, or was cut short
	Detail string        `json:"detail,omitempty"` // the error's text, or an excerpt of what was received
}

// A StatusCount is how often a status outside Request.Want was answered, and when.
type StatusCount struct {
	Status int           `json:"status"`
	Count  int64         `json:"count"`
	First  time.Duration `json:"first_ns"` // since the start of the run
	Last   time.Duration `json:"last_ns"`
}

// A HazardBin is what became of conns at idle ages from From to To. A conn is idle from a response, or from established,
// until its next request.
type HazardBin struct {
	From    time.Duration `json:"from_ns"`
	To      time.Duration `json:"to_ns"`
	Reached int64         `json:"reached"`    // times that a conn was idle for as long as From
	AtRisk  time.Duration `json:"at_risk_ns"` // how long all of them together were idle from From to To
	Closes  int64         `json:"closes"`     // how many of them the server ended there
}

// Rate returns the hazard: closes per second of idle time.
func (b HazardBin) Rate() float64 {
	if b.AtRisk <= 0 {
		return 0
	}
	return float64(b.Closes) / b.AtRisk.Seconds()
}

// A Sample is one second of the run: counts are of that second, Open and Phase are the state at its end.
type Sample struct {
	At    time.Duration `json:"at_ns"` // the end of the second, since the start of the run
	Phase string        `json:"phase"`

	Open      int64 `json:"open"`     // conns established and not lost
	Attempts  int64 `json:"attempts"` // begun, those to open again included
	Connected int64 `json:"connected"`
	Due       int64 `json:"due"`
	Sent      int64 `json:"sent"`
	Answered  int64 `json:"answered"`
	Failed    int64 `json:"failed"`  // requests, as in [Requests.Failed]
	Dropped   int64 `json:"dropped"` // conns lost and attempts failed

	LatencyP50 time.Duration `json:"latency_p50_ns"` // of requests answered or timed out in that second; 0: none
	LatencyP99 time.Duration `json:"latency_p99_ns"`
	LatencyMax time.Duration `json:"latency_max_ns"`
	LagMax     time.Duration `json:"lag_max_ns"`

	Late  time.Duration `json:"late_ns"` // at most, for what the generator had planned: to wake up, to send a request
	Clean bool          `json:"clean"`   // see [Cohort]; what [Config].Progress gets does not say so yet

	// Host and Kernel are of the time between the readings next to the second's ends, half a second at least. On a busy host
	// they come late, and then of more than that second. What [Config].Progress gets does not have them: all is unknown.
	Host   Host           `json:"host"`
	Kernel KernelCounters `json:"kernel"`

	// Lost holds the first hundred losses of the second. Only [Config].Progress gets them: the timeline of a report has
	// none.
	Lost []Loss `json:"-"`
}

// reportInput is all that a report is made of.
type reportInput struct {
	cfg           Config // effective: defaults filled in
	target        string // the URL of cfg in full; user info is not shown
	plan          engine.Plan
	result        *engine.Result
	processes     []generator.Process
	before, after usageSnapshot
	evidence      evidence
	held          holdings
	overlapped    bool           // another run in this process went on at the same time
	fixture       *FixtureCounts // nil without one
	started       time.Time
}

// newReport makes the report. Its laws are the caller's to check: see laws.
func newReport(in reportInput) *Report {
	res := in.result
	r := &Report{
		Conns:       Conns(res.Conns),
		Requests:    Requests(res.Requests),
		Phases:      phasesOf(res),
		Connect:     Distribution{res.Connect},
		Latency:     Distribution{res.Latency},
		ServiceTime: Distribution{res.ServiceTime},
		Lag:         Distribution{res.Lag},
		ClientWait:  Distribution{res.ClientWait},
		Recovery:    Distribution{res.Recovery},
		Slow:        Slow(res.Slow),
		Stamps:      Stamps(res.Stamps),
		Load:        loadOf(in.plan, res),
		Drops:       convert(res.Drops, dropOf),
		Unwanted:    convert(res.Unwanted, func(s engine.StatusCount) StatusCount { return StatusCount(s) }),
		Hazard:      convert(res.Hazard, func(b engine.HazardBin) HazardBin { return HazardBin(b) }),
		Timeline:    in.evidence.timeline(res.Timeline),
		Fixture:     in.fixture,
		Started:     in.started.Round(0).UTC(),
		Seed:        in.plan.Seed,
		Config:      echoOf(in),
		Environment: environmentOf(),
	}
	if len(in.processes) > 0 {
		r.Processes = convert(in.processes, processOf)
	}
	r.sift(res, inBubble())
	r.Generator, r.ServerUse = in.usages()
	r.Hold.Sure.CPU = min(in.sureCPU(r.Timeline), max(0, r.ServerUse.CPU))
	r.Host, r.Kernel = in.evidence.whole()
	r.Warnings = warningsOf(r)
	if w, ok := busyStart(in.processes); ok {
		r.Warnings = append(r.Warnings, w)
	}
	return r
}

func phasesOf(res *engine.Result) Phases {
	return Phases{
		Ramp:     res.RampEnd,
		Hold:     res.HoldEnd - res.RampEnd,
		Sweep:    res.SweepEnd - res.HoldEnd,
		Drain:    res.DrainEnd - res.SweepEnd,
		Opened:   res.Opened,
		Ended:    res.Ended.String(),
		Complete: res.Ended == engine.PhaseDrain && res.Requests.InFlightAtEnd == 0,
	}
}

// convert makes a slice, never nil, of the converted elements of another.
func convert[A, B any](in []A, of func(A) B) []B {
	out := make([]B, len(in))
	for i, a := range in {
		out[i] = of(a)
	}
	return out
}

func dropOf(d engine.Drop) Drop {
	return Drop{
		Phase: d.Phase.String(), Cause: causeOf(d.Cause), Errno: d.Errno, Rule: d.Rule,
		Count: d.Count, First: d.First, Last: d.Last,
		ShortestIdle: d.ShortestIdle, LongestIdle: d.LongestIdle, FewestServed: d.FewestServed, MostServed: d.MostServed,
		Sample: lossOf(d.Sample),
	}
}

func lossOf(l engine.Loss) Loss {
	return Loss{
		Slot: l.Slot, Phase: l.Phase.String(), Cause: causeOf(l.Cause), Errno: l.Errno, Rule: l.Rule,
		At: l.At, Idle: l.Idle, Pause: l.Pause, Waited: l.Waited, Served: l.Served, Bytes: l.Bytes, Status: l.Status,
		Detail: l.Detail,
	}
}

// withoutLost makes what the timeline keeps.
func withoutLost(s engine.Sample) Sample {
	s.Lost = nil
	return sampleOf(s)
}

// sampleOf makes what Config.Progress gets.
func sampleOf(s engine.Sample) Sample {
	out := Sample{
		At: s.At, Phase: s.Phase.String(),
		Open: s.Open, Attempts: s.Attempts, Connected: s.Connected, Due: s.Due, Sent: s.Sent, Answered: s.Answered, Failed: s.Failed,
		Dropped: s.Dropped, LatencyP50: s.LatencyP50, LatencyP99: s.LatencyP99, LatencyMax: s.LatencyMax,
		LagMax: s.LagMax, Late: s.Late, Host: unknownHost(), Kernel: unknownCounters,
	}
	for _, l := range s.Lost {
		out.Lost = append(out.Lost, lossOf(l))
	}
	return out
}

// loadOf measures the rate over hold as it was, also if the run was cancelled in it.
func loadOf(p engine.Plan, res *engine.Result) Load {
	var l Load
	if pause, ok := mean(p.Cadence); ok && pause > 0 {
		l.Expected = float64(p.Slots) / pause.Seconds()
	}
	if hold := res.HoldEnd - res.RampEnd; hold > 0 {
		l.Offered = float64(res.Requests.HoldSent) / hold.Seconds()
	}
	return l
}
