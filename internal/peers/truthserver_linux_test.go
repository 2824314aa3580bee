package peers

import (
	"bytes"
	"encoding/gob"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The server whose own log is the truth: a process of its own, one thread around one epoll set, without net and without
// anything of Holdfast's, so that the two cannot both be wrong in the same way. It answers each request truthDelay after
// the kernel received it, and logs both instants of each exchange. This file is the child's side.

// truthVariable in the environment makes this test binary that server.
const truthVariable = "HOLDFAST_TRUTH_SERVER"

const truthDelay = 10 * time.Millisecond

// An exchange is one request and its answer. Instants are of the real-time clock, in ns, as the kernel's stamps are.
type exchange struct {
	Conn     int32 // conns are numbered as they are accepted
	Received int64 // the kernel's stamp of the last byte that was read
	Written  int64 // just before the answer was written
}

func (e exchange) took() time.Duration { return time.Duration(e.Written - e.Received) }

// A truthLog is all that the server knows, told when it ends.
type truthLog struct {
	Exchanges  []exchange // in the order of their answers
	Accepted   int32
	Unstamped  int64 // requests without a kernel stamp: timed when they were read
	Unfinished int64 // reads that did not end with a request: 0, as requests are single segments
	Unanswered int64 // requests whose conn was closed before the answer was due

	StallBegan, StallEnded int64 // between them nothing was read or written; 0: there was no stall
}

// truth is the server.
type truth struct {
	log                          truthLog
	epoll, listener, timer, pipe int
	conns                        map[int]int32 // by descriptor
	queue                        []owed        // by the instant at which they are due
	oob                          [512]byte
}

// An owed answer.
type owed struct {
	fd       int
	head     bool
	conn     int32
	received int64
}

func (o owed) due() int64 { return o.received + int64(truthDelay) }

// serveTruth is the whole of the child, if this process is one: it prints its address, obeys what it is told on standard
// input, and at the end of that prints its log.
func serveTruth() {
	if os.Getenv(truthVariable) == "" {
		return
	}
	runtime.LockOSThread()
	debug.SetGCPercent(-1) // a collection would be a stall that nobody asked for
	s := &truth{conns: map[int]int32{}, pipe: int(os.Stdin.Fd())}
	s.log.Exchanges = make([]exchange, 0, 1<<20)
	err := s.listen()
	for err == nil {
		err = s.turn()
	}
	if errors.Is(err, errTold) {
		err = gob.NewEncoder(os.Stdout).Encode(s.log)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// errTold ends the server in order.
var errTold = errors.New("standard input has ended")

func (s *truth) listen() (err error) {
	s.listener, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	// What is accepted inherits it, so that its first request is stamped too.
	if err := unix.SetsockoptInt(s.listener, unix.SOL_SOCKET, unix.SO_TIMESTAMPING,
		unix.SOF_TIMESTAMPING_RX_SOFTWARE|unix.SOF_TIMESTAMPING_SOFTWARE); err != nil {
		return fmt.Errorf("ask for stamps: %w", err)
	}
	if err := errors.Join(unix.Bind(s.listener, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}),
		unix.Listen(s.listener, 1<<15)); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	at, err := unix.Getsockname(s.listener)
	if err != nil {
		return fmt.Errorf("getsockname: %w", err)
	}
	// A timerfd is exact to the interrupt, where epoll_wait's own time limit has the slack of its thread.
	if s.timer, err = unix.TimerfdCreate(unix.CLOCK_REALTIME, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC); err != nil {
		return fmt.Errorf("timerfd: %w", err)
	}
	if s.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return fmt.Errorf("epoll: %w", err)
	}
	for _, fd := range []int{s.listener, s.timer, s.pipe} {
		if err := s.watch(fd); err != nil {
			return err
		}
	}
	_, err = fmt.Printf("127.0.0.1:%d\n", at.(*unix.SockaddrInet4).Port)
	return err
}

func (s *truth) watch(fd int) error {
	err := unix.EpollCtl(s.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)})
	if err != nil {
		return fmt.Errorf("watch descriptor %d: %w", fd, err)
	}
	return nil
}

