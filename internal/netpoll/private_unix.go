//go:build unix

package netpoll

import (
	"io/fs"
	"os"
	"syscall"
)

// SameDevice reports whether two files or directories are on the same file system.
func SameDevice(a, b fs.FileInfo) bool {
	one, is := a.Sys().(*syscall.Stat_t)
	other, too := b.Sys().(*syscall.Stat_t)
	return is && too && one.Dev == other.Dev
}

// Private reports whether a file or directory is this user's, and nobody else may write to it.
func Private(info fs.FileInfo) bool {
	stat, is := info.Sys().(*syscall.Stat_t)
	return is && int(stat.Uid) == os.Geteuid() && info.Mode().Perm()&0o022 == 0
}
