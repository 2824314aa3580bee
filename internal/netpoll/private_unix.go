//go:build unix

package netpoll

import (
	"io/fs"
	"os"
	"syscall"
)

// Private reports whether a file or directory is this user's, and nobody else may write to it.
func Private(info fs.FileInfo) bool {
	stat, is := info.Sys().(*syscall.Stat_t)
	return is && int(stat.Uid) == os.Geteuid() && info.Mode().Perm()&0o022 == 0
}
