package netpoll

import (
	"fmt"
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A Poller waits for sockets and for a deadline. It is an epoll set with a timerfd in it, itself registered with Go's
// own poller: the waiting goroutine is parked like any other, holds no thread, and needs no second wake-up for timers.
//
// Note: a blocking epoll_wait in a system call costs half as much CPU again at 10 000 conns, because each return hands
// a P back and wakes the runtime's monitor; Go timers beside the set a seventh more.
type Poller struct {
	fd    int
	timer int
	nudge int      // eventfd
	file  *os.File // keeps fd registered with Go's poller, and owns it
	raw   syscall.RawConn
	poll  func(fd uintptr) bool

	buf []unix.EpollEvent
	n   int
	err error
}

// An Event says what happened to the socket that was added with ID.
type Event struct {
	ID       uint32
	Readable bool // bytes, the end of the stream or an error can be read
	Writable bool
	Hup      bool // the peer closed or reset: read until the end
}

// Events of the poller's own.
const (
	timerID = ^uint32(0)
	nudgeID = timerID - 1
)

// NewPoller returns a poller that reports up to batch events at a time.
func NewPoller(batch int) (*Poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	timer, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		unix.Close(fd)
		return nil, os.NewSyscallError("timerfd_create", err)
	}
	nudge, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	if err != nil {
		unix.Close(fd)
		unix.Close(timer)
		return nil, os.NewSyscallError("eventfd", err)
	}
	p := &Poller{fd: fd, timer: timer, nudge: nudge, buf: make([]unix.EpollEvent, batch)}
	if err := p.register(); err != nil {
		unix.Close(fd)
		unix.Close(timer)
		unix.Close(nudge)
		return nil, err
	}
	p.poll = func(uintptr) bool {
		p.n, p.err = p.ready()
		return p.n != 0 || p.err != nil
	}
	return p, nil
}

func (p *Poller) register() error {
	for id, fd := range map[uint32]int{timerID: p.timer, nudgeID: p.nudge} {
		ev := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET, Fd: int32(id)}
		if err := unix.EpollCtl(p.fd, unix.EPOLL_CTL_ADD, fd, &ev); err != nil {
			return os.NewSyscallError("epoll_ctl", err)
		}
	}
	// os.NewFile registers a descriptor with Go's poller only if it is non-blocking.
	if err := unix.SetNonblock(p.fd, true); err != nil {
		return os.NewSyscallError("fcntl", err)
	}
	p.file = os.NewFile(uintptr(p.fd), "epoll")
	raw, err := p.file.SyscallConn()
	if err != nil {
		return fmt.Errorf("register the epoll set with Go's poller: %w", err)
	}
	p.raw = raw
	return nil
}

// Add watches fd, edge-triggered: an event is reported once for each arrival. With write it reports too when the socket
// can be written to.
func (p *Poller) Add(fd int, id uint32, write bool) error {
	return p.control(unix.EPOLL_CTL_ADD, fd, id, write)
}

// Modify changes what is watched; a condition that holds already is reported again.
func (p *Poller) Modify(fd int, id uint32, write bool) error {
	return p.control(unix.EPOLL_CTL_MOD, fd, id, write)
}

func (p *Poller) control(op, fd int, id uint32, write bool) error {
	ev := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLRDHUP | unix.EPOLLET, Fd: int32(id)}
	if write {
		ev.Events |= unix.EPOLLOUT
	}
	_, _, errno := syscall.RawSyscall6(unix.SYS_EPOLL_CTL, uintptr(p.fd), uintptr(op), uintptr(fd),
		uintptr(unsafe.Pointer(&ev)), 0, 0)
	return errOf(errno)
}

// Wait parks until something is ready and returns how many events there are; At tells each.
func (p *Poller) Wait() (int, error) {
	if err := p.raw.Read(p.poll); err != nil {
		return 0, err
	}
	return p.n, p.err
}

// ready asks the set without blocking: RawSyscall, because a call that cannot block need not tell the scheduler.
func (p *Poller) ready() (int, error) {
	n, _, errno := syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(p.fd), uintptr(unsafe.Pointer(&p.buf[0])),
		uintptr(len(p.buf)), 0, 0, 0)
	if errno == unix.EINTR {
		return 0, nil
	}
	return int(n), errOf(errno)
}

// At returns event i of the last Wait; ok is false if it is the timer's or a nudge.
func (p *Poller) At(i int) (ev Event, ok bool) {
	e := &p.buf[i]
	const hup = unix.EPOLLRDHUP | unix.EPOLLHUP | unix.EPOLLERR
	return Event{
		ID:       uint32(e.Fd),
		Readable: e.Events&(unix.EPOLLIN|hup) != 0,
		Writable: e.Events&(unix.EPOLLOUT|unix.EPOLLERR) != 0,
		Hup:      e.Events&hup != 0,
	}, uint32(e.Fd) < nudgeID
}

// Arm makes Wait return in d, replacing what was armed before.
func (p *Poller) Arm(d time.Duration) {
	// An expiry of zero would disarm.
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(max(d, 1)))}
	syscall.RawSyscall6(unix.SYS_TIMERFD_SETTIME, uintptr(p.timer), 0, uintptr(unsafe.Pointer(&spec)), 0, 0, 0)
}

// Nudge makes Wait return now, or at once if no one waits. It may be called from any goroutine until Close.
func (p *Poller) Nudge() {
	// The count is never read: edge-triggered, each write is an event of its own.
	one := uint64(1)
	syscall.RawSyscall(unix.SYS_WRITE, uintptr(p.nudge), uintptr(unsafe.Pointer(&one)), 8)
}

// Close releases the set. Sockets that were added stay open.
func (p *Poller) Close() {
	p.file.Close()
	unix.Close(p.timer)
	unix.Close(p.nudge)
}

func errOf(errno syscall.Errno) error {
	if errno == 0 {
		return nil
	}
	return errno
}
