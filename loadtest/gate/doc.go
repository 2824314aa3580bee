// Package gate holds a change against what was before it: the same test, of two revisions of a repository, on the same
// machine at the same time.
//
//	func TestGate(t *testing.T) {
//		gate.Check(t, loadtest.Config{
//			Server:      loadtest.NewServer(t, handler),
//			Connections: 1000,
//			IdleTimeout: 4 * time.Second,
//		}, loadtest.Budget{}, gate.Options{})
//	}
//
// With no base named, [Check] is [loadtest.Check]. With one it does that first, and then compares:
//
//	HOLDFAST_BASE=origin/main... go test -count=1 -run=TestGate .
//
// # The model
//
// A figure that another machine has left in a file gates nothing, and neither does one of this machine from an hour ago: two
// runs of the same code, one after the other, differed by 10 % in a quarter of all comparisons. What a machine does to a
// program changes from second to second. So both programs have to be there at the same time, and take turns faster than the
// machine changes.
//
// A server process is the package's test binary, built of one revision, that runs this test alone up to its call of Check: by
// then the test has started its server. There it says where that is, and waits. A pair is two fresh ones, of base and of head.
// One generator process, head's, opens all conns to both, keeps them, and loads one server at a time: half a second each to
// warm up, then 20 pairs of slices of 100 ms, of which base has the first in ten and head in ten, in an order drawn from the
// seed. In a slice 64 requests are outstanding, on all conns in turn: once a millisecond the generator reads what has been
// answered, and sends as many. (Over TLS and unix sockets, whose packets the kernel does not stamp, it reads at once.) Of a
// pair counts one figure of each metric: the logarithm of head ÷ base, over all slices. Pairs have processes of their own because
// where a process has its memory makes it faster or slower for as long as it lives, by chance.
//
// A slice is disturbed if others used more than a quarter of the processors in it, or the hypervisor took more than a tenth. A
// pair with more than two of these is measured again, and so is a fifth of all pairs at most: on a machine that is busier what
// pairs measure is unknown.
//
// # The procedure
//
// Each metric has a tolerance: to be worse by less is no fault. It is judged in two stages.
//
//   - The first 12 pairs ([Options].Pairs) flag what looks worse by more than the tolerance: by an exact one-sided signed-rank
//     test, p ≤ .05. That one in twenty is flagged by chance costs time alone.
//   - What is flagged is measured in 24 fresh pairs, and these alone decide: it is worse, and the gate red, if they find so
//     with p ≤ .01, divided by how many metrics were flagged. There is no third stage, and no pair counts in both. So of gates
//     of a change that is within all tolerances, one in a hundred at most is red by what pairs measure.
//
// The signed-rank test asks how often head was the worse one and in which pairs, those with the greatest differences
// counting most. It assumes that differences are symmetric, and nothing else of their distribution, which has heavy tails.
//
// What pairs say of a metric that is not worse stands on the same test, and on the bound that holds with 95 %.
//
// # What is judged, and how
//
//   - CPU time per request: tolerance 2 %; same is surely below +5 %. It is the server's own: the same load costs the same on a
//     busy host, and two builds of the same code differ by less than 2 %. It is read from the CPU clock of the process, and
//     what a server puts off until after its slice is in it. Where a slice has fewer than 200 answers, it is unknown.
//   - Median (p50) of service time: tolerance 5 %; same is surely below +10 %. Stalls do not move it, but it has the host's and the
//     generator's time in it.
//   - Dropped conns: no tolerance. The binomial test flags, p ≤ .01; to confirm, the sign test over pairs must say the same,
//     because one accident drops many conns at once. Same is not more than base.
//   - Failed requests: no tolerance. The sign test over pairs, in both stages, because those of one stall fail together.
//   - Heap, goroutines and descriptors per conn are exact. [loadtest.MeasureCost] measures them in three fresh processes of each
//     revision, and head is worse if its least is above base's most by more than 2 % (heap; at least 20 B) or by 0.5 (goroutines,
//     descriptors), and again in three more. There is no test of chance: these figures repeat.
//   - p99, p99.9, the longest service time, requests per second, stack and RSS per conn are shown, and never judged. Tails are the
//     neighbours' as much as the server's on a shared host, and no number of pairs tells them apart; the rate of a closed loop is
//     the mean service time, turned over; stacks go by powers of two, and RSS has in it what the runtime has not yet returned.
//
// # Outcomes
//
// Each metric has an outcome, and the gate has the first of these that any of its metrics has:
//
//   - worse: found worse by more than the tolerance, and found so again. The test fails. Look at the CPU profiles that
//     -artifacts keeps of both servers, or accept it: Options.ReportOnly, for as long as that change is looked at.
//   - unknown: neither surely worse nor surely not. It passes, unless Options.FailUnknown is set, and is not the same as same:
//     a reason stands below it, and how many pairs would likely tell. Give it those, or a quieter machine.
//   - better: surely better by more than the tolerance. Nothing is to be done.
//   - same: surely not worse by as much as the metric's limit. Nothing is to be done.
//
// And a gate is new, and passes with a note, where the base has nothing to compare with: it lacks the package or the test, its
// test does not come to gate.Check, its config asks for another load, or its Holdfast speaks another protocol. The next change on
// top of this one has a base.
//
// What keeps a gate from being carried out fails the test, and says what to do: no git, a shallow clone, a base that does not
// build or whose test fails before Check, a server that ends, a -timeout that is too short, Bazel's sandbox. A gate that
// skipped itself would be green for ever.
//
// # The base
//
// A base is a revision as git names them, HEAD^, a tag or a commit, or a branch with three dots after it, origin/main..., for the
// commit at which HEAD left it. HOLDFAST_BASE names it, else Options.Base; a HOLDFAST_BASE that is set to nothing means none.
//
// The base is checked out into a work tree of its own in a temporary directory, and its test runs there, with its testdata, for as
// long as the gate lasts. Head is the author's work tree as it is, whether committed or not, and nothing in it is touched: no file, no
// ref, no index. Both are built by go test -c -trimpath, by the go, with the tags, the race detector and the GOFLAGS of the
// test that asks. A base's binary is kept in the user's cache directory; work tree, binaries and processes are removed at the end,
// or, after a SIGKILL, the processes at once and the rest by the next gate.
//
// # What it takes
//
// Linux, git, the history back to the base (fetch-depth: 0), and go. A gate of 1000 conns takes 66 seconds if nothing is
// flagged, and three minutes and a quarter if something is, beside what building takes. Before it begins it makes sure that the
// test has the time for the worst, some six minutes of the ten that go test gives a package: with more gates in one, give a
// -timeout. No other test of this machine that uses Check, of either package, runs meanwhile.
//
// # What is not compared, and limits
//
// Config's Cadence, Hold and Reopen are those of loadtest.Check. A cadence of seconds gives a slice six requests, from
// which nothing can be learned; and what a server does after minutes of idling, a gate does not see. A server that is worse
// only beyond 64 requests at a time is not found out either.
//
//   - Built with -trimpath, a test that finds its files by runtime.Caller does not: tests run in their package's directory, and a
//     relative path such as testdata/x does.
//   - Both servers are alive at once: a test that listens on a port, or a path, of a fixed number or name cannot have that twice. Use
//     ":0" or t.TempDir.
//   - A test comes to Check with a base once; subtests may each. What a test does before Check, each of its server processes does.
//   - What is generated, and not committed, the base lacks; so it does submodules, which are not checked out for it.
//   - Flags such as -modfile and -overlay are known only if they are in GOFLAGS. Coverage is counted in the test's own process alone.
//   - Work tree and testdata of the base are as committed: files that git ignores are head's alone.
//
// # How it was validated
//
// In simulation, where the truth is known, by thousands of gates of noise with heavy tails, drawn by Student's t with three degrees of
// freedom, and of noise that is three times as great in one pair of ten (2026-11):
//
//	go test -count=1 -v -run='TestRedWithoutCause|TestFreshPairsAlone|TestPower|TestNoChange|TestRedWithDrift' ./loadtest/gate
//
//	σ of a pair                                        3 %      5 %      8 %      10 %
//	red, where CPU and p50 are just at the tolerance   0.08 %   0.07 %   0.07 %   0.07 %   (the worse of both laws)
//	red, where CPU is 10 % more                        100 %    99.3 %   92.5 %   80.1 %   (the worse of both laws)
//	the same, of normal noise                          100 %    99.9 %   87.0 %   65.0 %
//	red, where nothing has changed                     0        0        0        0
//	same, where nothing has changed                    99.5 %   94.2 %   70.3 %   55.3 %   (the worse of both laws)
//
// The rest is unknown, but for few that are better or, of the 10 % more, same (0.12 % at the most). Where chance has all first
// pairs find both metrics worse by a fifth, 0.9 % are red: the fresh ones decide. Where each pair resembles the one before, with a
// correlation of .32, 0.5 % are.
//
// On a machine (2 cores, Intel Xeon of a cloud, Linux 6.18), against servers with known handicaps:
//
//	go test -run='^$' -bench=Pairs -benchtime=1x ./loadtest/gate -args -pairs=40
//	go test -run='^$' -bench=Gates -benchtime=1x -timeout=3h ./loadtest/gate -args -gates=6
//
//	40 pairs without a difference    mean +0.1 %, σ 1.9 %, lag-1 correlation 0.13
//	40 pairs with 9.3 % more CPU     mean +9.5 %, σ 2.3 %
//	gates without a difference       0 of 20 red (by a generator that still read each response at once)
//	gates with 10 % more CPU         6 of 6 red
//	  with 5 % more heap a conn      6 of 6 red
//	  with a goroutine more a conn   6 of 6 red
//	  with one conn of 1000 dropped  6 of 6 red
package gate
