package loadtest

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"runtime"

	"example.com/holdfast/internal/engine"
	"example.com/holdfast/internal/netpoll"
)

// A limits table is where preflight asks what this process may use; see the functions of netpoll. An answer that is
// unknown stops no run.
type limits struct {
	goos        string
	descriptors func() (open int, soft, hard uint64, err error)
	raise       func() error
	portRange   func() (lowest, highest int, ok bool)
	memory      func() (netpoll.Memory, bool)
	inContainer func() bool
}

func systemLimits() limits {
	return limits{
		goos:        runtime.GOOS,
		descriptors: netpoll.Descriptors,
		raise:       netpoll.RaiseDescriptors,
		portRange:   netpoll.PortRange,
		memory:      netpoll.MemoryAvailable,
		inContainer: netpoll.InContainer,
	}
}

// preflight counts what the run needs before the first connect. It returns the target with source addresses added where
// one would run out of ports, or every shortage, a *ResourceError each.
func (l limits) preflight(c Config, target engine.Target) (engine.Target, error) {
	target, ports := l.ports(c, target)
	return target, errors.Join(l.enoughDescriptors(c), l.enoughForChildren(c), ports, l.enoughMemory(c, target))
}

// processes returns how many generator processes c gets: as many as it names, and where it leaves that open as many as it
// takes, if this process alone may not open enough files.
func (l limits) processes(c Config) int {
	open, _, hard, err := l.descriptors()
	switch {
	case c.Processes != 0:
		return max(0, c.Processes)
	case err != nil || int64(open)+descriptorsOf(c)+spareDescriptors <= clampInt64(hard):
		return 0
	case c.notPortable() != nil || clampInt64(hard) <= childDescriptors:
		return 0
	}
	alone := c
	if alone.Processes = 1; int64(open)+descriptorsOf(alone)+spareDescriptors > clampInt64(hard) {
		return 0 // the server's ends alone are too many
	}
	each := clampInt64(hard) - childDescriptors
	n := int(min(mostProcesses, (int64(c.Connections)+each-1)/each))
	if most := c.Reopen.effective().PerSecond; most > 0 {
		n = min(n, most) // one that may not reopen at all would not do what the others do
	}
	return n
}

// childDescriptors are those of a generator process beside its conns.
const childDescriptors = spareDescriptors + 8

// enoughForChildren makes sure that each generator process may open its share of the conns. Its soft limit Go raises by
// itself.
func (l limits) enoughForChildren(c Config) error {
	if c.Processes <= 0 {
		return nil
	}
	_, _, hard, err := l.descriptors()
	need := int64((c.Connections+c.Processes-1)/c.Processes) + childDescriptors
	if err != nil || need <= clampInt64(hard) {
		return nil
	}
	hint := l.descriptorHint(need)
	more := c
	if more.Processes = 0; l.processes(more) > c.Processes {
		hint = fmt.Sprintf("set Config.Processes to %d", l.processes(more))
	}
	return &ResourceError{Resource: resourceDescriptors, Need: need, Have: clampInt64(hard), Hint: hint}
}

// spareDescriptors are for what a run opens beside its conns: pollers, timers, files of /proc.
const spareDescriptors = 32

// descriptorsOf returns how many descriptors the conns of c take in this process, 0 also where that is unknown.
func descriptorsOf(c Config) int64 {
	switch {
	case c.network() == networkMemory:
		return 0
	case c.Server != nil && c.Processes > 0:
		return int64(c.Connections) // the other ends are with the children
	case c.Processes > 0:
		return 0
	case c.Server != nil:
		return 2 * int64(c.Connections) // both ends are here
	case c.network() == networkDialer:
		return 0 // it need not open sockets at all
	}
	return int64(c.Connections)
}

// enoughDescriptors raises the soft limit if that is what it takes.
func (l limits) enoughDescriptors(c Config) error {
	conns := descriptorsOf(c)
	open, soft, hard, err := l.descriptors()
	if err != nil || conns == 0 {
		return nil
	}
	need := int64(open) + conns + spareDescriptors
	if uint64(need) <= soft {
		return nil
	}
	have := hard
	if uint64(need) <= hard {
		if l.raise() == nil {
			return nil
		}
		have = soft
	}
	return &ResourceError{
		Resource: resourceDescriptors, Need: need, Have: clampInt64(have), Hint: l.descriptorHint(need),
	}
}

func clampInt64(n uint64) int64 { return int64(min(n, math.MaxInt64)) }

// descriptorHint is for the hard limit: the soft one needs no person.
func (l limits) descriptorHint(need int64) string {
	switch {
	case l.inContainer():
		return fmt.Sprintf("docker run --ulimit nofile=%d:%d …", need, need)
	case l.goos == "linux":
		return fmt.Sprintf("sudo prlimit --pid $$ --nofile=%d:%d", need, need) // ulimit -n cannot raise a hard limit
	case l.goos == "darwin":
		return fmt.Sprintf("sudo sysctl -w kern.maxfilesperproc=%d && ulimit -n %d", need, need)
	}
	return fmt.Sprintf("ulimit -n %d", need)
}

