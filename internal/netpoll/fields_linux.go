package netpoll

import (
	"bytes"
	"strconv"
	"time"
)

// The parsers of what /proc has to say. They are functions of a file's text alone, empty where there is no such file, and
// leave no garbage: some run once a second.

// userTick is the unit of times in /proc/stat, USER_HZ, whatever the kernel's own tick.
const userTick = 10 * time.Millisecond

// cutLine returns the first line without its end, and what follows.
func cutLine(text []byte) (line, rest []byte) {
	line, rest, _ = bytes.Cut(text, []byte("\n"))
	return line, rest
}

// cutField returns the first word, nil if there is none, and what follows.
func cutField(line []byte) (field, rest []byte) {
	line = bytes.TrimLeft(line, " \t")
	if len(line) == 0 {
		return nil, nil
	}
	if end := bytes.IndexAny(line, " \t"); end >= 0 {
		return line[:end], line[end:]
	}
	return line, nil
}

// parseCount returns a decimal number that is not negative; −1: it is none.
func parseCount(word []byte) int64 {
	n, err := strconv.ParseInt(string(word), 10, 64)
	if err != nil || n < 0 {
		return -1
	}
	return n
}

// parseKeyed returns the number after key, which is the first word of its line; −1: there is none.
func parseKeyed(text []byte, key string) int64 {
	for len(text) > 0 {
		var line []byte
		line, text = cutLine(text)
		if first, rest := cutField(line); string(first) == key {
			value, _ := cutField(rest)
			return parseCount(value)
		}
	}
	return -1
}

// parseStatusKB returns the bytes of a field of /proc/PID/status that is given in kB, such as VmRSS; −1: not there.
func parseStatusKB(text []byte, field string) int64 {
	for len(text) > 0 {
		var line []byte
		line, text = cutLine(text)
		name, rest := cutField(line)
		if len(name) != len(field)+1 || name[len(field)] != ':' || string(name[:len(field)]) != field {
			continue
		}
		value, rest := cutField(rest)
		unit, _ := cutField(rest)
		if kb := parseCount(value); string(unit) == "kB" && kb < 1<<53 {
			return max(-1, kb<<10)
		}
	}
	return -1
}

// parsePairs reads the counters of /proc/net/netstat and snmp: pairs of lines, names and then values, each pair under
// one prefix. Which names there are depends on the kernel.
func parsePairs(text []byte, prefix string, set func(name []byte, value int64)) {
	var names []byte
	for len(text) > 0 {
		var line []byte
		line, text = cutLine(text)
		first, rest := cutField(line)
		if string(first) != prefix {
			continue
		}
		if names == nil {
			names = rest
			continue
		}
		for {
			var name, value []byte
			name, names = cutField(names)
			value, rest = cutField(rest)
			if name == nil || value == nil {
				return
			}
			set(name, parseCount(value))
		}
	}
}

// parseNetstat takes the counters of TcpExt.
func (c *KernelCounters) parseNetstat(text []byte) {
	parsePairs(text, "TcpExt:", func(name []byte, value int64) {
		switch string(name) {
		case "ListenOverflows":
			c.ListenOverflows = value
		case "ListenDrops":
			c.ListenDrops = value
		case "TCPSynRetrans":
			c.TCPSynRetrans = value
		case "TCPTimeouts":
			c.TCPTimeouts = value
		case "TCPMemoryPressures":
			c.TCPMemoryPressures = value
		}
	})
}

func (c *KernelCounters) parseSNMP(text []byte) {
	parsePairs(text, "Tcp:", func(name []byte, value int64) {
		if string(name) == "RetransSegs" {
			c.TCPRetransSegs = value
		}
	})
}

// parseSoftnet sums what each CPU has dropped because its queue of packets was full: the second column, hexadecimal.
func parseSoftnet(text []byte) int64 {
	sum := int64(-1)
	for len(text) > 0 {
		var line []byte
		line, text = cutLine(text)
		_, rest := cutField(line)
		column, _ := cutField(rest)
		n, err := strconv.ParseUint(string(column), 16, 32)
		if err != nil {
			return -1
		}
		sum = max(0, sum) + int64(n)
	}
	return sum
}

