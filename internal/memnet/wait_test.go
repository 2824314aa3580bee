package memnet

import (
	"bytes"
	"io"
	"net"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// result is how a Read or Write on another goroutine ended, and when, since the start of the test.
type result struct {
	n   int
	err error
	at  time.Duration
}

// async calls op on its own goroutine and returns when it waits or is done.
func async(op func() (int, error)) <-chan result {
	start := time.Now()
	done := make(chan result, 1)
	go func() {
		n, err := op()
		done <- result{n, err, time.Since(start)}
	}()
	synctest.Wait()
	return done
}

func asyncRead(c *Conn) <-chan result {
	return async(func() (int, error) { return c.Read(make([]byte, 100)) })
}

func asyncWrite(c *Conn, n int) <-chan result {
	return async(func() (int, error) { return c.Write(make([]byte, n)) })
}

func bubble(t *testing.T, f func(t *testing.T, c, s *Conn)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c, s := newPipe(t)
		f(t, c, s)
	})
}

func TestReadDeadlineIsExact(t *testing.T) {
	bubble(t, func(t *testing.T, c, s *Conn) {
		require.NoError(t, c.SetReadDeadline(time.Now().Add(3*time.Second+1)))
		r := <-asyncRead(c)
		wantTimeout(t, r.err, "read", c)
		require.Equal(t, 3*time.Second+1, r.at)

		_, err := c.Read(make([]byte, 1)) // it stays
		wantTimeout(t, err, "read", c)
		require.NoError(t, c.SetReadDeadline(time.Now().Add(time.Second)))
		wantWrite(t, s, "next") // until it is moved
		wantRead(t, c, "next")
	})
}

func TestWriteDeadlineReportsPartialWrite(t *testing.T) {
	bubble(t, func(t *testing.T, c, s *Conn) {
		require.NoError(t, c.SetWriteDeadline(time.Now().Add(3*time.Second)))
		r := <-asyncWrite(c, window+1)
		require.Equal(t, window, r.n)
		wantTimeout(t, r.err, "write", c)
		require.Equal(t, 3*time.Second, r.at)
	})
}

// The first deadline is 10 s away; it is moved after 2 s, while a Read waits.
func TestDeadlineMovedUnderAWaitingRead(t *testing.T) {
	for _, tc := range []struct {
		name string
		move func(now time.Time) time.Time
		want time.Duration
	}{
		{"later", func(now time.Time) time.Time { return now.Add(20 * time.Second) }, 22 * time.Second},
		{"sooner", func(now time.Time) time.Time { return now.Add(time.Second) }, 3 * time.Second},
		{"past", func(now time.Time) time.Time { return now.Add(-1) }, 2 * time.Second},
		{"now", func(now time.Time) time.Time { return now }, 2 * time.Second},
	} {
		t.Run(tc.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, c, s *Conn) {
				require.NoError(t, c.SetReadDeadline(time.Now().Add(10*time.Second)))
				done := asyncRead(c)
				time.Sleep(2 * time.Second)
				require.NoError(t, c.SetReadDeadline(tc.move(time.Now())))
				r := <-done
				wantTimeout(t, r.err, "read", c)
				require.Equal(t, tc.want, r.at)
			})
		})
	}
}

func TestDeadlineClearedUnderAWaitingRead(t *testing.T) {
	bubble(t, func(t *testing.T, c, s *Conn) {
		require.NoError(t, c.SetReadDeadline(time.Now().Add(10*time.Second)))
		done := asyncRead(c)
		require.NoError(t, c.SetReadDeadline(time.Time{}))
		time.Sleep(time.Hour)
		wantWrite(t, s, "late")
		require.Equal(t, result{4, nil, time.Hour}, <-done)
	})
}

func TestFarDeadlineDoesNotOverflow(t *testing.T) {
	bubble(t, func(t *testing.T, c, s *Conn) {
		require.NoError(t, c.SetReadDeadline(time.Unix(1<<60, 0)))
		done := asyncRead(c)
		time.Sleep(24 * time.Hour)
		wantWrite(t, s, "late")
		require.Equal(t, result{4, nil, 24 * time.Hour}, <-done)
	})
}

func TestBytesThatEndAWaitWinOverTheDeadline(t *testing.T) {
	bubble(t, func(t *testing.T, c, s *Conn) {
		done := asyncRead(c)
		wantWrite(t, s, "in time") // the reader may look only after the next line: still it gets the bytes
		require.NoError(t, c.SetReadDeadline(time.Unix(1, 0)))
		require.Equal(t, result{n: len("in time")}, <-done)
	})
}

func TestWriteWaitsForTheWindow(t *testing.T) {
	bubble(t, func(t *testing.T, c, s *Conn) {
		done := asyncWrite(c, window+10)
		require.Empty(t, done, "the window is full")
		time.Sleep(time.Second)
		got := 0
		for range 10 {
			n, err := s.Read(make([]byte, 1))
			require.NoError(t, err)
			got += n
		}
		require.Equal(t, result{window + 10, nil, time.Second}, <-done)
		n, err := io.ReadFull(s, make([]byte, window))
		require.NoError(t, err)
		require.Equal(t, window+10, got+n)
	})
}

