package netpoll

import (
	"bytes"
	"strconv"
)

// The usage files read what this process and its host's kernel have used. Each OS file provides
//
//	ProcessCPU() (user, system time.Duration, ok bool)  // since the process started, all threads
//	RSS() int64                                         // bytes resident now; −1: unknown
//	PeakRSS() int64                                     // the most since the process started; −1: unknown
//	ReadKernelCounters() KernelCounters
//	KernelRelease() string                              // "": unknown

// KernelCounters are counters since boot of this process's network namespace. −1: unknown.
type KernelCounters struct {
	ListenOverflows int64
	ListenDrops     int64
	TCPSynRetrans   int64
	TCPTimeouts     int64
}

var unknownCounters = KernelCounters{-1, -1, -1, -1}

// parseNetstat reads the TcpExt counters of /proc/net/netstat: pairs of lines, names and then values, each pair under
// one prefix. Which names there are depends on the kernel.
func parseNetstat(text []byte) KernelCounters {
	c := unknownCounters
	var names [][]byte
	for line := range bytes.Lines(text) {
		fields := bytes.Fields(line)
		if len(fields) == 0 || string(fields[0]) != "TcpExt:" {
			continue
		}
		if names == nil {
			names = fields
			continue
		}
		for i := 1; i < min(len(names), len(fields)); i++ {
			c.set(string(names[i]), string(fields[i]))
		}
		return c
	}
	return c
}

func (c *KernelCounters) set(name, value string) {
	v, err := strconv.ParseInt(value, 10, 64)
	if err != nil || v < 0 {
		return
	}
	switch name {
	case "ListenOverflows":
		c.ListenOverflows = v
	case "ListenDrops":
		c.ListenDrops = v
	case "TCPSynRetrans":
		c.TCPSynRetrans = v
	case "TCPTimeouts":
		c.TCPTimeouts = v
	}
}

// parseStatusKB returns the bytes of a field of /proc/self/status that is given in kB, such as VmRSS; −1: not there.
func parseStatusKB(text []byte, field string) int64 {
	for line := range bytes.Lines(text) {
		f := bytes.Fields(line)
		if len(f) == 3 && string(f[0]) == field+":" && string(f[2]) == "kB" {
			if kb, err := strconv.ParseInt(string(f[1]), 10, 64); err == nil && kb >= 0 && kb < 1<<53 {
				return kb << 10
			}
		}
	}
	return -1
}
