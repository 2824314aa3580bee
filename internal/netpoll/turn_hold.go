package netpoll

import "os"

// Open is the file that is locked. A child that inherits it keeps the turn from others for as long as it lives, however this
// process ends.
func (t *Turn) Open() *os.File { return t.file }

// Lasts reports whether path still names the file that is locked: somebody may have removed it between its being opened and its
// being locked, and then this turn keeps nobody out.
func (t *Turn) Lasts(path string) bool {
	own, err := t.file.Stat()
	if err != nil {
		return false
	}
	there, err := os.Lstat(path)
	return err == nil && os.SameFile(own, there)
}