// parseStat reads /proc/stat: the CPUs, and what all of them did. The time that a CPU was idle is exact, as it is taken
// when the CPU falls idle and wakes; what it did otherwise is mostly sampled, so that it is not asked.
//
// It reports whether the kernel measures interrupts. One that does finds some time in each tick. One that does not may still
// sample softirq, yet leaves both in the clock of whom they interrupted.
func (h *Host) parseStat(text []byte) (measured bool) {
	h.CPUs, h.Idle, h.Interrupts, h.Steal = 0, -1, -1, -1
	var all []byte
	for len(text) > 0 {
		var line []byte
		line, text = cutLine(text)
		name, rest := cutField(line)
		if !bytes.HasPrefix(name, []byte("cpu")) {
			break
		}
		if len(name) == len("cpu") {
			all = rest
		} else {
			h.CPUs++
		}
	}
	var times [8]int64 // user, nice, system, idle, iowait, irq, softirq, steal
	for i := range times {
		var word []byte
		word, all = cutField(all)
		if times[i] = parseCount(word); times[i] < 0 {
			return false
		}
	}
	irq, softirq := times[5], times[6]
	h.Idle = time.Duration(times[3]+times[4]) * userTick
	h.Interrupts = time.Duration(irq+softirq) * userTick
	h.Steal = time.Duration(times[7]) * userTick
	return irq > softirq/100
}

// parsePressure reads /proc/pressure/cpu: some avg10=0.27 avg60=0.75 avg300=2.01 total=3835783171, in µs.
func parsePressure(text []byte) time.Duration {
	line, _ := cutLine(text)
	first, rest := cutField(line)
	for string(first) == "some" {
		var word []byte
		if word, rest = cutField(rest); word == nil {
			break
		}
		if total, ok := bytes.CutPrefix(word, []byte("total=")); ok {
			return max(-1, time.Duration(parseCount(total))*time.Microsecond)
		}
	}
	return -1
}

// parseSockstat finds a figure of a protocol in /proc/net/sockstat: TCP: inuse 1 orphan 0 tw 0 alloc 1 mem 92.
func parseSockstat(text []byte, protocol, figure string) int64 {
	for len(text) > 0 {
		var line []byte
		line, text = cutLine(text)
		name, rest := cutField(line)
		for string(name) == protocol {
			var key, value []byte
			key, rest = cutField(rest)
			if value, rest = cutField(rest); value == nil {
				break
			}
			if string(key) == figure {
				return parseCount(value)
			}
		}
	}
	return -1
}

// parseProcess reads /proc/PID/stat. The name in field 2 may hold blanks and parentheses: fields are counted from the
// last one, which ends it.
func parseProcess(text []byte) (Process, bool) {
	number, _ := cutField(text)
	end := bytes.LastIndexByte(text, ')')
	if end < 0 {
		return Process{}, false
	}
	p := Process{PID: int(parseCount(number)), Parent: -1}
	rest := text[end+1:]
	const state, parent, start = 3, 4, 22
	for field := 3; field <= start; field++ {
		var word []byte
		word, rest = cutField(rest)
		switch field {
		case state:
			p.Ended = len(word) == 1 && (word[0] == 'Z' || word[0] == 'X')
		case parent:
			p.Parent = int(parseCount(word))
		case start:
			ticks := parseCount(word)
			p.Start = uint64(max(0, ticks))
			return p, p.PID > 0 && p.Parent >= 0 && ticks >= 0
		}
	}
	return Process{}, false
}

// parseSchedstat returns the second of the numbers in /proc/PID/task/TID/schedstat: ns of waiting on a run queue.
func parseSchedstat(text []byte) time.Duration {
	line, _ := cutLine(text)
	_, rest := cutField(line)
	wait, _ := cutField(rest)
	return time.Duration(parseCount(wait))
}
