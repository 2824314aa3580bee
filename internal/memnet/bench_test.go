package memnet

import (
	"net"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var (
	request  = []byte("HEAD / HTTP/1.1\r\nHost: memory\r\n\r\n")
	response = []byte("HTTP/1.1 200 OK\r\nDate: Sat, 01 Jan 2000 00:00:00 GMT\r\n\r\n")
)

// exchange is one request and response as an HTTP client and server make them: each sets two read deadlines.
func exchange(c *Conn, buf []byte) error {
	_ = c.SetReadDeadline(time.Now().Add(3 * time.Second))
	if _, err := c.Write(request); err != nil {
		return err
	}
	_, err := c.Read(buf)
	_ = c.SetReadDeadline(time.Time{})
	return err
}

func answer(s *Conn, buf []byte) error {
	_ = s.SetReadDeadline(time.Now().Add(60 * time.Second))
	if _, err := s.Read(buf); err != nil {
		return err
	}
	_ = s.SetReadDeadline(time.Time{})
	_, err := s.Write(response)
	return err
}

// answering answers on its own goroutine until the returned function is called, which closes the client's end.
func answering(tb testing.TB, c, s *Conn) (stop func()) {
	var wg sync.WaitGroup
	wg.Go(func() {
		buf := make([]byte, 4096)
		for answer(s, buf) == nil {
		}
	})
	return func() {
		require.NoError(tb, c.Close())
		wg.Wait()
	}
}

func BenchmarkExchange(b *testing.B) {
	c, s := newPipe(b)
	stop := answering(b, c, s)
	buf := make([]byte, 4096)
	b.ReportAllocs()
	for b.Loop() {
		if err := exchange(c, buf); err != nil {
			b.Fatal(err)
		}
	}
	stop()
}

func TestExchangeAllocatesNothing(t *testing.T) {
	c, s := newPipe(t)
	stop := answering(t, c, s)
	buf := make([]byte, 4096)
	run := func() {
		if err := exchange(c, buf); err != nil {
			t.Error(err)
		}
	}
	allocs := testing.AllocsPerRun(1000, run)
	// 0 in truth; under the race detector sync.Pool forgets every fourth ring on purpose, which makes it 1 on average.
	require.LessOrEqual(t, allocs, 1.0)
	stop()
}

// heapPerConn returns how many bytes of heap each of n idle conns costs, both ends together, with the timers that they
// have once both ends have waited under a read deadline.
func heapPerConn(tb testing.TB, n int) float64 {
	tb.Helper()
	l := Listen()
	kept := make([]net.Conn, 0, 2*n)
	before := heapInUse()
	for range n {
		c, err := l.Dial(tb.Context())
		require.NoError(tb, err)
		s, err := l.Accept()
		require.NoError(tb, err)
		kept = append(kept, c, s)
		for _, end := range kept[len(kept)-2:] {
			g := &end.(*Conn).reading
			g.arm(time.Hour)
			g.timer.Stop()
		}
		require.NoError(tb, exchangeInline(c.(*Conn), s.(*Conn)))
	}
	after := heapInUse()
	runtime.KeepAlive(kept)
	require.NoError(tb, l.Close())
	return float64(after-before) / float64(n)
}

// exchangeInline needs no second goroutine, since neither end has to wait.
func exchangeInline(c, s *Conn) error {
	buf := make([]byte, 4096)
	if _, err := c.Write(request); err != nil {
		return err
	}
	if err := answer(s, buf); err != nil {
		return err
	}
	_, err := c.Read(buf)
	return err
}

func heapInUse() int64 {
	// Twice: what a sync.Pool holds survives the first collection.
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func BenchmarkIdleConns(b *testing.B) {
	var perConn float64
	for b.Loop() {
		perConn = heapPerConn(b, 10_000)
	}
	b.ReportMetric(perConn, "B/conn")
	b.ReportMetric(0, "ns/op")
}

// 672 B on 64-bit, Go 1.26: 416 for the pair and, for each end that has waited under a deadline, 128 for its timer.
func TestIdleConnIsSmall(t *testing.T) {
	require.Less(t, heapPerConn(t, 2000), 1024.0)
}
