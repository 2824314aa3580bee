package netpoll

import (
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A Poller waits for sockets and for a deadline. The goroutine that waits is parked in Go's own poller like any other: it
// holds no thread. A prompt poller registers its epoll set there, with a timerfd in it, and wakes for both. A batching
// one registers only the timerfd: sockets are looked at when the timer fires, so that many events cost one wake-up.
//
// Note: a blocking epoll_wait costs half as much CPU again at 10 000 conns, because each return from the system call
// hands a P back and wakes the runtime's monitor; Go timers beside the set cost a seventh more.
type Poller struct {
	sockets  int      // the epoll set
	timer    int      // timerfd
	parked   int      // that of the two which Go's poller watches
	file     *os.File // owns parked
	raw      syscall.RawConn
	batching bool
	look     func(fd uintptr) bool
	nudged   atomic.Bool

	// Of the Wait under way.
	delay time.Duration
	armed bool
	buf   []unix.EpollEvent
	n     int
	err   error
}

// An Event says what happened to the socket that was added with ID.
type Event struct {
	ID       uint32
	Readable bool // bytes, the end of the stream or an error can be read
	Writable bool
	Hup      bool // the peer closed or reset: read until the end
}

// timerID marks the timerfd's events.
const timerID = ^uint32(0)

// NewPoller returns a poller that reports up to batch events at a time.
func NewPoller(batch int, batching bool) (*Poller, error) {
	p := &Poller{sockets: -1, timer: -1, batching: batching, buf: make([]unix.EpollEvent, batch)}
	if err := p.open(); err != nil {
		p.Close()
		return nil, fmt.Errorf("set up epoll: %w", err)
	}
	return p, nil
}

func (p *Poller) open() (err error) {
	if p.sockets, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return os.NewSyscallError("epoll_create1", err)
	}
	if p.timer, err = unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC); err != nil {
		return os.NewSyscallError("timerfd_create", err)
	}
	if p.batching {
		p.look = p.fired
		return p.park(p.timer)
	}
	p.look = p.polled
	ev := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET, Fd: -1}
	if err := unix.EpollCtl(p.sockets, unix.EPOLL_CTL_ADD, p.timer, &ev); err != nil {
		return os.NewSyscallError("epoll_ctl", err)
	}
	// os.NewFile registers a descriptor with Go's poller only if it is non-blocking.
	if err := unix.SetNonblock(p.sockets, true); err != nil {
		return os.NewSyscallError("fcntl", err)
	}
	return p.park(p.sockets)
}

func (p *Poller) park(fd int) (err error) {
	p.file, p.parked = os.NewFile(uintptr(fd), "poller"), fd
	p.raw, err = p.file.SyscallConn()
	return err
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
	_, _, errno := syscall.RawSyscall6(unix.SYS_EPOLL_CTL, uintptr(p.sockets), uintptr(op), uintptr(fd),
		uintptr(unsafe.Pointer(&ev)), 0, 0)
	return errOf(errno)
}

// Wait parks until something is ready, or delay has passed, or Nudge was called, and returns how many events there are;
// At tells each. A prompt poller leaves the timer as it was armed before if delay is negative.
func (p *Poller) Wait(delay time.Duration) (int, error) {
	p.delay, p.armed = delay, false
	if err := p.raw.Read(p.look); err != nil {
		return 0, err
	}
	p.nudged.Store(false)
	if p.batching {
		return p.Look()
	}
	return p.n, p.err
}

// polled is asked by Go's poller before it parks the goroutine, and each time it woke it.
func (p *Poller) polled(uintptr) bool {
	if !p.armed && p.delay >= 0 {
		p.arm()
	}
	p.armed = true
	p.n, p.err = p.Look()
	return p.n != 0 || p.err != nil
}

// fired arms the timer when it is first asked, after Go's poller has forgotten earlier expiries: so none can be missed,
// and the timer need not be read.
func (p *Poller) fired(uintptr) bool {
	if p.armed {
		return true
	}
	p.arm()
	p.armed = true
	return false
}

func (p *Poller) arm() {
	p.setTimer(p.delay)
	if p.nudged.Load() { // just before, and overwritten
		p.setTimer(0)
	}
}

func (p *Poller) setTimer(d time.Duration) {
	// An expiry of zero would disarm.
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(max(d, 1)))}
	syscall.RawSyscall6(unix.SYS_TIMERFD_SETTIME, uintptr(p.timer), 0, uintptr(unsafe.Pointer(&spec)), 0, 0, 0)
}

// Nudge makes Wait return now, or the next one at once. It may be called from any goroutine until Close.
func (p *Poller) Nudge() {
	p.nudged.Store(true)
	p.setTimer(0)
}

// Look returns how many events there are, as Wait does, without waiting: by RawSyscall, because a call that cannot block
// need not tell the scheduler.
func (p *Poller) Look() (int, error) {
	n, _, errno := syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(p.sockets), uintptr(unsafe.Pointer(&p.buf[0])),
		uintptr(len(p.buf)), 0, 0, 0)
	if errno == unix.EINTR {
		return 0, nil
	}
	return int(n), errOf(errno)
}

// At returns event i of the last Wait; ok is false if it is the timer's.
func (p *Poller) At(i int) (ev Event, ok bool) {
	e := &p.buf[i]
	const hup = unix.EPOLLRDHUP | unix.EPOLLHUP | unix.EPOLLERR
	return Event{
		ID:       uint32(e.Fd),
		Readable: e.Events&(unix.EPOLLIN|hup) != 0,
		Writable: e.Events&(unix.EPOLLOUT|unix.EPOLLERR) != 0,
		Hup:      e.Events&hup != 0,
	}, uint32(e.Fd) != timerID
}

// Close releases the poller. Sockets that were added stay open.
func (p *Poller) Close() {
	if p.file != nil {
		p.file.Close()
	}
	for _, fd := range []int{p.sockets, p.timer} {
		if fd >= 0 && (p.file == nil || fd != p.parked) {
			unix.Close(fd)
		}
	}
}

func errOf(errno syscall.Errno) error {
	if errno == 0 {
		return nil
	}
	return errno
}
