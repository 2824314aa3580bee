package netpoll

// What this process may use, and how much of it is left. Each operating system has its file; each of these functions
// there says "unknown" rather than guess, because a guess would refuse a run that could be done:
//
//	Descriptors      descriptors in use, and the soft and hard limit
//	OpenDescriptors  how many a process has open; −1: unknown, as of any but this one elsewhere than on Linux
//	RaiseDescriptors raises the soft limit to the hard one
//	PortRange        the ports that the kernel gives to connecting sockets
//	MemoryAvailable  bytes that can be had before the system or the control group runs out
//	InContainer      whether limits are set from outside, by a container runtime
//	DelayPort        has the kernel choose a bound socket's port when it connects

// A Memory says how much memory can be had.
type Memory struct {
	Available int64
	Group     bool // it is the control group that has no more, not the machine
}
