package netpoll

// The inherit files are what a process and the children that it makes of itself need to find each other, and for their
// instants to mean the same. Each OS file provides
//
//	CanInherit                                     // a constant: the rest is there
//	SocketPair() (own, child *os.File, err error)  // the two ends of a stream; the child's is for exec.Cmd.ExtraFiles
//	Inherited(fd int) (*os.File, bool)             // fd, if it is one end of a pair that this process's parent made
//	OwnGroup() *syscall.SysProcAttr                // a child of its own process group, so that Ctrl-C ends only the parent
//	Monotonic() time.Duration                      // a clock that all processes of this machine share
