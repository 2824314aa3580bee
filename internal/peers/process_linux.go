package peers

import (
	"os"
	"os/exec"
	"sync"
	"syscall"
)

// tie ends cmd with orphaned when we end, and gives it a process group of its own: it can be killed with all that it
// starts, and Ctrl-C on a terminal reaches only us, who still have a report to write.
func tie(cmd *exec.Cmd, orphaned syscall.Signal) {
	raiseDescriptors()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: orphaned}
}

func killAll(p *os.Process) {
	// The group may be empty by now; a group is gone only when all its processes were reaped.
	_ = syscall.Kill(-p.Pid, syscall.SIGKILL)
}

// raiseDescriptors lets children have as many descriptors as the hard limit allows. Go raises only its own limit and
// restores the former one on exec, unless the program has set it.
var raiseDescriptors = sync.OnceFunc(func() {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil {
		return
	}
	limit.Cur = limit.Max
	_ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit) // a peer that then lacks descriptors says so itself
})
