//go:build !unix && !windows

package netpoll

import "time"

func ProcessCPU() (user, system time.Duration, ok bool) { return 0, 0, false }
func ThreadCPU() time.Duration                          { return 0 }
func RSS() int64                                        { return -1 }
func PeakRSS() int64                                    { return -1 }
func KernelMemory() int64                               { return -1 }
func KernelRelease() string                             { return "" }
