package engine

import "time"

// A Phase is a part of a run's life. The ramp ends when every slot's first attempt is served or failed; hold lasts
// Plan.Hold; the sweep asks those conns that have not answered lately; drain closes.
type Phase uint8

const (
	PhaseRamp Phase = iota
	PhaseHold
	PhaseSweep
	PhaseDrain
)

func (p Phase) String() string { return [...]string{"ramp", "hold", "sweep", "drain"}[p] }

// A Result is what a run yielded. Its laws (DESIGN of the house: internal/README.md) hold after cancellation too.
type Result struct {
	Conns    Conns
	Requests Requests

	Connect     *Hist // from the start of connect to established, TLS included
	Latency     *Hist // arrived − due; timed-out requests are in it, censored
	ServiceTime *Hist // arrived − sent
	Lag         *Hist // sent − max(due, ready)
	ClientWait  *Hist // parsed − arrived
	Recovery    *Hist // from a loss to the next answer of the same slot; nil where lost conns stay lost
	Hold        Cohort
	Behind      time.Duration // Σ max(0, ready − due) of all requests sent: due, and the answer before was still awaited
	Slow        Slow

	Drops    []Drop        // every attempt that failed and every conn lost, by identity, most frequent first
	Unwanted []StatusCount // statuses that were not wanted, most frequent first
	Hazard   []HazardBin   // closes of idle conns by idle age, up to the longest
	Timeline []Sample      // one per second, the last may be shorter

	Driver  string        // "epoll" or "blocking"
	Tick    time.Duration // grid of due instants; 0: none
	Workers int
	Stamps  Stamps

	Opened time.Duration // when the last slot's first attempt was begun

	// Ends of the phases, from the start of the run. A phase that was not reached ends when the run did.
	RampEnd, HoldEnd, SweepEnd, DrainEnd time.Duration
	Ended                                Phase // the phase in which the run ended: PhaseDrain unless cancelled
}

// A Cohort is of the requests due in hold that were answered.
type Cohort struct{ Latency, ServiceTime *Hist }

// Slow counts what takes long if a segment of TCP was lost on the way, or found an accept queue full, and had to be sent
// again; and how often one of ours was. -1: unknown, as everywhere but on the epoll driver over TCP.
type Slow struct {
	Connects              int64 // that took longer than SlowConnect
	ConnectsRetransmitted int64 // of them, those on whose conn something was sent again
	Answers               int64 // that took longer than SlowAnswer
	AnswersRetransmitted  int64 // of them, those on whose conn something had been sent again by then
}

const (
	SlowConnect = 900 * time.Millisecond // a SYN is sent again after a second; less what the ends of the clock blur
	SlowAnswer  = 150 * time.Millisecond // a segment is sent again after 200 ms at the earliest (TCP_RTO_MIN), less the same
)

// Stamps counts how the arrival of responses was timed.
type Stamps struct {
	Kernel int64 // by the kernel's receive stamp
	User   int64 // by the clock of this process, because there was no (plausible) stamp
}

func (s *Stamps) add(kernel bool) {
	if kernel {
		s.Kernel++
	} else {
		s.User++
	}
}

// Conns is the ledger of slots and of attempts to open them.
//
//	Requested = NotAttempted + NeverEstablished + EverEstablished;  EverEstablished ≥ Served ≥ Held
//	Attempts  = Connected + ConnectFailed + ConnectAbandoned;       Connected = OpenAtEnd + Dropped
//	Attempts  = Requested − NotAttempted + Reattempts;              Reattempts ≥ Reopened ≥ Recovered
type Conns struct {
	Requested        int64
	NotAttempted     int64
	NeverEstablished int64
	EverEstablished  int64
	Served           int64
	Held             int64

	Attempts         int64
	Connected        int64
	ConnectFailed    int64
	ConnectAbandoned int64 // in flight when the run was cancelled, or reopening ended
	OpenAtEnd        int64 // at the end of the sweep
	Dropped          int64

	Reattempts int64 // attempts after the first of their slot
	Reopened   int64 // of them, connected
	Recovered  int64 // how often a slot was answered again after a loss or a failed attempt
}

// Requests is the ledger of requests.
//
//	Due = Sent + Unsent;  Sent = Answered + TimedOut + Malformed + LostWithConn + InFlightAtEnd
type Requests struct {
	Due           int64
	Sent          int64 // the kernel took the first byte
	Unsent        int64 // due, but the conn was lost or the run cancelled before the first byte was taken
	Answered      int64 // a complete, well-formed final response of any status
	TimedOut      int64
	Malformed     int64
	LostWithConn  int64
	InFlightAtEnd int64 // 0 unless cancelled

	Status   [6]int64 // answered by class: Status[2] counts 200–299; Status[0] those outside 100–599
	Unwanted int64    // answered with a status outside the wanted range
	Interim  int64    // 1xx responses before the final ones

	// Load offered in hold: requests due in it, and how many of them were sent (before the sweep ended).
	HoldDue  int64
	HoldSent int64
}

// A Drop is one way in which attempts failed or conns were lost: an identity, how often, when, and one full sample.
type Drop struct {
	Phase Phase
	Cause Cause
	Errno string // "ECONNRESET"; "" where there is none
	Rule  string // of HTTP/1.1 that a malformed response broke
	Count int64
	First time.Duration
	Last  time.Duration

	ShortestIdle, LongestIdle time.Duration // as Loss.Idle
	FewestServed, MostServed  int64         // as Loss.Served

	Sample Loss // the first
}

// A StatusCount is how often a status that is not wanted was answered, and when.
type StatusCount struct {
	Status int
	Count  int64
	First  time.Duration
	Last   time.Duration
}

// A HazardBin is what became of conns at idle ages from From to To.
type HazardBin struct {
	From, To time.Duration
	Reached  int64         // idle times that lasted as long as From
	AtRisk   time.Duration // what they all together spent in the bin
	Closes   int64         // how many of them the server ended in it
}

// A Loss is one lost conn or failed attempt in full.
type Loss struct {
	Slot   int
	Phase  Phase
	Cause  Cause
	Errno  string
	Rule   string
	At     time.Duration // since the start of the run
	Idle   time.Duration // since the last answer, or established, until the loss, or until a request was sent
	Pause  time.Duration // what Idle was planned to be; 0: none was planned
	Waited time.Duration // since the request was sent; 0: none was outstanding
	Served int64         // requests answered on the conn
	Bytes  int64         // of the unfinished response, or stray ones
	Status int           // of the response that is the cause, or was cut short; else 0
	Detail string        // error text, "" where there is none
}

// A Sample is one second of the run. Counts are those of that second, Open is the state at its end.
type Sample struct {
	At    time.Duration // end of the second, since the start of the run
	Phase Phase         // at its end

	Open      int64 // conns established and not lost
	Attempts  int64 // begun
	Connected int64
	Due       int64
	Sent      int64
	Answered  int64
	Failed    int64 // timed out, malformed, lost with conn, status not wanted
	Dropped   int64 // conns lost and attempts failed

	LatencyP50, LatencyP99, LatencyMax time.Duration // of the requests answered or timed out in that second; 0: none
	LagMax                             time.Duration

	// Late is how late we were, at most, for what we had planned to do: to wake up, to send, to end the second; and to
	// handle what we had found, where no kernel stamps it. A wait for the next tick is not late.
	Late time.Duration

	Connects Spectrum // from the start of connect to established
	Services Spectrum // service times of the requests due in hold that were answered; without a stamp, less Punctual
	Faults

	Lost []Loss // the first hundred of that second; for Progress only, not kept in the timeline
}
