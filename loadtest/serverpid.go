package loadtest

import (
	"os"
	"runtime"

	"example.com/holdfast/internal/netpoll"
)

// serverPID checks Config.ServerPID as far as that goes without the kernel.
func (p *problems) serverPID(c Config) {
	switch {
	case c.ServerPID == 0:
	case c.ServerPID < 0:
		p.add("ServerPID is %d: write the number of the server's process, or 0 for none", c.ServerPID)
	case runtime.GOOS != "linux":
		p.add("ServerPID is %d: what another process uses is known on Linux only, and this is %s; leave it 0", c.ServerPID,
			runtime.GOOS)
	case c.Server != nil:
		p.add("Server and ServerPID are both set: a Server lives in this process, and Report.Generator has what that used; "+
			"leave ServerPID (%d) 0", c.ServerPID)
	case c.ServerPID == os.Getpid():
		p.add("ServerPID is %d, this process: Report.Generator has what it used; leave it 0", c.ServerPID)
	}
}

// serverTree finds the process that ServerPID names; nil if it names none.
func (c Config) serverTree() (*netpoll.Family, error) {
	if c.ServerPID == 0 {
		return nil, nil
	}
	var p problems
	meter := netpoll.NewMeter()
	for pid := os.Getppid(); pid > 0; {
		if pid == c.ServerPID {
			p.add("ServerPID is %d, from which this process descends: its tree holds the generator too; name the server's "+
				"own process", pid)
		}
		above, _ := meter.Process(pid)
		pid = above.Parent // 0 also where there is nothing to be read
	}
	tree, ok := netpoll.NewTree(meter, c.ServerPID)
	if !ok {
		p.add("ServerPID is %d, and there is no such process: did the server end, or leave its first process behind as a "+
			"daemon does? Write the number of one that runs", c.ServerPID)
	}
	return tree, p.err()
}
