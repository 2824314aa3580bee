package netpoll

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Retransmissions returns how many segments the kernel has sent again on fd since it was opened, SYNs included; -1:
// unknown, as on what is not TCP.
func Retransmissions(fd int) int64 {
	var info unix.TCPInfo
	size := uint32(unsafe.Sizeof(info))
	_, _, errno := syscall.RawSyscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_TCP, unix.TCP_INFO,
		uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
	if end := unsafe.Offsetof(info.Total_retrans) + unsafe.Sizeof(info.Total_retrans); errno != 0 || uintptr(size) < end {
		return -1
	}
	return int64(info.Total_retrans)
}
