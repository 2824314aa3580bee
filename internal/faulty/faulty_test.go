package faulty

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/holdfast/internal/http1"
)

const (
	get  = "GET / HTTP/1.1\r\nHost: test\r\n\r\n"
	head = "HEAD / HTTP/1.1\r\nHost: test\r\n\r\n"
)

// wants says of each fault what arrives, read by read, and what then happens to a client that waits.
var wants = map[Fault]struct {
	reads []string
	then  then
}{
	CloseIdle:           {nil, end},
	ResetIdle:           {nil, reset},
	HalfCloseIdle:       {nil, halfClose},
	BytesIdle:           {[]string{"hello"}, serveOn},
	TimeoutIdle:         {[]string{"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"}, end},
	CloseUnanswered:     {nil, end},
	ResetUnanswered:     {nil, reset},
	HalfCloseUnanswered: {nil, halfClose},
	NeverAnswer:         {nil, silence},
	CloseInHead:         {[]string{"HTTP/1.1 200 OK\r\nX-"}, end},
	CloseInBody:         {[]string{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no"}, end},
	ResetInHead:         {[]string{"HTTP/1.1 200 OK\r\nX-"}, reset},
	ResetInBody:         {[]string{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no"}, reset},
	HalfAnswer:          {[]string{"HTTP/1.1 200 OK\r\nX-"}, silence},
	DripFeed:            {nil, drip},
	CloseAnnounced:      {[]string{"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"}, end},
	HTTP10:              {[]string{"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"}, end},
	BodyUntilClose:      {[]string{"HTTP/1.1 200 OK\r\n\r\nok"}, end},
	BytesBehind:         {[]string{"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nhello"}, serveOn},
	BodyAfterHead:       {[]string{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"}, serveOn},
	BodyAfterLater:      {[]string{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", "ok"}, serveOn},
	Status405:           {[]string{"HTTP/1.1 405 Method Not Allowed\r\nAllow: PUT\r\nContent-Length: 0\r\n\r\n"}, serveOn},
	Status408:           {[]string{"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"}, end},
	Status503:           {[]string{"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"}, serveOn},
}

// exchange sends a request and demands the proper answer, in a read of its own.
func exchange(t *testing.T, nc net.Conn, request string) {
	t.Helper()
	want := "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
	if strings.HasPrefix(request, "HEAD") {
		want = strings.TrimSuffix(want, "ok")
	}
	_, err := nc.Write([]byte(request))
	require.NoError(t, err)
	wantRead(t, nc, want)
}

// wantRead demands that one read gives just that, though the reader comes late: what a fault sends or does later must
// not get in its way.
func wantRead(t *testing.T, nc net.Conn, want string) {
	t.Helper()
	time.Sleep(3 * time.Millisecond)
	buf := make([]byte, 1<<10)
	n, err := nc.Read(buf)
	require.NoError(t, err)
	require.Equal(t, want, string(buf[:n]))
}

// wantSilence demands that nothing comes for a while.
func wantSilence(t *testing.T, nc net.Conn) {
	t.Helper()
	require.NoError(t, nc.SetReadDeadline(time.Now().Add(20*time.Millisecond)))
	n, err := nc.Read(make([]byte, 1))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	require.Zero(t, n)
}

// wantEnd demands that the conn ends with want, and that nothing comes before.
func wantEnd(t *testing.T, nc net.Conn, want error) {
	t.Helper()
	buf := make([]byte, 100)
	n, err := nc.Read(buf)
	require.ErrorIs(t, err, want)
	require.Empty(t, string(buf[:n]))
}

// wantThen demands what follows the bytes of a fault, and that the server lets go of the conn when the client goes.
func (v *service) wantThen(t *testing.T, nc net.Conn, then then) {
	t.Helper()
	open := true
	switch then {
	case serveOn:
		exchange(t, nc, get)
	case silence:
		wantSilence(t, nc)
	case drip:
		got := make([]byte, len("HTTP/1.1 200 OK\r\nX-xxx"))
		_, err := io.ReadFull(nc, got)
		require.NoError(t, err)
		require.Equal(t, "HTTP/1.1 200 OK\r\nX-xxx", string(got))
	case reset:
		wantEnd(t, nc, syscall.ECONNRESET)
		open = false
	case end, halfClose:
		wantEnd(t, nc, io.EOF)
		if c, ok := nc.(*tls.Conn); ok { // below the close_notify the conn ends too
			wantEnd(t, c.NetConn(), io.EOF)
		}
		open = then == halfClose
	}
	if open {
		if then == halfClose {
			_, err := nc.Write([]byte(get))
			require.NoError(t, err, "half of the conn is open")
		}
		require.Empty(t, v.closed, "conns that the server has closed")
	}
	nc.Close()
	<-v.closed
}

// at names f for one request of the first conn.
func at(request int, f Fault) func(int, int) Fault {
	return func(conn, r int) Fault {
		if conn == 0 && r == request {
			return f
		}
		return None
	}
}

// TestEachFault injects each fault on each network, at the first request and at a later one, and before any.
func TestEachFault(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		for _, f := range All() {
			want, listed := wants[f]
			require.True(t, listed || f.Malformed() || acts[f].when < idling, "%v is tested", f)
			for _, request := range []int{-1, 0, 3} {
				if !listed || f.Possible(w.network, w.overTLS, request) != nil {
					continue
				}
				t.Run(fmt.Sprintf("%s/%d", f, request), func(t *testing.T) {
					v := w.start(t, &Server{Fault: at(request, f)})
					nc, err := v.dial(t.Context())
					if f == ResetIdle && request < 0 && errors.Is(err, syscall.ECONNRESET) {
						return // it came into the connect, as its comment says
					}
					require.NoError(t, err)
					defer nc.Close()
					text := get
					if f.Method() == "HEAD" {
						text = head
					}
					for range request {
						exchange(t, nc, text)
					}
					if acts[f].when == answering {
						_, err := nc.Write([]byte(text))
						require.NoError(t, err)
					} else if request >= 0 {
						exchange(t, nc, text)
					}
					for _, read := range want.reads {
						wantRead(t, nc, read)
					}
					v.wantThen(t, nc, want.then)
					served := request + 1
					if want.then == serveOn {
						served++
					}
					require.Equal(t, map[Fault]int{f: 1}, v.Injected())
					require.Equal(t, 1, v.Accepted())
					require.Equal(t, served, v.Requests())
				})
			}
		}
	})
}

// TestMalformed holds each malformed response against the parser of http1, whose rules they are named for.
func TestMalformed(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		for _, f := range All() {
			if !f.Malformed() {
				continue
			}
			t.Run(f.String(), func(t *testing.T) {
				v := w.start(t, &Server{Fault: at(1, f)})
				nc, err := v.dial(t.Context())
				require.NoError(t, err)
				text := get
				if f.Method() == "" {
					text = head
				}
				exchange(t, nc, text)
				_, err = nc.Write([]byte(text))
				require.NoError(t, err)
				var p http1.Parser
				p.Reset(text == head)
				var got bytes.Buffer
				for err == nil {
					buf := make([]byte, 1<<10)
					n, readErr := nc.Read(buf)
					require.NoError(t, readErr)
					got.Write(buf[:n])
					_, _, err = p.Feed(buf[:n])
				}
				syntax := (*http1.SyntaxError)(nil)
				require.ErrorAs(t, err, &syntax)
				require.Equal(t, f.String(), syntax.Rule.String())
				_, err = io.CopyN(&got, nc, int64(len(acts[f].answer)-got.Len()))
				require.NoError(t, err)
				require.True(t, acts[f].answer == got.String(), "got what was sent")
				wantSilence(t, nc)
				nc.Close()
				<-v.closed
				require.Equal(t, map[Fault]int{f: 1}, v.Injected())
			})
		}
	})
}

// TestBeforeTheFirstRequest is about the faults at which a client gets no conn, or just that.
func TestBeforeTheFirstRequest(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		for _, f := range All() {
			if acts[f].when >= idling || f.Possible(w.network, w.overTLS, -1) != nil {
				continue
			}
			t.Run(f.String(), func(t *testing.T) {
				v := w.start(t, &Server{Fault: at(-1, f)})
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if f == SilentInHandshake {
					time.AfterFunc(20*time.Millisecond, cancel)
				}
				nc, err := v.dial(ctx)
				if err == nil { // neither TLS nor a client that is still in connect
					require.False(t, w.overTLS)
					_, err = nc.Read(make([]byte, 1))
					nc.Close()
				}
				wantNoConn(t, f, w, err)
				<-v.closed
				require.Equal(t, map[Fault]int{f: 1}, v.Injected())
				require.Equal(t, 1, v.Accepted())
				require.Zero(t, v.Requests())
				nc, err = v.dial(t.Context())
				require.NoError(t, err)
				exchange(t, nc, get)
				nc.Close()
				<-v.closed
			})
		}
	})
}

func wantNoConn(t *testing.T, f Fault, w world, err error) {
	t.Helper()
	switch f {
	case CloseAccepted:
		if w.overTLS && errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) {
			return // the client's hello was there before the close, or could not be written
		}
		require.ErrorIs(t, err, io.EOF)
	case CloseInHandshake:
		require.ErrorIs(t, err, io.EOF)
	case ResetAccepted, ResetInHandshake:
		require.ErrorIs(t, err, syscall.ECONNRESET)
	case SilentInHandshake:
		require.ErrorIs(t, err, context.Canceled)
	case AlertInHandshake:
		require.EqualError(t, err, "remote error: tls: handshake failure")
	case NotTLS:
		require.ErrorAs(t, err, new(tls.RecordHeaderError))
	default:
		t.Errorf("%v is not tested", f)
	}
}
