//go:build unix

package netpoll

import (
	"errors"
	"fmt"
	"net"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestFailureOf(t *testing.T) {
	wrapped := func(err error) error {
		return fmt.Errorf("attempt: %w", &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", err)})
	}
	tests := []struct {
		err  error
		want Failure
		name string
	}{
		{nil, OtherFailure, ""},
		{errors.New("no errno"), OtherFailure, ""},
		{unix.EIO, OtherFailure, "EIO"},
		{unix.EMFILE, Exhausted, "EMFILE"},
		{unix.ENFILE, Exhausted, "ENFILE"},
		{unix.ENOBUFS, Exhausted, "ENOBUFS"},
		{unix.ENOMEM, Exhausted, "ENOMEM"},
		{unix.ENOSPC, Exhausted, "ENOSPC"},
		{unix.EADDRNOTAVAIL, Exhausted, "EADDRNOTAVAIL"},
		{unix.EADDRINUSE, Exhausted, "EADDRINUSE"},
		{unix.EAGAIN, Exhausted, "EAGAIN"},
		{unix.ETIMEDOUT, TimedOut, "ETIMEDOUT"},
		{unix.ECONNREFUSED, Refused, "ECONNREFUSED"},
		{unix.ENOENT, Refused, "ENOENT"},
		{unix.EHOSTUNREACH, Unreachable, "EHOSTUNREACH"},
		{unix.ENETUNREACH, Unreachable, "ENETUNREACH"},
		{unix.ECONNRESET, Reset, "ECONNRESET"},
		{unix.ECONNABORTED, Reset, "ECONNABORTED"},
		{unix.EPIPE, PeerClosed, "EPIPE"},
		{wrapped(unix.ECONNRESET), Reset, "ECONNRESET"},
		{wrapped(unix.EMFILE), Exhausted, "EMFILE"},
	}
	for _, test := range tests {
		got, name := FailureOf(test.err)
		require.Equal(t, test.want, got, "%v", test.err)
		require.Equal(t, test.name, name, "%v", test.err)
	}
	require.Len(t, failures, 16, "a row for each")
}
