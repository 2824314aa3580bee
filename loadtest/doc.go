// Package loadtest asserts, inside a server's own test suite, how many long-lived HTTP keep-alive connections that
// server can hold, and at what cost.
//
// # The model
//
// A run opens conns at the pace of a [Ramp] and keeps each alive: after a response it pauses, for as long as the
// [Cadence] draws, and sends the next request on the same conn. So a server meets many clients that are mostly idle, not
// a few that are always busy. A closed conn is a result; its request is never sent again in silence, and its slot is opened
// again only if [Config].Reopen says so, which the ledger tells.
//
// A run has four phases:
//
//   - ramp: conns open. It ends when each has had its first request answered, or has failed;
//   - hold: [Config].Hold long, nothing is opened and nothing should be lost;
//   - sweep: the cadence goes on, and conns that have not answered lately get a request, at a bounded pace;
//   - drain: answers in flight are awaited for [Config].ResponseTimeout, then all is closed.
//
// A conn is established when TCP (and TLS) is up, served once it has answered a request, and held if it was established
// in the ramp, was not lost until the end of the sweep, and answered on that same conn a request sent within the last
// IdleTimeout/2 of hold, or in the sweep. Held is what a test asserts: a socket that is open but can carry nothing
// does not count.
//
// # The shortest test
//
//	func TestHolds(t *testing.T) {
//		loadtest.Check(t, loadtest.Config{
//			Server:      loadtest.NewServer(t, handler),
//			Connections: 1000,
//			IdleTimeout: 4 * time.Second,
//		}, loadtest.Budget{})
//	}
//
// [Check] is [Run], which returns a [Report], and [Report.Judge], which holds that against a [Budget], with all that a test wants
// besides: its context and deadline, its log, artifacts of it, and a machine of its own while it lasts. The zero Budget demands
// that all conns be held, none lost and no request failed; more fields demand more: limits of durations, of memory and goroutines
// per conn, and with LeakRounds that nothing stays of conns that were closed.
//
// [NewServer] and [NewTLSServer] serve a handler; [Serve] runs a server of the author's own, with its own timeouts, on
// a TCP or unix socket or in memory; Config.URL names a server elsewhere. With
//
//	Server: loadtest.Serve(t, "memory", own.Serve)
//
// all of it runs in a [testing/synctest] bubble too, where an hour takes a moment and a timeout comes to the nanosecond.
//
// [Bench] is a run as a benchmark, with figures for benchstat. [MeasureCost] measures what one conn more costs a server. Package
// gate holds a change against what was before it, on the same machine at the same time.
//
// # What a report claims
//
// A [Report] is a ledger. Each slot, attempt and request is in exactly one class, and the classes sum up, after a
// cancellation too. Of every conn that was lost it says the [Cause], the phase, for how long it had been idle, how many
// requests it had answered and how many bytes of an answer had come. Losses of one phase, cause, errno and rule of HTTP are
// one [Drop], with their number, the first and the last instant, and the first of them in full.
//
// A server or a middlebox that closes what is idle for too long shows in Report.Hazard: of the conns that were idle for so
// long, how many were closed, by idle age. A close that crossed a request, the keep-alive race, is told from one that
// left it unanswered by whether the server's kernel took any of the request; and whose fault it was, by whether the request
// left when it was planned. With a [Server], its own counts are held against the ledger, and a difference is a [Warning].
//
// Four instants of a request make its durations. It is due when the conn's pause is over, sent when the kernel takes its
// first byte, arrived when the kernel received the response's last one, and parsed when we understood it:
//
//	latency      = arrived − due     what a client that keeps its schedule would feel
//	service time = arrived − sent    the server, and the way there and back
//	lag          = sent − due        how late we were (counted from the end of the answer before, if that came later)
//	client wait  = parsed − arrived  how long the response waited for us
//
// Latency has in it the requests that timed out, and our own lateness. It is an upper bound: to blame the server, look
// at lag and client wait first. On Linux, over TCP, arrivals are read from the kernel's receive stamps, so that a busy
// test process does not blur them; [Stamps] counts where that was not so.
//
// # Verdicts
//
// What a run measures is the server's doing and, where the machine is busy or the generator late, their own. So
// [Report.Judge] holds each line of a [Budget] against two readings. The pessimistic one charges the server with everything:
// latency from when a request was due, and whatever was lost or not answered took for ever. The optimistic one charges it
// only with what surely was its doing: service times by the kernel's stamps in clean seconds, in which the machine had
// time for both, and losses that no busy machine brings about; all else counts as nothing. The truth lies in between, and
// a [Verdict] says
//
//   - [Pass], if even the pessimistic readings are within the budget, and the load was offered as planned;
//   - [Fail], if even an optimistic reading is not: then the server it was;
//   - [Invalid], if the limit lies in between, or a reading is missing: the run tells nothing, and the reasons say what was
//     in the way: which line, by how much, what else the machine did, what to set.
//
// A limit close to what the server does on a calm machine is invalid on a busy one; one that leaves room passes there too.
//
// # Limits
//
// Targets that are not loopback addresses are refused unless Config.AllowRemote is set, so that no test suite loads
// somebody's production by a typo.
//
// With a server in the same process the ledger is exact, but CPU and memory are those of both ends together, latency is
// pessimistic, and a conn over a socket takes two descriptors. Several runs at once in one process share its CPU. What is
// not of one alone is marked: [Usage].Shared. Config.Processes leaves the test process to the server: other processes, the
// test binary taken over before its tests, open the conns, and a conn takes one descriptor here. Then, and of a server in
// a process of its own, named by Config.ServerPID, CPU and memory are in the report by themselves (Report.ServerUse), and
// limits per conn can be judged ([Budget].HeapPerConn and others). What a conn costs, with an interval, says [MeasureCost]. What
// else the host was busy with stands beside each second of the timeline ([Host], [KernelCounters]), and where it can have
// spoiled a figure a [Warning] says so.
//
// What a run needs, descriptors, ports and memory, is counted before the first conn is opened: see [ResourceError].
// What is wrong with a [Config] is said before it, all at once: see [ConfigError].
package loadtest