// ports makes sure that there are source ports for all conns: a range for each source address, because all conns go to
// one address and port. Beyond half of a range the kernel's search for a free port becomes slow, so that loopback
// targets on Linux, where all of 127.0.0.0/8 is local, are spread over as many addresses as keep to half.
func (l limits) ports(c Config, target engine.Target) (engine.Target, error) {
	if len(target.Addrs) == 0 {
		return target, nil
	}
	lowest, highest, ok := l.portRange()
	if !ok {
		return target, nil
	}
	size := highest - lowest + 1
	if len(target.Local) == 0 && c.Connections > size/2 && l.goos == "linux" {
		if v4 := loopbacks4(target.Addrs); len(v4) > 0 {
			// Sources of IPv4 reach no ::1, so that a name which has both is used by IPv4 alone.
			return engine.Target{Addrs: v4, Local: spread(c.Connections, size)}, nil
		}
	}
	have := int64(size) * int64(max(1, len(target.Local)))
	if int64(c.Connections) <= have {
		return target, nil
	}
	return target, &ResourceError{
		Resource: resourcePorts, Need: int64(c.Connections), Have: have, Hint: l.portHint(c, target),
	}
}

// loopbacks4 returns the addresses of 127.0.0.0/8, none if there are any that are not loopback.
func loopbacks4(addrs []netip.AddrPort) []netip.AddrPort {
	var v4 []netip.AddrPort
	for _, a := range addrs {
		switch {
		case !isLoopback(a.Addr()):
			return nil
		case a.Addr().Is4():
			v4 = append(v4, a)
		}
	}
	return v4
}

// spread returns the source addresses 127.0.0.1, 127.0.0.2, … that carry conns with at most half of size ports each.
func spread(conns, size int) []netip.Addr {
	each := max(1, size/2)
	addrs := make([]netip.Addr, 0, (conns+each-1)/each)
	for a := loopbackOf(netip.IPv4Unspecified()); len(addrs) < cap(addrs); a = a.Next() {
		addrs = append(addrs, a)
	}
	return addrs
}

// widest is the range of ports that every hint asks for.
const widest = 65535 - 1024 + 1

func (l limits) portHint(c Config, target engine.Target) string {
	sources := int64(max(1, len(target.Local)))
	switch {
	case int64(c.Connections) > sources*widest:
		return fmt.Sprintf("set LocalAddrs to %d or more addresses of this machine", (c.Connections+widest-1)/widest)
	case l.goos == "linux" && l.inContainer():
		return "docker run --sysctl net.ipv4.ip_local_port_range='1024 65535' …"
	case l.goos == "linux":
		return "sudo sysctl -w net.ipv4.ip_local_port_range='1024 65535'"
	}
	return "sudo sysctl -w net.inet.ip.portrange.first=1024"
}

// What a conn takes at least, in bytes: too low a figure lets a run begin that will be short of memory, too high a one
// refuses a run that would have gone well. The server's own memory is not in it, it is what the run is to find out.
const (
	kernelPerConn   = 4 << 10  // a TCP socket; the other end of a loopback conn takes as much (83 MB for 10 000, 2026-11)
	epollPerConn    = 64       // the record
	blockingPerConn = 5 << 10  // and a goroutine
	tlsPerConn      = 40 << 10 // and the buffers of both directions
)

func memoryOf(c Config, target engine.Target) int64 {
	each := int64(epollPerConn)
	if dialOf(c, location{}, target) != nil {
		each = blockingPerConn
	}
	if c.TLS != nil {
		each += tlsPerConn
	}
	if len(target.Addrs) > 0 {
		each += kernelPerConn
		if isLoopback(target.Addrs[0].Addr()) {
			each += kernelPerConn
		}
	}
	return each * int64(c.Connections)
}

func (l limits) enoughMemory(c Config, target engine.Target) error {
	have, ok := l.memory()
	need := memoryOf(c, target)
	if !ok || need <= have.Available {
		return nil
	}
	return &ResourceError{
		Resource: resourceMemory, Need: need, Have: have.Available, Hint: l.memoryHint(have, need),
	}
}

func (l limits) memoryHint(have netpoll.Memory, need int64) string {
	missing := (need - have.Available + 1<<20 - 1) >> 20
	switch {
	case have.Group && l.inContainer():
		return fmt.Sprintf("docker run --memory=… with %dm more than now", missing)
	case have.Group:
		return fmt.Sprintf("systemd-run --user --scope -p MemoryMax=… with %dM more than now", missing)
	}
	return fmt.Sprintf("free -m shows who holds it: %d MiB more must be free", missing)
}
