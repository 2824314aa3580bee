//go:build !linux

package peers

import (
	"os"
	"os/exec"
	"syscall"
)

func tie(*exec.Cmd, syscall.Signal) {}

func killAll(p *os.Process) { _ = p.Kill() }