// turn waits, reads what has come and writes what is due.
func (s *truth) turn() error {
	var events [256]unix.EpollEvent
	n, err := unix.EpollWait(s.epoll, events[:], -1)
	if err != nil && err != unix.EINTR {
		return fmt.Errorf("epoll_wait: %w", err)
	}
	for _, e := range events[:max(n, 0)] {
		switch fd := int(e.Fd); fd {
		case s.listener:
			err = s.accept()
		case s.timer: // read, lest it be reported again
			_, _ = unix.Read(fd, make([]byte, 8))
			err = nil
		case s.pipe:
			err = s.obey()
		default:
			s.read(fd)
			err = nil
		}
		if err != nil {
			return err
		}
	}
	return s.answer()
}

func (s *truth) accept() error {
	for {
		fd, _, err := unix.Accept4(s.listener, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		switch {
		case err == unix.EAGAIN:
			return nil
		case err == unix.ECONNABORTED || err == unix.EINTR:
			continue
		case err != nil:
			return fmt.Errorf("accept: %w", err)
		}
		s.conns[fd] = s.log.Accepted
		s.log.Accepted++
		if err := s.watch(fd); err != nil {
			return err
		}
	}
}

// obey reads a command: a duration is how long to stall, from now on.
func (s *truth) obey() error {
	var command [64]byte
	n, err := unix.Read(s.pipe, command[:])
	if err != nil || n == 0 {
		return errTold
	}
	d, err := time.ParseDuration(string(bytes.TrimSpace(command[:n])))
	if err != nil {
		return fmt.Errorf("a command: %w", err)
	}
	began := time.Now()
	time.Sleep(d)
	s.log.StallBegan, s.log.StallEnded = began.UnixNano(), time.Now().UnixNano()
	return nil
}

func (s *truth) read(fd int) {
	var request [4096]byte
	n, oobn, _, _, err := unix.Recvmsg(fd, request[:], s.oob[:], 0)
	if err == unix.EAGAIN || err == unix.EINTR {
		return
	}
	if err != nil || n == 0 {
		s.close(fd)
		return
	}
	if !bytes.HasSuffix(request[:n], []byte("\r\n\r\n")) {
		s.log.Unfinished++
		return
	}
	stamp := receiveStamp(s.oob[:oobn])
	if stamp == 0 {
		s.log.Unstamped++
		stamp = time.Now().UnixNano()
	}
	o := owed{fd: fd, head: request[0] == 'H', conn: s.conns[fd], received: stamp}
	// Conns are read in the order of their events, nearly that of the stamps.
	at := len(s.queue)
	for at > 0 && s.queue[at-1].received > stamp {
		at--
	}
	s.queue = slices.Insert(s.queue, at, o)
}

// close forgets what the conn is owed: the descriptor's number may be the next conn's.
func (s *truth) close(fd int) {
	open := len(s.queue)
	s.queue = slices.DeleteFunc(s.queue, func(o owed) bool { return o.fd == fd })
	s.log.Unanswered += int64(open - len(s.queue))
	delete(s.conns, fd)
	unix.Close(fd)
}

// receiveStamp returns the kernel's receive stamp in ns; 0: there is none.
func receiveStamp(oob []byte) int64 {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return 0
	}
	for _, m := range messages {
		if m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SO_TIMESTAMPING {
			return (*unix.Timespec)(unsafe.Pointer(&m.Data[0])).Nano()
		}
	}
	return 0
}

var (
	truthHead = []byte("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
	truthBody = []byte("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
)

// answer writes what is due, and has the timer wake us for what will be.
func (s *truth) answer() error {
	done := 0
	for ; done < len(s.queue); done++ {
		o, now := s.queue[done], time.Now().UnixNano()
		if o.due() > now {
			break
		}
		text := truthBody
		if o.head {
			text = truthHead
		}
		s.log.Exchanges = append(s.log.Exchanges, exchange{Conn: o.conn, Received: o.received, Written: now})
		_, _ = unix.Write(o.fd, text) // an error: the conn is gone, as its next event says
	}
	s.queue = slices.Delete(s.queue, 0, done)
	if len(s.queue) == 0 {
		return nil
	}
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(s.queue[0].due())}
	if err := unix.TimerfdSettime(s.timer, unix.TFD_TIMER_ABSTIME, &spec, nil); err != nil {
		return fmt.Errorf("timerfd_settime: %w", err)
	}
	return nil
}
