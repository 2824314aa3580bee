package netpoll

import (
	"errors"
	"os"
	"strings"
)

// A Turn is a lock on a file that all processes of this machine respect that want it, so that one at a time has its turn.
// It ends with the process at the latest, however that ends. Each OS file provides
//
//	tryLock(f *os.File) (held bool, err error) // of the whole file, exclusive, for the open file, not for the process
//	unlock(f *os.File)                         // whoever else has it open
//	stubborn int                               // flags for opening a file where others may have put a link
//
// and where the system has no such locks tryLock says errors.ErrUnsupported.
type Turn struct{ file *os.File }

// TakeTurn takes the turn if nobody has it. Else it returns nil, and who has it by what that one wrote; who stays in the file
// for as long as the turn lasts. An error says that this file cannot be locked, now or later.
func TakeTurn(path, who string) (*Turn, string, error) {
	f, err := openTurn(path)
	if err != nil {
		return nil, "", err
	}
	held, err := tryLock(f)
	if err != nil || !held {
		by := readTurn(f)
		f.Close()
		return nil, by, err
	}
	// Another user's file can be locked and not written: then nobody can read who has it.
	if f.Truncate(0) == nil {
		f.WriteAt([]byte(who), 0)
	}
	return &Turn{f}, "", nil
}

// openTurn opens the file of others too, in a directory where everybody may make files and nobody may write those of others.
func openTurn(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|stubborn, 0)
	if errors.Is(err, os.ErrNotExist) {
		if f, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE|stubborn, 0o644); err == nil {
			f.Chmod(0o666) // whatever the umask is: who has the turn says so here
		}
	}
	if errors.Is(err, os.ErrPermission) {
		f, err = os.OpenFile(path, os.O_RDONLY|stubborn, 0)
	}
	return f, err
}

// readTurn returns what the one who has the turn wrote; "" if nothing is to be read.
func readTurn(f *os.File) string {
	who := make([]byte, 256)
	n, _ := f.ReadAt(who, 0)
	return strings.ToValidUTF8(string(who[:n]), "?")
}

// End ends the turn.
func (t *Turn) End() {
	t.file.Truncate(0)
	// Closed alone it would stay locked for as long as a child has it, if only until that has executed what it was forked for.
	unlock(t.file)
	t.file.Close()
}