func TestConcurrentWritesDoNotInterleave(t *testing.T) {
	bubble(t, func(t *testing.T, c, s *Conn) {
		const writers, size = 5, window + window/2
		var wg sync.WaitGroup
		for i := range writers {
			wg.Go(func() {
				_, err := c.Write(bytes.Repeat([]byte{'a' + byte(i)}, size))
				require.NoError(t, err)
			})
		}
		synctest.Wait()
		seen := map[byte]bool{}
		for range writers {
			buf := make([]byte, size)
			_, err := io.ReadFull(s, buf)
			require.NoError(t, err)
			require.Equal(t, size, bytes.Count(buf, buf[:1]), "one writer's bytes, whole")
			require.False(t, seen[buf[0]])
			seen[buf[0]] = true
		}
		wg.Wait()
	})
}

func TestAWaitingWriterKeepsItsDeadlineBehindAnother(t *testing.T) {
	bubble(t, func(t *testing.T, c, s *Conn) {
		first := asyncWrite(c, 2*window)
		require.NoError(t, c.SetWriteDeadline(time.Now().Add(time.Second)))
		second := <-asyncWrite(c, 1)
		require.Zero(t, second.n)
		wantTimeout(t, second.err, "write", c)
		require.Equal(t, time.Second, second.at)
		require.Equal(t, window, (<-first).n)
	})
}

func TestCloseWakesBothEnds(t *testing.T) {
	bubble(t, func(t *testing.T, c, s *Conn) {
		reading, writing := asyncRead(c), asyncWrite(c, 2*window)
		peerReading := asyncRead(s) // takes some of the window
		require.Equal(t, 100, (<-peerReading).n)
		require.NoError(t, c.Close())
		wantOpError(t, (<-reading).err, "read", c, net.ErrClosed)
		w := <-writing
		wantOpError(t, w.err, "write", c, net.ErrClosed)
		require.Equal(t, window+100, w.n)

		n, err := io.Copy(io.Discard, s)
		require.NoError(t, err)
		require.EqualValues(t, window, n, "what got into the window is delivered")
	})
}

func TestPeersEndWakesReader(t *testing.T) {
	for _, tc := range []struct {
		name string
		end  func(s *Conn) error
		want error
	}{
		{"Close", (*Conn).Close, io.EOF},
		{"CloseWrite", (*Conn).CloseWrite, io.EOF},
		{"abort", func(s *Conn) error { s.abort(); return nil }, syscall.ECONNRESET},
	} {
		t.Run(tc.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, c, s *Conn) {
				done := asyncRead(c)
				require.NoError(t, tc.end(s))
				require.ErrorIs(t, (<-done).err, tc.want)
			})
		})
	}
}

func TestPeersCloseWakesWriter(t *testing.T) {
	bubble(t, func(t *testing.T, c, s *Conn) {
		done := asyncWrite(c, 2*window)
		require.NoError(t, s.Close())
		r := <-done
		require.Equal(t, window, r.n)
		wantOpError(t, r.err, "write", c, syscall.ECONNRESET) // s left bytes unread
	})
}

func TestOwnCloseWriteWakesWriter(t *testing.T) {
	bubble(t, func(t *testing.T, c, s *Conn) {
		done := asyncWrite(c, 2*window)
		require.NoError(t, c.CloseWrite())
		r := <-done
		require.Equal(t, window, r.n)
		wantOpError(t, r.err, "write", c, syscall.EPIPE)
	})
}

func TestTimersAreTouchedByWaitsOnly(t *testing.T) {
	bubble(t, func(t *testing.T, c, s *Conn) {
		require.NoError(t, c.SetDeadline(time.Now().Add(time.Minute)))
		wantWrite(t, s, "ready")
		wantRead(t, c, "ready")
		require.Nil(t, c.reading.timer, "nobody waited")
		require.Nil(t, c.writing.timer, "nobody waited")

		done := asyncRead(c)
		require.True(t, c.reading.armed)
		wantWrite(t, s, "ready")
		require.Equal(t, 5, (<-done).n)
		require.False(t, c.reading.armed)
		require.False(t, c.reading.timer.Stop(), "no timer is pending when nobody waits")
	})
}

func TestWindowsAreHeldOnlyWhileThereAreBytes(t *testing.T) {
	c, s := newPipe(t)
	wantWrite(t, c, "request")
	require.Equal(t, sizes[0], len(s.in.data))
	wantRead(t, s, "request")
	require.Nil(t, s.in)
	_, err := c.Write(make([]byte, sizes[0]+1))
	require.NoError(t, err)
	require.Equal(t, sizes[1], len(s.in.data))
	require.NoError(t, s.Close())
	require.Nil(t, s.in)
}
