package loadtest

import "time"

// The thresholds of warnings, each with why it is where it is.
const (
	// SYNs are sent again after 1 s; less what the clock's ends blur.
	slowConnect = 900 * time.Millisecond

	// A request of hold that was not sent measured nothing. What the end of a run cuts off is less than a hundredth.
	leastSentShare = 0.99

	// Draws scatter by less than that from some hundred requests on, and for fewer there is a test of scatter besides.
	leastRateShare = 0.95

	// A tick of the epoll driver, and what Go's scheduler takes at worst on a host with CPUs to spare.
	leastLag = 10 * time.Millisecond

	// What other guests take, and what a quota takes, is missing in one piece: a hypervisor's time slice of some ms to
	// 100 ms. A twentieth of a second is then in the latencies of a twentieth of the requests: p95 is already false.
	mostSteal     = 0.05
	mostThrottled = 0.05

	// Up to a fifth of the CPUs for others, the scheduler still finds a CPU at once nearly always. Of two CPUs it is 40 % of one.
	mostForeign = 0.20

	// Of the time for which a goroutine or a thread was ready and waited. 10 ms are as long as what leastLag warns of; the
	// 99th percentile of an idle host is below 1 ms, and 8 burners on two CPUs bring half of the goroutines to 42 ms
	// (2026-11).
	mostSchedDelay = 10 * time.Millisecond

	// Threads that wait for a tenth of the run are late where they should not be; ours wait below a hundredth on a host with
	// CPUs to spare.
	mostWaitShare = 0.10

	// On a healthy host these do not grow at all.
	mostListenOverflows    = 0
	mostTCPMemoryPressures = 0
	mostSoftnetDropped     = 0

	// Of the requests; and a few come from whatever else uses the network.
	mostRetransShare = 0.001
	mostRetrans      = 10
)
